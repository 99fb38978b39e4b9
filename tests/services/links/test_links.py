"""Deep links made in the engine: one that is wrong takes no other with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import structlog.testing

from tiphys.adapters.engine import EngineEvaluator
from tiphys.core.links import LinkKind
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.links import Links

DATA = {"app": {"metadata": {"name": "shop", "labels": {"env": "prod"}}}}


@pytest.fixture
async def engine() -> AsyncIterator[EngineEvaluator]:
    found = EngineEvaluator()
    yield found
    await found.close()


def links(engine: EngineEvaluator, text: str) -> Links:
    return Links(engine, lambda: {"application.links": text})


async def test_links_are_made(engine: EngineEvaluator) -> None:
    made = links(
        engine,
        """
- {title: Logs, url: 'https://logs/{{.app.metadata.name | upper}}', icon.class: fa-book}
- {title: Prod, url: https://prod, if: 'app.metadata.labels.env == "prod"', description: D}
- {title: Dev, url: https://dev, if: 'app.metadata.labels.env == "dev"'}
- {title: Broken, url: 'https://{{.app.', description: D}
- {title: Bad, url: 'javascript:alert(1)'}
""",
    )
    with structlog.testing.capture_logs() as lines:
        found = await made.of(LinkKind.APPLICATION, DATA)
    assert found == [
        {"title": "Logs", "url": "https://logs/SHOP", "iconClass": "fa-book"},
        {"title": "Prod", "url": "https://prod", "description": "D"},
    ]
    assert [line["title"] for line in lines] == ["Broken", "Bad"]


async def test_one_that_never_ends_takes_no_other_with_it(engine: EngineEvaluator) -> None:
    loop = "{{range $i := until 100000}}{{range $j := until 100000}}{{end}}{{end}}"
    made = links(engine, f"[{{title: Slow, url: '{loop}'}}, {{title: Good, url: https://good}}]")
    found = await made.of(LinkKind.APPLICATION, DATA)
    assert [one["title"] for one in found] == ["Good"]


async def test_nothing_is_asked_where_nothing_is_configured(engine: EngineEvaluator) -> None:
    await engine.close()
    assert await links(engine, "").of(LinkKind.APPLICATION, DATA) == []


async def test_settings_that_cannot_be_read(engine: EngineEvaluator) -> None:
    with pytest.raises(ApiError) as caught:
        await links(engine, "{").of(LinkKind.APPLICATION, DATA)
    assert caught.value.code is ApiCode.UNKNOWN
    assert "application.links" in str(caught.value)
