"""A Decoder without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from tiphys.model.errors import RenderError


class FakeDecoder:
    async def decode_yaml(self, data: bytes) -> Sequence[Any]:
        try:
            return [one for one in yaml.safe_load_all(data) if one is not None]
        except yaml.YAMLError as error:
            raise RenderError(str(error)) from None
