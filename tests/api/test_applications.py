"""Lists and streams of applications: what each caller sees of them, in which form, how often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.api.access import ALICE
from tests.api.applications import Api, following, value_of
from tests.cli.world import NAMESPACE, app, project
from tiphys.api.calls import Answer, Call
from tiphys.core.wire import decode
from tiphys.model.access import EVERYTHING, Caller
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.live import ObjectList, WatchEvent, WatchVerb
from tiphys.services.applications.roster import Roster
from tiphys.services.applications.shown import APPLICATION, Shown, ShownList
from tiphys.services.applications.store import APPLICATIONS

_TYPES = APPLICATION.removesuffix("Application")


def numbered(name: str, version: int = 1, **parts: Any) -> dict[str, Any]:
    manifest = app(name, **parts)
    metadata = {**manifest["metadata"], "resourceVersion": str(version), "uid": f"uid-{name}"}
    return {**manifest, "metadata": metadata}


@pytest.fixture
async def api() -> Api:
    found = Api()
    found.cluster.seed(
        project(),
        project("team", sourceNamespaces=["team-*"]),
        app("b", metadata={"labels": {"tier": "front"}}),
        app("a", spec={"source": {"repoURL": "https://git.example.com/r.git", "path": "x"}}),
        app("t", spec={"project": "team"}),
        app("a", metadata={"namespace": "team-one"}, spec={"project": "team"}),
    )
    found.access.allow("applications get *")
    await found.heard()
    return found


async def names(api: Api, query: dict[str, str] | None = None, /, **asked: Any) -> list[str]:
    answer = await api.ask("List", query, **asked)
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in answer["items"] or ()
    ]


# -- the contract's list ------------------------------------------------------------------------


async def test_a_list_is_what_may_be_seen_by_name(api: Api) -> None:
    everything = ["argocd/a", "team-one/a", "argocd/b", "argocd/t"]
    assert await names(api) == everything
    api.access.deny("applications get *")
    api.access.allow("applications get default/*", "applications get team/team-one/a")
    assert await names(api) == ["argocd/a", "team-one/a", "argocd/b"]
    api.access.deny("applications get default/*", "applications get team/team-one/a")
    answer = await api.ask("List")
    assert answer == {"metadata": {"resourceVersion": api.catalogue.version}, "items": None}


async def test_the_filters_of_the_contract(api: Api) -> None:
    # Of a name there is one, whatever namespaces hold it.
    assert await names(api, name="a") == ["argocd/a"]
    assert await names(api, name="a", appNamespace="team-one") == ["team-one/a"]
    assert await names(api, appNamespace="other") == []
    assert await names(api, projects=["team"]) == ["team-one/a", "argocd/t"]
    assert await names(api, projects=["team"], project=["default"]) == ["argocd/a", "argocd/b"]
    assert await names(api, repo="https://git.example.com/r.git") == ["argocd/a"]
    assert await names(api, repo="https://git.example.com/r") == []
    assert await names(api, selector="tier in (front)") == ["argocd/b"]
    with pytest.raises(ApiError) as caught:
        await names(api, selector="a==b==c")
    assert caught.value.code is ApiCode.UNKNOWN


async def test_a_recorded_list_is_written_alike() -> None:
    """To the byte: the JSON of the contract's own server, from the same objects."""
    items = [json.loads((Path(__file__).parent / "data" / "guestbook.json").read_text())]
    manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **items[0]}
    written = ShownList({"resourceVersion": "494"}, [Shown(manifest)]).json()
    text = json.dumps(items[0], separators=(",", ":"))
    assert written.decode() == f'{{"metadata":{{"resourceVersion":"494"}}\n,"items":[{text}\n]}}'


def test_signs_are_escaped_as_the_contract_does() -> None:
    odd = numbered("a", metadata={"annotations": {"x": "<a> & \u2028 \u00e9"}})
    text = Shown(odd).json().decode()
    assert "\\u003ca\\u003e \\u0026 \\u2028 é" in text
    assert json.loads(text)["metadata"]["annotations"]["x"] == "<a> & \u2028 é"


def test_one_that_cannot_be_read_hides_no_other() -> None:
    broken = numbered("a") | {"status": {"sync": "odd"}}
    found = json.loads(Shown(broken).json())
    assert found["metadata"]["name"] == "a"
    assert found["status"] == {"sync": "odd"}


async def test_both_protocols_say_the_same(api: Api) -> None:
    call = Call(caller=api.caller)
    handler: Any = api.handlers["application.ApplicationService/List"]
    answer = await handler.run(call, {})
    found = decode(f"{_TYPES}ApplicationList", answer.proto())
    assert found == json.loads(answer.json())


async def test_fields(api: Api) -> None:
    fields = {"fields": "items.metadata.name,items.spec.project,metadata.resourceVersion"}
    answer = await api.ask("List", fields, projects=["team"], appNamespace="team-one")
    assert answer == {
        "metadata": {"resourceVersion": api.catalogue.version},
        "items": [{"metadata": {"name": "a"}, "spec": {"project": "team"}}],
    }


# -- what is kept -------------------------------------------------------------------------------


async def test_policies_are_asked_once_for_each_application(api: Api) -> None:
    await names(api)
    api.access.asked.clear()
    await names(api)
    assert not api.access.asked
    changed = numbered("b", 500)
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, changed))
    await names(api)
    assert not api.access.asked
    # Another project is another question, and so is another application.
    moved = numbered("b", 501, spec={"project": "team"})
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, moved))
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.ADDED, numbered("c", 502)))
    assert await names(api, projects=["team"]) == ["team-one/a", "argocd/b", "argocd/t"]
    assert sorted(api.access.asked) == [
        "applications get default/c",
        "applications get team/b",
    ]


async def test_other_policies_are_another_answer_at_once(api: Api) -> None:
    api.access.only["bob"] = {"applications get team/*"}
    api.caller = Caller(claims={"iss": "argocd", "sub": "bob"})
    assert await names(api) == ["team-one/a", "argocd/t"]
    api.caller = EVERYTHING
    assert len(await names(api)) == 4
    api.caller = Caller(claims={"iss": "argocd", "sub": "bob"})
    api.access.only["bob"] = set()
    api.access.version = object()
    assert await names(api) == []


async def test_what_is_seen_follows_every_change(api: Api) -> None:
    """By difference, and the same as when it is found out anew."""
    api.access.deny("applications get *")
    api.access.allow("applications get default/*")
    await names(api)
    steps = [
        (WatchVerb.ADDED, numbered("c", 1)),
        (WatchVerb.ADDED, numbered("hidden", 2, spec={"project": "team"})),
        (WatchVerb.MODIFIED, numbered("hidden", 3)),
        (WatchVerb.MODIFIED, numbered("c", 4, spec={"project": "team"})),
        (WatchVerb.DELETED, numbered("b", 5)),
        (WatchVerb.DELETED, numbered("t", 6, spec={"project": "team"})),
        (WatchVerb.MODIFIED, numbered("a", 7, status={"health": {"status": "Degraded"}})),
    ]
    for verb, manifest in steps:
        api.catalogue.changed(APPLICATIONS, WatchEvent(verb, manifest))
        kept = await api.ask("List", {"stats": "true"})
        fresh = Roster(api.catalogue, api.rule, api.access).of(api.caller)
        await fresh.ready()
        assert kept["stats"] == fresh.statistics.shown()
        assert len(kept["items"]) == len(fresh)
    assert await names(api) == ["argocd/a", "argocd/hidden"]


async def test_lists_at_once_agree_while_much_changes(api: Api) -> None:
    """The first list of many applications gives way to others, and is whole all the same."""
    many = tuple(numbered(f"n{number:04}", number + 1) for number in range(1500))
    api.catalogue.replaced(APPLICATIONS, ObjectList(many, "2000"))
    asked = [asyncio.ensure_future(names(api)) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(0, 1500, 3):
        gone = numbered(f"n{number:04}", 3000 + number)
        api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.DELETED, gone))
    for found in await asyncio.gather(*asked):
        assert len(found) == 1000
        assert found == sorted(found)
    assert len(api.access.asked) <= 1500


async def test_policies_that_change_while_a_list_is_made_count(api: Api) -> None:
    many = tuple(numbered(f"n{number:04}", number + 1) for number in range(1000))
    api.catalogue.replaced(APPLICATIONS, ObjectList(many, "2000"))
    asked = asyncio.ensure_future(names(api))
    await asyncio.sleep(0)
    api.access.deny("applications get *")
    api.access.allow("applications get default/n0007")
    # Somebody else asks meanwhile, and something is gone that the first had seen.
    other = asyncio.ensure_future(names(api))
    await asyncio.sleep(0)
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.DELETED, numbered("n0000", 3000)))
    assert await asked == ["argocd/n0007"]
    assert await other == ["argocd/n0007"]


async def test_a_new_list_of_the_cluster_is_taken_over(api: Api) -> None:
    await names(api)
    api.catalogue.replaced(APPLICATIONS, ObjectList((numbered("z"),), "900"))
    assert await names(api) == ["argocd/z"]


# -- beyond the contract ------------------------------------------------------------------------


async def test_pages_lead_through_the_list(api: Api) -> None:
    seen, query = [], {"limit": "3", "sort": "-project"}
    while True:
        answer = await api.ask("List", query)
        seen += [item["metadata"]["name"] for item in answer["items"]]
        if "continue" not in answer["metadata"]:
            break
        assert answer["metadata"]["remainingItemCount"] == 1
        query["continue"] = answer["metadata"]["continue"]
        # What is gone meanwhile neither repeats nor hides what follows.
        gone = numbered("t", 9, spec={"project": "team"})
        api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.DELETED, gone))
    assert seen == ["t", "a", "b", "a"]


async def test_filters_and_statistics_of_all_that_is_seen(api: Api) -> None:
    answer = await api.ask("List", {"search": "team-ONE"})
    assert [item["metadata"]["name"] for item in answer["items"]] == ["a"]
    assert answer["stats"]["total"] == 4
    assert answer["stats"]["projects"] == {"default": 2, "team": 2}
    # Absent, they change nothing of the contract's answer.
    assert set(await api.ask("List", {"fields": "", "unknown": "x"})) == {"metadata", "items"}


async def test_by_grpc_they_come_as_metadata(api: Api) -> None:
    answer = await api.ask("List", None, {"tiphys-limit": "1", "tiphys-autosync": "false"})
    assert len(answer["items"]) == 1
    assert answer["metadata"]["remainingItemCount"] == 3


async def test_what_cannot_be_read_is_refused(api: Api) -> None:
    with pytest.raises(ApiError) as caught:
        await api.ask("List", {"sort": "colour"})
    assert caught.value.code is ApiCode.INVALID_ARGUMENT


async def test_who_has_the_list_is_not_sent_it_again(api: Api) -> None:
    await api.ask("List", {})
    first = api.call.etag
    assert await api.ask("List", {}, {"grpcgateway-if-none-match": first}) == {}
    await api.ask("List", {"limit": "1"})
    assert api.call.etag != first
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("b", 700)))
    answer = await api.ask("List", {}, {"grpcgateway-if-none-match": first})
    assert len(answer["items"]) == 4
    # What is the same for two callers today may not be tomorrow: each has their own.
    api.caller = EVERYTHING
    await api.ask("List", {})
    assert api.call.etag != first


# -- the stream ---------------------------------------------------------------------------------


async def take(stream: AsyncIterator[Answer], count: int) -> list[str]:
    found = []
    for _ in range(count):
        event = value_of(await asyncio.wait_for(anext(stream), 5))
        metadata = event["application"]["metadata"]
        found.append(f"{event['type']} {metadata['namespace']}/{metadata['name']}")
    return found


async def nothing(stream: AsyncIterator[Answer]) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.02)


async def test_a_stream_begins_with_all_that_there_are(api: Api) -> None:
    async with following(api):
        stream = api.stream()
        assert await take(stream, 4) == [
            "ADDED argocd/a",
            "ADDED argocd/b",
            "ADDED argocd/t",
            "ADDED team-one/a",
        ]
        api.cluster.change(app("b"))
        api.cluster.seed(app("c"))
        assert await take(stream, 2) == ["MODIFIED argocd/b", "ADDED argocd/c"]
        from tests.cli.world import key

        api.cluster.vanish(key("b"))
        assert await take(stream, 1) == ["DELETED argocd/b"]


async def test_nothing_is_missed_while_the_beginning_is_told(api: Api) -> None:
    async with following(api):
        stream = api.stream()
        await take(stream, 1)
        api.cluster.change(app("b"))
        await asyncio.sleep(0.01)
        assert await take(stream, 4) == [
            "ADDED argocd/b",
            "ADDED argocd/t",
            "ADDED team-one/a",
            "MODIFIED argocd/b",
        ]


async def test_who_names_a_version_has_the_beginning(api: Api) -> None:
    async with following(api):
        stream = api.stream(resourceVersion=str(api.cluster.latest + 2))
        reading = asyncio.ensure_future(take(stream, 1))
        await asyncio.sleep(0)
        # What is older than the version is left out.
        api.cluster.change(app("b"))
        api.cluster.change(app("t", spec={"project": "team"}))
        assert await reading == ["MODIFIED argocd/t"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": "a"}, ["ADDED argocd/a"]),
        ({"name": "a", "appNamespace": "team-one"}, ["ADDED team-one/a"]),
        # Named, it is told even to who has a version; of no name the namespace says nothing.
        ({"name": "b", "resourceVersion": "0"}, ["ADDED argocd/b"]),
        ({"projects": ["team"], "appNamespace": "x"}, ["ADDED argocd/t", "ADDED team-one/a"]),
        ({"selector": "tier=front"}, ["ADDED argocd/b"]),
        # Repositories are no filter of the stream.
        ({"repo": "x", "selector": "tier"}, ["ADDED argocd/b"]),
    ],
)
async def test_the_filters_of_the_stream(api: Api, asked: dict[str, Any], told: list[str]) -> None:
    stream = api.stream(**asked)
    assert await take(stream, len(told)) == told
    await nothing(stream)


async def test_a_stream_shows_what_its_reader_may_see_now(api: Api) -> None:
    api.access.deny("applications get *")
    api.access.allow("applications get default/*")
    stream = api.stream()
    await take(stream, 2)
    reading = asyncio.ensure_future(take(stream, 1))
    await asyncio.sleep(0)
    hidden = numbered("t", 500, spec={"project": "team"})
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, hidden))
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("b", 501)))
    assert await reading == ["MODIFIED argocd/b"]
    api.access.deny("applications get default/*")
    reading = asyncio.ensure_future(take(stream, 1))
    await asyncio.sleep(0)
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("b", 502)))
    api.access.allow("applications get default/a")
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.DELETED, numbered("a", 503)))
    assert await reading == ["DELETED argocd/a"]


async def test_many_readers_are_each_decided_on_once(api: Api) -> None:
    streams = []
    for number in range(70):
        api.caller = replace(ALICE, claims={**ALICE.claims, "sub": f"reader-{number}"})
        streams.append(api.stream())
        await take(streams[-1], 4)
    reading = [asyncio.ensure_future(take(stream, 2)) for stream in streams]
    await asyncio.sleep(0)
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("b", 501)))
    api.access.asked.clear()
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("b", 502)))
    assert api.access.asked == []
    assert await asyncio.gather(*reading) == [["MODIFIED argocd/b"] * 2] * len(streams)


async def test_namespaces_that_hold_applications_no_more_are_not_told(api: Api) -> None:
    from tiphys.core.settings import Settings

    api.settings = Settings()
    stream = api.stream(projects=["team"])
    assert await take(stream, 1) == ["ADDED argocd/t"]
    await nothing(stream)


async def test_a_slow_reader_loses_events_and_hinders_nobody() -> None:
    api = Api(buffer=3)
    api.access.allow("*")
    slow, quick = api.stream(), api.stream()
    slow_read = asyncio.ensure_future(take(slow, 1))
    quick_read = asyncio.ensure_future(take(quick, 5))
    await asyncio.sleep(0)
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.ADDED, numbered("a", 1)))
    await slow_read
    for version in range(2, 6):
        api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("a", version)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(await quick_read) == 5
    versions = [
        value_of(await anext(slow))["application"]["metadata"]["resourceVersion"] for _ in range(3)
    ]
    assert versions == ["2", "3", "4"]
    await nothing(slow)


async def test_readers_share_what_happened(api: Api) -> None:
    api.live.trees_of["b"] = {"nodes": []}
    streams = [api.stream(resourceVersion="0") for _ in range(5)]
    reading = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)
    status = {"resourceHealthSource": "appTree", "resources": [{"kind": "Pod", "name": "p"}]}
    manifest = numbered("b", 500, status=status)
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, manifest))
    found = await asyncio.gather(*reading)
    assert len({id(event) for event in found}) == 1
    assert api.live.asked == 1
    # Nobody is listened to for who is gone.
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    assert not api.following.readers


async def test_fields_of_the_stream(api: Api) -> None:
    fields = {"fields": "result.type,result.application.metadata.name"}
    streams = [api.stream(fields, name="b") for _ in range(2)]
    for stream in streams:
        event = await anext(stream)
        assert value_of(event) == {"type": "ADDED", "application": {"metadata": {"name": "b"}}}
        # By this the same again is left out.
        assert event.name == "b"  # type: ignore[union-attr]


async def test_an_event_in_both_protocols(api: Api) -> None:
    event: Any = await anext(api.stream(name="a"))
    found = decode(f"{_TYPES}ApplicationWatchEvent", event.proto())
    assert found == json.loads(event.json())
    assert found["application"]["metadata"]["namespace"] == NAMESPACE
