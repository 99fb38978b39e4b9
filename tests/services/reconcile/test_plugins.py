"""A plugin that is away: no other tool takes its place, and nothing that it made is pruned."""

from __future__ import annotations

import json
from typing import Any

from tests.services.reconcile.world import AUTO, URL, World, application, until, world
from tiphys.model.errors import RepositoryError
from tiphys.model.status import CompareLevel

MADE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "made"},
    "data": {"text": "by the plugin"},
}
LEFT = (
    "it was rendered by a plugin before, and no plugin that is here now is meant for it: "
    "start the plugin again, or set an option of the tool that is to render it instead"
)
ONE = f"Failed to load target state: failed to generate manifest for source 1 of 1: {LEFT}"


async def synced(here: World) -> None:
    here.plugins.there = True
    here.plugins.manifests = (MADE,)
    await here.refresh()
    await here.operator.operate("web")
    await here.refresh(CompareLevel.LATEST)
    assert here.live("made")
    assert here.status()["sync"]["status"] == "Synced"


def errors(here: World) -> list[str]:
    return [one["message"] for one in here.status().get("conditions") or ()]


async def test_nothing_is_pruned_while_a_plugin_is_away() -> None:
    async with world(application(policy=AUTO)) as here:
        await synced(here)
        assert here.status()["sourceType"] == "Plugin"
        here.plugins.there = False
        here.git.commit(URL, {"web/a": "two"})
        for _ in range(3):
            await here.refresh(CompareLevel.FORCE_RESOLVE)
            assert errors(here) == [ONE]
            assert here.status()["sync"]["status"] == "Unknown"
            assert here.status()["sourceType"] == "Plugin"
            assert not here.app().operation
        here.plugins.there = True
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert here.status()["sync"]["status"] == "Synced"
        assert errors(here) == []


async def test_a_plugin_that_says_no_now_is_not_replaced() -> None:
    async with world(application(policy=AUTO)) as here:
        await synced(here)
        here.plugins.meant = {"other"}
        here.git.commit(URL, {"web/a": "two"})
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert errors(here) == [ONE]


async def test_other_failures_do_not_make_it_forgotten() -> None:
    async with world(application(policy=AUTO)) as here:
        await synced(here)
        here.plugins.there = False
        here.git.failure = RepositoryError("nobody there")
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert "nobody there" in errors(here)[0]
        here.git.failure = None
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert errors(here) == [ONE]


async def test_local_manifests_do_not_make_it_forgotten() -> None:
    async with world(application()) as here:
        here.plugins.there = True
        here.plugins.manifests = (MADE,)
        await here.refresh()
        here.ask(manifests=[json.dumps(MADE)])
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        await here.refresh(CompareLevel.LATEST)
        here.plugins.there = False
        here.pass_time(2)
        here.ask(prune=True)
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Error"
        assert LEFT in here.state()["message"]
        assert here.live("made")


async def test_of_several_sources_the_one_that_lost_its_plugin_is_named() -> None:
    made = application(policy=AUTO)
    source = made["spec"].pop("source")
    made["spec"]["sources"] = [{**source, "path": "api"}, source]
    async with world(made) as here:
        here.git.commit(URL, {"web/a": "one", "api/b": "two"})
        await synced(here)
        assert here.status()["sourceTypes"] == ["Directory", "Plugin"]
        here.plugins.there = False
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert errors(here) == [ONE.replace("1 of 1", "2 of 2")]
        assert here.status()["sourceTypes"] == ["", "Plugin"]
        assert not here.app().operation


async def test_who_names_another_tool_means_it() -> None:
    async with world(application(policy=AUTO)) as here:
        await synced(here)
        here.plugins.there = False
        source = {**here.raw()["spec"]["source"], "directory": {"include": "*"}}
        here.change(spec={**here.raw()["spec"], "source": source})
        await until(lambda: here.app().raw["spec"]["source"] == source)
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert errors(here) == []
        assert here.status()["sourceType"] == "Directory"
