"""Applications with several sources: joined, followed, synced and rolled back as one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.services.reconcile.world import AUTO, URL, World, application, until, world
from tiphys.core.source.places import place_key
from tiphys.model.render import RenderRequest, RenderResult
from tiphys.model.repository import Place, Repository
from tiphys.model.status import CompareLevel
from tiphys.services.render.ports import TreeReader

OTHER = "https://git.example.com/other"
THIRD = "https://git.example.com/third"


def source(url: str = URL, **parts: Any) -> dict[str, Any]:
    return {"repoURL": url, "targetRevision": "main", **parts}


def several(*sources: dict[str, Any], **parts: Any) -> dict[str, Any]:
    made = application(**parts)
    del made["spec"]["source"]
    made["spec"]["sources"] = list(sources)
    return made


WEB, API = source(path="web"), source(OTHER, path="api")
VALUES = source(THIRD, ref="values")


async def push(here: World, url: str, files: dict[str, str]) -> str:
    commit = here.git.commit(url, files)
    await here.clock.advance(181)
    return commit


def seed_others(here: World) -> tuple[str, str]:
    return (
        here.git.commit(OTHER, {"api/b": "two"}),
        here.git.commit(THIRD, {"prod.yaml": "x"}),
    )


def revisions(here: World) -> list[str]:
    return list(here.status().get("sync", {}).get("revisions") or ())


def followed(here: World) -> set[str]:
    return {key for key, one in here.refs._places.items() if one.watchers}


async def test_sources_are_joined_in_their_order() -> None:
    async with world(several(WEB, API, VALUES)) as here:
        main = (await here.git.refs(Repository(URL)))["HEAD"]
        other, third = seed_others(here)
        await here.refresh()
        sync = here.status()["sync"]
        assert sync["revisions"] == [main, other, third]
        assert "revision" not in sync
        assert sync["comparedTo"]["sources"] == [WEB, API, VALUES]
        assert sync["comparedTo"]["source"] == {"repoURL": ""}
        assert here.status()["sourceTypes"] == ["Directory", "Directory", ""]
        assert "sourceType" not in here.status()
        assert [one["name"] for one in here.status()["resources"]] == ["a", "b"]
        # Nothing differs from what was compared.
        assert await here.refresh() is None


async def test_of_one_object_in_two_sources_the_last_is_meant() -> None:
    async with world(several(WEB, API, policy=AUTO)) as here:
        here.git.commit(OTHER, {"api/a": "from the second"})
        await here.refresh()
        (found,) = here.status()["conditions"]
        assert (found["type"], found["message"]) == (
            "RepeatedResourceWarning",
            "Resource /ConfigMap/demo/a appeared 2 times among application resources.",
        )
        await here.operator.operate("web")
        assert here.live("a")["data"] == {"text": "from the second"}


async def test_the_source_that_fails_is_named() -> None:
    async with world(several(WEB, API)) as here:
        here.git.commit(OTHER, {"api/b": "broken"})
        await here.refresh()
        (found,) = here.status()["conditions"]
        text = "failed to generate manifest for source 2 of 2: api/b: broken"
        assert found["message"] == f"Failed to load target state: {text}"
        assert here.status()["sync"]["status"] == "Unknown"
        assert "revisions" not in here.status()["sync"]
        assert "sourceTypes" not in here.status()


async def test_a_place_that_cannot_be_asked_is_named_by_its_source() -> None:
    async with world(several(WEB, API)) as here:
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        (found,) = here.status()["conditions"]
        assert (
            "failed to generate manifest for source 2 of 2: failed to list refs"
            in (found["message"])
        )


async def test_names_by_which_sources_refer_to_others() -> None:
    twice = several(WEB, VALUES, {**VALUES, "repoURL": OTHER})
    async with world(twice) as here:
        seed_others(here)
        await here.refresh()
        (found,) = here.status()["conditions"]
        assert found["message"] == (
            "Failed to load target state: invalid sources: multiple sources had the same `ref` key"
        )


async def test_a_sync_stores_all_sources_and_revisions() -> None:
    async with world(several(WEB, API, policy=AUTO)) as here:
        main = (await here.git.refs(Repository(URL)))["HEAD"]
        other, _ = seed_others(here)
        await here.refresh()
        assert here.raw()["operation"]["sync"]["revisions"] == [main, other]
        await here.operator.operate("web")
        result = here.state()["syncResult"]
        assert (result["revisions"], result["sources"]) == ([main, other], [WEB, API])
        assert result["source"] == {"repoURL": ""}
        (past,) = here.status()["history"]
        assert (past["revisions"], past["sources"]) == ([main, other], [WEB, API])
        assert here.live("a")["data"] == {"text": "one"}
        assert here.live("b")["data"] == {"text": "two"}
        assert here.status()["sync"]["status"] == "Synced"
        assert f"Initiated automated sync to '{main}, {other}'" in here.messages()


async def test_an_operation_may_name_revisions_of_its_own() -> None:
    async with world(several(WEB, API)) as here:
        old = (await here.git.refs(Repository(URL)))["HEAD"]
        other, _ = seed_others(here)
        here.git.commit(URL, {"web/a": "newer"})
        here.ask(revisions=[old])
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.state()["syncResult"]["revisions"] == [old, other]
        assert here.live("a")["data"] == {"text": "one"}


async def test_a_rollback_to_other_sources() -> None:
    """What was deployed while there was one source, and the other way round."""
    async with world(several(WEB, API)) as here:
        main = (await here.git.refs(Repository(URL)))["HEAD"]
        seed_others(here)
        here.ask(source=WEB, revision=main)
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        result = here.state()["syncResult"]
        assert (result["source"], result["revision"]) == (WEB, main)
        assert "sources" not in result
        assert here.live("b") is None
    async with world(application()) as here:
        main = (await here.git.refs(Repository(URL)))["HEAD"]
        other, _ = seed_others(here)
        here.ask(sources=[WEB, API], revisions=[main, other])
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.state()["syncResult"]["revisions"] == [main, other]
        assert here.live("b")["data"] == {"text": "two"}


async def test_each_source_of_an_operation_has_to_be_permitted() -> None:
    async with world(application()) as here:
        narrow = {**here.projects["default"].raw["spec"], "sourceRepos": [URL]}
        raw = {**here.projects["default"].raw, "spec": narrow}
        here.projects["default"] = type(here.projects["default"])(raw)
        here.rules.forget()
        here.ask(sources=[WEB, VALUES], revisions=["", ""])
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.state()["message"] == (
            f"InvalidSpecError: application repo {THIRD} is not permitted in project 'default'"
        )


async def test_all_places_are_followed_and_let_go() -> None:
    async with world(several(WEB, API, VALUES), controller=True) as here:
        seed_others(here)
        here.annotate(refresh="normal")
        await until(lambda: len(revisions(here)) == 3)
        places = [place_key(Place(Repository(url))) for url in (URL, OTHER, THIRD)]
        assert followed(here) == set(places)
        here.change(spec=several(WEB)["spec"])
        await until(lambda: followed(here) == set(places[:1]), what=lambda: followed(here))


@pytest.mark.parametrize(("url", "at"), [(URL, 0), (OTHER, 1), (THIRD, 2)])
async def test_a_commit_in_any_of_them_is_noticed(url: str, at: int) -> None:
    async with world(several(WEB, API, VALUES, policy=AUTO), controller=True) as here:
        seed_others(here)
        here.annotate(refresh="normal")
        await until(lambda: here.status().get("sync", {}).get("status") == "Synced")
        here.pass_time(1)
        before = revisions(here)
        files = {"web/a": "changed", "api/b": "changed", "prod.yaml": "changed"}
        commit = await push(here, url, files)
        await until(lambda: revisions(here)[at] == commit)
        others = [one for index, one in enumerate(revisions(here)) if index != at]
        assert others == [one for index, one in enumerate(before) if index != at]
        if at < 2:
            await until(lambda: here.live("ab"[at])["data"] == {"text": "changed"})


async def test_a_commit_elsewhere_renders_nothing() -> None:
    async with world(several(WEB, API, VALUES), controller=True) as here:
        seed_others(here)
        here.annotate(refresh="normal")
        await until(lambda: len(revisions(here)) == 3)
        rendered = len(here.renderer.requests)
        one = await push(here, URL, {"web/a": "one", "elsewhere/x": "y"})
        await until(lambda: revisions(here)[0] == one)
        two = await push(here, OTHER, {"api/b": "two", "elsewhere/x": "y"})
        await until(lambda: revisions(here)[:2] == [one, two])
        assert len(here.renderer.requests) == rendered


async def test_sources_are_rendered_side_by_side() -> None:
    async with world(several(WEB, API)) as here:
        seed_others(here)
        here.renderer.gate.clear()
        task = asyncio.create_task(here.refresh())
        await until(lambda: len(here.renderer.requests) == 2)
        here.renderer.gate.set()
        await task
        assert len(revisions(here)) == 2


async def test_a_recent_comparison_stays_with_all_its_revisions() -> None:
    async with world(several(WEB, API)) as here:
        seed_others(here)
        await here.refresh()
        before = revisions(here)
        here.git.commit(OTHER, {"api/b": "newer"})
        await here.refresh(CompareLevel.RECENT)
        assert revisions(here) == before


async def test_what_renders_tell_is_a_condition() -> None:
    async with world(several(WEB, API)) as here:
        seed_others(here)
        rendered = here.renderer.render

        async def telling(request: RenderRequest, tree: TreeReader) -> RenderResult:
            result = await rendered(request, tree)
            return replace(result, warnings=("t.yaml: now gives another value each time",))

        here.renderer.render = telling  # type: ignore[method-assign]
        await here.refresh()
        told = [(one["type"], one["message"]) for one in here.status()["conditions"]]
        text = "t.yaml: now gives another value each time"
        assert told == [
            ("RepeatedResourceWarning", f"source 1 of 2: {text}"),
            ("RepeatedResourceWarning", f"source 2 of 2: {text}"),
        ]
        # It keeps nothing from being synced.
        here.ask()
        await until(lambda: here.app().operation)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"


async def test_a_newer_commit_in_any_source_ends_the_wait_of_a_retry() -> None:
    async with world(several(WEB, API)) as here:
        here.git.commit(OTHER, {"api/b": "broken"})
        await here.refresh()
        here.ask()
        await until(lambda: here.app().operation)
        raw = here.raw()
        here.change(operation={**raw["operation"], "retry": {"limit": 2, "refresh": True}})
        await until(lambda: here.app().operation.retry.refresh)  # type: ignore[union-attr]
        await here.operator.operate("web")
        assert here.state()["retryCount"] == 1
        waits = await here.operator.operate("web")
        assert waits is not None
        assert waits.seconds > 5
        mended = here.git.commit(OTHER, {"api/b": "two"})
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        await here.operator.operate("web")
        assert here.state()["phase"] == "Succeeded"
        assert here.state()["syncResult"]["revisions"][1] == mended


async def test_a_commit_elsewhere_is_no_new_attempt() -> None:
    """Without self-heal what was changed by hand stays."""
    manual = {"automated": {"prune": True}}
    async with world(several(WEB, API, policy=manual), controller=True) as here:
        seed_others(here)
        here.annotate(refresh="normal")
        await until(lambda: here.status().get("sync", {}).get("status") == "Synced")
        begun = here.state()["startedAt"]
        here.cluster.change({**here.live("a"), "data": {"text": "by hand"}})
        await until(lambda: here.status()["sync"]["status"] == "OutOfSync")
        here.pass_time(1)
        commit = await push(here, OTHER, {"api/b": "two", "elsewhere/x": "y"})
        await until(lambda: revisions(here)[1] == commit)
        assert here.state()["startedAt"] == begun
        assert here.live("a")["data"] == {"text": "by hand"}


async def test_from_one_source_to_several_and_back() -> None:
    async with world(application()) as here:
        seed_others(here)
        await here.refresh()
        assert here.status()["sourceType"] == "Directory"
        here.change(spec=several(WEB, API)["spec"])
        await until(lambda: here.app().spec.sources)
        await here.refresh()
        assert len(revisions(here)) == 2
        assert not here.status()["sync"].get("revision")
        here.change(spec=application()["spec"])
        await until(lambda: not here.app().spec.sources)
        await here.refresh()
        assert here.status()["sync"]["revision"]
        assert not revisions(here)
        assert "sourceTypes" not in here.status()
