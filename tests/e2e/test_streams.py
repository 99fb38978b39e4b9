"""Streams over each protocol: what there is, then what changes, whoever else reads or does not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.api import Api, as_admin
from tests.e2e.calls import Speaker, speakers_of
from tests.e2e.manifests import config_map, deployment
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack

_SERVICE = "application.ApplicationService"
APP = "stream-app"
OTHERS = ("stream-a", "stream-b")
_SELECTOR = "stream=yes"
_BIG = 200_000
_CHANGES = 60


@dataclass(frozen=True)
class Site:
    stack: Stack
    admin: Api
    repo: Repo
    speakers: list[Speaker]

    def label(self, name: str, **labels: str) -> None:
        patch = {"metadata": {"labels": labels}}
        self.stack.kube.merge("Application", NAMESPACE, name, patch)


@pytest.fixture(scope="module")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One application runs three Pods; the others only are there."""
    repo = stack.repo("streams")
    repo.write("app/web.yaml", deployment("web", replicas=3))
    repo.write("none/settings.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create(APP, repo, "app")
    stack.ok("app", "sync", APP)
    stack.until_status(APP, "Synced", "Healthy")
    for name in OTHERS:
        stack.apply(name, repo, "none")
        stack.until_status(name, "OutOfSync", "Missing")
    admin = as_admin(stack)
    speakers = speakers_of(int(admin.address.rpartition(":")[2]), admin.token)
    found = Site(stack, admin, repo, speakers)
    for name in (APP, *OTHERS):
        found.label(name, stream="yes")
    listed = f"/api/v1/applications?selector={_SELECTOR}"
    stack.until("all are known", lambda: len(admin.ok("GET", listed)["items"] or ()) == 3)
    yield found
    for one in speakers:
        await one.close()


Event = tuple[str, str]


class Reader:
    """What a stream of applications told, as pairs of what and whose."""

    def __init__(self, events: AsyncGenerator[dict[str, Any], None]) -> None:
        self.seen: list[Event] = []
        self.last: dict[str, Any] = {}
        self._events = events

    async def read(self) -> None:
        async with aclosing(self._events) as events:
            async for event in events:
                self.last = event["application"]
                self.seen.append((event["type"], self.last["metadata"]["name"]))


async def until(
    what: str, tasks: Sequence[asyncio.Task[None]], check: Callable[[], bool], seconds: float = 30
) -> None:
    """None of the tasks, which read, may end meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                for task in tasks:
                    assert not task.done() or task.result(), f"a stream ended before {what}"
                if check():
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}") from None


async def stopped(*tasks: asyncio.Task[Any]) -> None:
    """An error that ended one before is told."""
    for task in tasks:
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(found, Exception):
            raise found


async def test_all_there_are_and_then_what_changes(site: Site) -> None:
    readers = [
        Reader(one.stream(f"{_SERVICE}/Watch", {"selector": _SELECTOR})) for one in site.speakers
    ]
    tasks = [asyncio.create_task(reader.read()) for reader in readers]
    added = [("ADDED", name) for name in sorted((APP, *OTHERS))]
    await until("all are told", tasks, lambda: all(len(one.seen) >= len(added) for one in readers))
    # What is still being written of them may be told behind it.
    assert [one.seen[: len(added)] for one in readers] == [added] * 3

    def told(event: Event) -> Callable[[], bool]:
        return lambda: all(event in one.seen[len(added) :] for one in readers)

    site.label("stream-a", changed="yes")
    await until("the change is told", tasks, told(("MODIFIED", "stream-a")))
    made = site.stack.app("stream-b")
    made["metadata"] = {
        "name": "stream-new", "namespace": NAMESPACE, "labels": {"stream": "yes"}
    }  # fmt: skip
    made.pop("status", None)
    site.admin.ok("POST", "/api/v1/applications?validate=false", made)
    await until("the new one is told", tasks, told(("ADDED", "stream-new")))
    site.admin.ok("DELETE", "/api/v1/applications/stream-new?cascade=false")
    await until("the end is told", tasks, told(("DELETED", "stream-new")))
    await stopped(*tasks)
    told_of = {name for one in readers for _, name in one.seen}
    assert told_of == {APP, *OTHERS, "stream-new"}


async def test_a_name_and_a_version_to_begin_at(site: Site) -> None:
    version = site.admin.ok("GET", "/api/v1/applications")["metadata"]["resourceVersion"]
    named = [
        Reader(one.stream(f"{_SERVICE}/Watch", {"name": "stream-b", "resourceVersion": "1"}))
        for one in site.speakers
    ]
    since = [
        Reader(one.stream(f"{_SERVICE}/Watch", {"selector": _SELECTOR, "resourceVersion": version}))
        for one in site.speakers
    ]
    tasks = [asyncio.create_task(one.read()) for one in (*named, *since)]
    await until("the one is told", tasks, lambda: all(one.seen for one in named))
    rounds = 0

    def heard() -> bool:
        # Nothing says when those are there who are told nothing at first.
        nonlocal rounds
        rounds += 1
        site.label("stream-b", round=str(rounds))
        return all(("MODIFIED", "stream-b") in one.seen for one in since)

    await until("a change is told", tasks, heard)
    await stopped(*tasks)
    assert all(one.seen[0] == ("ADDED", "stream-b") for one in named)
    assert not any(kind == "ADDED" for one in since for kind, _ in one.seen)


def _deaf(site: Site, path: str) -> socket.socket:
    """Somebody who asks, and reads nothing of the answer."""
    host, _, port = site.admin.address.partition(":")
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.connect((host, int(port)))
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.admin.token}\r\n\r\n"
    found.sendall(asked.encode())
    return found


async def test_who_does_not_read_harms_nobody(site: Site) -> None:
    deaf = [_deaf(site, f"/api/v1/stream/applications?selector={_SELECTOR}") for _ in range(3)]
    readers = [
        Reader(one.stream(f"{_SERVICE}/Watch", {"selector": _SELECTOR})) for one in site.speakers
    ]
    tasks = [asyncio.create_task(one.read()) for one in readers]
    await until("all are told", tasks, lambda: all(len(one.seen) >= 3 for one in readers))
    for number in range(_CHANGES):
        # More than what sockets hold.
        note = {"metadata": {"annotations": {"big": f"{number}-" + "x" * _BIG}}}
        change = site.stack.kube.merge
        await asyncio.to_thread(change, "Application", NAMESPACE, "stream-a", note)
    last = f"{_CHANGES - 1}-"

    def all_told() -> bool:
        return all(
            one.last["metadata"].get("annotations", {}).get("big", "").startswith(last)
            for one in readers
        )

    await until("the last change is told", tasks, all_told)
    assert site.admin.ok("GET", f"/api/v1/applications/{APP}")["metadata"]["name"] == APP
    await stopped(*tasks)
    for one in deaf:
        one.close()
    gone = {"metadata": {"annotations": {"big": None}}}
    site.stack.kube.merge("Application", NAMESPACE, "stream-a", gone)


async def test_logs_of_three_pods_by_each_protocol(site: Site) -> None:
    seen: list[dict[str, list[str]]] = [{} for _ in site.speakers]

    async def follow(speaker: Speaker, into: dict[str, list[str]]) -> None:
        asked = {"name": APP, "namespace": APP, "follow": True, "tailLines": 2}
        async with aclosing(speaker.stream(f"{_SERVICE}/PodLogs", asked)) as told:
            async for entry in told:
                assert not entry.get("last")
                into.setdefault(entry["podName"], []).append(entry["timeStampStr"])

    tasks = [asyncio.create_task(follow(*one)) for one in zip(site.speakers, seen, strict=True)]

    def enough() -> bool:
        return all(
            len(pods) == 3 and all(len(times) >= 4 for times in pods.values()) for pods in seen
        )

    await until("three Pods are followed by three", tasks, enough)
    await stopped(*tasks)
    for pods in seen:
        assert all(times == sorted(times) for times in pods.values())


async def test_logs_that_end(site: Site) -> None:
    """The same for all, and at the end the word that it is one."""
    answers = []
    for speaker in site.speakers:
        asked = {"name": APP, "namespace": APP, "tailLines": 1, "untilTime": "2001-01-01T00:00:00Z"}
        found = [entry async for entry in speaker.stream(f"{_SERVICE}/PodLogs", asked)]
        answers.append([bool(one.get("last")) for one in found])
    for lasts in answers:
        assert lasts[-1]
        assert not any(lasts[:-1])
    asked = {"name": APP, "namespace": APP, "tailLines": 1}
    for speaker in site.speakers:
        found = [entry async for entry in speaker.stream(f"{_SERVICE}/PodLogs", asked)]
        assert len({one["podName"] for one in found[:-1]}) == 3
        assert (found[-1].get("content", ""), found[-1].get("podName", "")) == ("", "")
        assert found[-1]["last"] is True


async def test_trees_as_they_change(site: Site) -> None:
    """Nothing comes at first; then each tree is whole."""
    trees: list[list[dict[str, Any]]] = [[] for _ in site.speakers]

    async def read(speaker: Speaker, into: list[dict[str, Any]]) -> None:
        asked = speaker.stream(f"{_SERVICE}/WatchResourceTree", {"applicationName": APP})
        async with aclosing(asked) as told:
            async for tree in told:
                into.append(tree)

    tasks = [asyncio.create_task(read(*one)) for one in zip(site.speakers, trees, strict=True)]
    killed = [
        node["name"]
        for node in site.admin.ok("GET", f"/api/v1/applications/{APP}/resource-tree")["nodes"]
        if node["kind"] == "Pod"
    ]
    assert len(killed) == 3

    def names(tree: dict[str, Any], kind: str) -> list[str]:
        return [node["name"] for node in tree["nodes"] if node["kind"] == kind]

    def replaced() -> bool:
        # Nothing says when a stream has begun: each round takes one more away.
        pods = site.stack.kube.list("Pod", APP)
        if len(pods) == 3:
            site.stack.kube.delete("Pod", APP, pods[0]["metadata"]["name"])
        old = set(killed)
        return all(any(set(names(tree, "Pod")) - old for tree in told) for told in trees)

    await until("other Pods are told", tasks, replaced)
    await stopped(*tasks)
    for told in trees:
        assert names(told[-1], "Deployment") == ["web"]
        assert len(names(told[-1], "ReplicaSet")) == 1
    site.stack.until_status(APP, "Synced", "Healthy")
