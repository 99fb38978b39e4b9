"""Which source a caller means."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.app.chosen import chosen_source, known_sources
from tiphys.model.application import Application
from tiphys.model.errors import ApiError

PREFIX = "error getting app source by source index and version ID: "


def source(path: str) -> dict[str, str]:
    return {"repoURL": "https://git", "path": path}


def app(*, sources: int = 0, history: list[dict[str, Any]] | None = None) -> Application:
    spec: dict[str, Any] = {"destination": {}, "project": "default"}
    if sources:
        spec["sources"] = [source(f"now-{at}") for at in range(sources)]
    else:
        spec["source"] = source("now")
    return Application(
        {"metadata": {"name": "a"}, "spec": spec, "status": {"history": history or []}}
    )


HISTORY = [
    {"id": 3, "deployedAt": "2026-01-01T00:00:00Z", "source": source("then")},
    {"id": 4, "deployedAt": "2026-01-01T00:00:00Z", "sources": [source("x"), source("y")]},
    {"id": 5, "deployedAt": "2026-01-01T00:00:00Z"},
]


def test_a_source_is_chosen() -> None:
    assert chosen_source(app()).path == "now"
    assert chosen_source(app(sources=2), 1).path == "now-1"
    assert chosen_source(app(history=HISTORY), 0, 3).path == "then"
    assert chosen_source(app(history=HISTORY), 1, 4).path == "y"


@pytest.mark.parametrize(
    ("found", "index", "version", "said"),
    [
        (app(), 1, None, "source index 1 not found because there is only 1 source"),
        (app(), -1, None, "source index -1 not found because there is only 1 source"),
        (app(sources=2), 2, None, "source index 2 not found because there are only 2 sources"),
        (app(), 0, 1, "version ID 1 not found because the app has no history"),
        (app(history=HISTORY), 0, 9, "revision history not found for version ID 9"),
        (app(history=HISTORY), 0, 5, "source index 0 not found because there are only 0 sources"),
    ],
)
def test_what_is_none(found: Application, index: int, version: int | None, said: str) -> None:
    with pytest.raises(ApiError) as caught:
        chosen_source(found, index, version)
    assert str(caught.value) == f"{PREFIX}{said}"


def test_all_that_there_were() -> None:
    paths = [one.path for one in known_sources(app(history=HISTORY[:2]))]
    assert paths == ["now", "then", "x", "y"]
