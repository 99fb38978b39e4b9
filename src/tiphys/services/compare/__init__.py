"""Comparing as far as it asks others: jq of the sandbox, dry runs of the API server."""

from tiphys.services.compare.erasing import Eraser
from tiphys.services.compare.respecting import respected
from tiphys.services.compare.service import Ask, Comparisons
from tiphys.services.compare.updates import UpdateFilter

__all__ = ["Ask", "Comparisons", "Eraser", "UpdateFilter", "respected"]
