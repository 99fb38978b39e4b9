"""What is remote in a source may move, and nobody tells of it: it is looked for."""

from __future__ import annotations

from tests.services.reconcile.world import URL, application, world
from tiphys.core.settings import Settings
from tiphys.model.status import CompareLevel
from tiphys.services.reconcile.again import Again

BASE = "https://git.example.com/base"
FIXED = "a" * 40


async def test_what_may_move_is_looked_at_again() -> None:
    settings = Settings(reconciliation=120.0, reconciliation_jitter=60.0)
    async with world(application(), settings=settings) as here:
        here.remotes.put(BASE, {"x": "one"})
        here.git.commit(URL, {"web/a": f"remote tree {BASE} main"})
        assert await here.refresh(CompareLevel.FORCE_RESOLVE) == Again(245.0)
        here.remotes.put(BASE, {"x": "two"})
        before = len(here.renderer.requests)
        # Nobody asks for anything: this is the pass that was put off.
        assert await here.refresh() == Again(245.0)
        assert len(here.renderer.requests) > before


async def test_what_cannot_move_and_what_is_not_polled_is_not() -> None:
    async with world(application()) as here:
        here.remotes.put(BASE, {"x": "one"})
        here.git.commit(URL, {"web/a": f"remote tree {BASE} {FIXED}"})
        assert await here.refresh(CompareLevel.FORCE_RESOLVE) is None
    async with world(application(), settings=Settings(reconciliation=0.0)) as here:
        here.remotes.put(BASE, {"x": "one"})
        here.git.commit(URL, {"web/a": f"remote tree {BASE} main"})
        assert await here.refresh(CompareLevel.FORCE_RESOLVE) is None


async def test_a_look_that_finds_nothing_writes_its_time_at_most() -> None:
    async with world(application()) as here:
        here.remotes.put(BASE, {"x": "one"})
        here.git.commit(URL, {"web/a": f"remote tree {BASE} main"})
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        before = here.patches()
        await here.refresh()
        assert here.patches() - before <= 1
