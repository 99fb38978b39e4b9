"""The calls between the controller and the render process: names, arguments, answers, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tiphys.model.errors import (
    RenderError,
    RenderLimitError,
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
    TiphysError,
    UnsupportedRepositoryError,
    UnsupportedSourceError,
)
from tiphys.model.repository import Asked, Listing, Place
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import Rendered
from tiphys.services.render.wire import WireError

PORT: Final = 8081
VERSION_HEADER: Final = "Tiphys-Render"
REFUSED: Final = 422
"""HTTP status of an answer that is an error of the source or its repository."""
UNKNOWN: Final = 428
"""HTTP status where a job's surroundings have to be sent along."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """`arguments` are the types of what is asked, by name; `answer` is that of what comes back."""

    path: str
    arguments: Mapping[str, Any]
    answer: Any


LIST: Final = Call("/list", {"place": Place, "asked": tuple[Asked, ...]}, Listing)
RENDER: Final = Call("/render", {"job": RenderJob, "fresh": bool}, Rendered)
KNOWN: Final = Call("/known", {"job": RenderJob}, Rendered | None)
UNCHANGED: Final = Call("/unchanged", {"job": RenderJob, "digest": str}, bool)
WHOLE: Final = Call("/whole", {"place": Place, "revision": str}, str)
TOUCHED: Final = Call(
    "/touched",
    {"place": Place, "folders": Mapping[str, tuple[str, str, str]]},
    frozenset[str],
)
CALLS: Final = (LIST, RENDER, KNOWN, UNCHANGED, WHOLE, TOUCHED)

_ERRORS: Final[Mapping[str, type[TiphysError]]] = {
    kind.__name__: kind
    for kind in (
        RepositoryError,
        RepositoryUnreachableError,
        RevisionNotFoundError,
        UnsupportedRepositoryError,
        RenderError,
        RenderLimitError,
        UnsupportedSourceError,
    )
}


def packed_error(error: TiphysError) -> dict[str, str]:
    """An error of another kind arrives as one of the nearest kind that is known."""
    kind = next(name for one in type(error).__mro__ if (name := one.__name__) in _ERRORS)
    return {
        "kind": kind,
        "text": str(error),
        "url": getattr(error, "url", ""),
        "field": getattr(error, "field", ""),
    }


def unpacked_error(data: Any) -> TiphysError:
    """Raises WireError."""
    if not isinstance(data, Mapping) or data.get("kind") not in _ERRORS:
        raise WireError("an error of an unknown kind")
    kind, text = _ERRORS[data["kind"]], str(data.get("text"))
    if issubclass(kind, RepositoryError):
        return kind(text, url=str(data.get("url") or ""))
    if issubclass(kind, UnsupportedSourceError):
        return kind(text, field=str(data.get("field") or ""))
    return kind(text)
