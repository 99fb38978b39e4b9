"""Which source of an application a caller means: one of now, or of an earlier deployment."""

from __future__ import annotations

from tiphys.core.app.spec import sources_of
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.source import ApplicationSource, no_source

_PREFIX = "error getting app source by source index and version ID: "


def chosen_source(
    application: Application, index: int = 0, version: int | None = None
) -> ApplicationSource:
    """`version` is an id of the history. Raises ApiError."""
    sources = sources_of(application.spec) if version is None else _earlier(application, version)
    if not 0 <= index < len(sources):
        count = "is only 1 source" if len(sources) == 1 else f"are only {len(sources)} sources"
        raise _unknown(f"source index {index} not found because there {count}")
    return sources[index]


def known_sources(application: Application) -> tuple[ApplicationSource, ...]:
    """All that it has, or has had as far as its history goes."""
    found = list(sources_of(application.spec))
    for entry in application.status.history:
        found += entry.sources or (entry.source,)
    return tuple(found)


def _earlier(application: Application, version: int) -> tuple[ApplicationSource, ...]:
    history = application.status.history
    if not history:
        raise _unknown(f"version ID {version} not found because the app has no history")
    for entry in history:
        if entry.id == version:
            return entry.sources or ((entry.source,) if entry.source != no_source() else ())
    raise _unknown(f"revision history not found for version ID {version}")


def _unknown(text: str) -> ApiError:
    return ApiError(ApiCode.UNKNOWN, f"{_PREFIX}{text}")
