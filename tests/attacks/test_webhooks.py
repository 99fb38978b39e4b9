"""Deliveries of strangers: broken, endless, many, and such as would have us ask elsewhere.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.api.test_webhook import PUSH, Edge, serving
from tests.core.webhook.payloads import (
    AZURE,
    BITBUCKET,
    BITBUCKET_SERVER,
    GITHUB,
    NEW,
    OLD,
    changed,
)
from tiphys.adapters.bitbucket import BitbucketCloud
from tiphys.api import server
from tiphys.core.settings import Settings
from tiphys.core.webhook import payload
from tiphys.core.webhook.events import BitbucketPush, PushEvent
from tiphys.core.webhook.parsing import parse
from tiphys.core.webhook.payload import Node
from tiphys.core.webhook.providers import Provider
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import BasicLogin, Confidential, Repository

SwitchOff = Callable[[pytest.MonkeyPatch], object]


def raw_items(self: Node, *names: str) -> Any:
    """As if every list were one."""
    value = self.at(*names)._value
    return [Node(one) for one in value]


def raw_text(self: Node, *names: str) -> Any:
    return self.at(*names)._value.strip()


def trusting(patch: pytest.MonkeyPatch) -> None:
    """A reader that takes every value for what it should be."""
    patch.setattr(Node, "items", raw_items)
    patch.setattr(Node, "text", raw_text)
    patch.setattr(Node, "_object", lambda self: self._value)


BROKEN: dict[str, tuple[dict[str, str], Any]] = {
    "CVE-2025-59531 no refUpdates": (
        {"X-Vss-Activityid": "1"},
        changed(AZURE, "resource.refUpdates", None),
    ),
    "CVE-2025-59537 repository null": (PUSH, changed(GITHUB, "repository", None)),
    "CVE-2025-59537 gogs": ({"X-Gogs-Event": "push"}, changed(GITHUB, "repository", None)),
    "CVE-2025-59538 links boom": (
        {"X-Event-Key": "repo:refs_changed"},
        changed(BITBUCKET_SERVER, "repository.links.clone", "boom"),
    ),
    "CVE-2025-59538 href list": (
        {"X-Hook-UUID": "1", "X-Event-Key": "repo:push"},
        changed(BITBUCKET, "repository.links.html.href", []),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_deliveries_are_refused_and_all_goes_on(name: str) -> None:
    headers, payload = BROKEN[name]
    async with serving() as edge:
        for _ in range(3):
            assert await edge.send(payload, headers) == (400, "Webhook processing failed\n")
        assert await edge.send(GITHUB, PUSH) == (200, "")
        assert len(await edge.until(1)) == 1


@pytest.mark.parametrize("name", BROKEN)
async def test_a_reader_that_trusts_them_falls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    headers, payload = BROKEN[name]
    trusting(monkeypatch)
    async with serving() as edge:
        assert (await edge.send(payload, headers))[0] == 500


async def endless(edge: Edge, most: int) -> int:
    """How many bytes of a body without end were taken, at most so many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.server.port)
    writer.write(
        b"POST /api/webhook HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    sent, chunk = 0, b"x" * 65_536
    try:
        while sent < most and not reader.at_eof():
            writer.write(b"10000\r\n" + chunk + b"\r\n")
            await asyncio.wait_for(writer.drain(), 5)
            sent += len(chunk)
            await asyncio.sleep(0.001)
            if reader._buffer:  # type: ignore[attr-defined]
                break
    except (ConnectionError, TimeoutError):
        pass
    writer.close()
    return sent


async def test_cve_2024_40634_an_endless_body() -> None:
    async with serving() as edge:
        assert await endless(edge, 24 << 20) < 8 << 20
        assert (await edge.send(GITHUB, PUSH))[0] == 200
        # Without the limit it is read for as long as it comes.
        edge.settings = Settings(webhook_payload=1_000)
        assert await endless(edge, 24 << 20) >= 24 << 20


async def said(edge: Edge, head: bytes) -> bool:
    """Whether the connection stays open while a head comes that does not end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.server.port)
    writer.write(b"POST /api/webhook HTTP/1.1\r\n" + head)
    try:
        await writer.drain()
        await asyncio.wait_for(reader.read(1), 1)
    except TimeoutError:
        return True
    except ConnectionError:
        return False
    finally:
        writer.close()
    return False


async def test_an_endless_head(monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"X-Long: " + b"x" * (2 << 20)
    async with serving() as edge:
        assert not await said(edge, head)
        monkeypatch.setattr(server, "_HEAD_BYTES", 1 << 40)
        assert await said(edge, head)


async def test_a_head_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as edge:
        assert await said(edge, b"Host: x\r\n")
        monkeypatch.setattr(server, "_HEAD_SECONDS", 0.2)
        assert not await said(edge, b"Host: x\r\n")


@pytest.mark.parametrize("provider", [Provider.GITHUB, Provider.GITLAB])
async def test_deep_nesting_is_no_fault(provider: Provider) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    headers = (
        {"X-GitHub-Event": "push"}
        if provider is Provider.GITHUB
        else {"X-Gitlab-Event": "Push Hook"}
    )
    async with serving() as edge:
        edge.settings = Settings(webhook_payload=4)
        assert (await edge.send(deep, headers))[0] == 400
        assert (await edge.send(GITHUB, PUSH))[0] == 200


async def test_many_small_values_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few megabytes that would become hundreds."""
    whole = json.dumps(GITHUB).encode()
    bomb = b'{"more":[' + b"[]," * 2_500_000 + b"0]," + whole[1:]
    async with serving() as edge:
        edge.settings = Settings(webhook_payload=16)
        assert await edge.send(bomb, PUSH) == (400, "Webhook processing failed\n")
        monkeypatch.setattr(payload, "MOST_VALUES", 1 << 40)
        assert (await edge.send(bomb, PUSH))[0] == 200


class Metadata:
    """A service that must not be asked, and must not be told anything."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answers: dict[str, web.Response] = {}
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Metadata:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _answer(self, request: web.Request) -> web.Response:
        self.heard.append(request.headers.get("Authorization", ""))
        return self.answers.get(request.path, web.json_response({"values": []}))


LOGIN = BasicLogin("ada", Confidential("hushed"))


async def test_no_delivery_says_where_credentials_go() -> None:
    """Its links lead to a metadata service; Bitbucket's API is asked all the same."""
    async with Metadata() as evil, Metadata() as api:
        links = changed(BITBUCKET, "repository.links.self.href", f"{evil.url}/latest/meta-data")
        headers = {"x-event-key": "repo:push"}
        (event,) = parse(Provider.BITBUCKET, headers, orjson.dumps(links))
        assert isinstance(event, BitbucketPush)
        cloud = BitbucketCloud(f"{api.url}/2.0", frozenset({"127.0.0.1"}))
        repository = Repository(f"{api.url}/team/repo", credentials=LOGIN)
        await cloud.pushed(repository, event.full_name, event.push)
        assert evil.heard == []
        assert len(api.heard) == 2


def answering(next_page: str = "", location: str = "") -> web.Response:
    if location:
        return web.Response(status=302, headers={"Location": location})
    return web.json_response({"values": [{"new": {"path": "a"}}], "next": next_page})


@pytest.mark.parametrize("way", ["next", "redirect"])
async def test_no_answer_leads_credentials_elsewhere(way: str) -> None:
    async with Metadata() as evil, Metadata() as api:
        target = f"{evil.url}/latest/meta-data"
        made = answering(next_page=target) if way == "next" else answering(location=target)
        api.answers[f"/2.0/repositories/team/repo/diffstat/{NEW}..{OLD}"] = made
        cloud = BitbucketCloud(f"{api.url}/2.0", frozenset({"127.0.0.1"}))
        repository = Repository(f"{api.url}/team/repo", credentials=LOGIN)
        push = PushEvent((repository.url,), "main", default=True, before=OLD, after=NEW)
        if way == "redirect":
            with pytest.raises(RepositoryError):
                await cloud.pushed(repository, "team/repo", push)
        else:
            # Not all of the files are known, so that all may have changed.
            assert (await cloud.pushed(repository, "team/repo", push)).files == frozenset()
        assert evil.heard == []


async def test_a_redirect_that_is_followed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = aiohttp.ClientSession.get

    def following(self: aiohttp.ClientSession, url: str, **options: Any) -> Any:
        return whole(self, url, **{**options, "allow_redirects": True})

    monkeypatch.setattr(aiohttp.ClientSession, "get", following)
    async with Metadata() as evil, Metadata() as api:
        target = f"{evil.url}/latest/meta-data"
        api.answers[f"/2.0/repositories/team/repo/diffstat/{NEW}..{OLD}"] = answering(
            location=target
        )
        cloud = BitbucketCloud(f"{api.url}/2.0", frozenset({"127.0.0.1"}))
        repository = Repository(f"{api.url}/team/repo", credentials=LOGIN)
        push = PushEvent((repository.url,), "main", default=True, before=OLD, after=NEW)
        await cloud.pushed(repository, "team/repo", push)
        assert len(evil.heard) == 1


async def test_the_login_of_another_host_is_not_sent_there() -> None:
    async with Metadata() as api:
        cloud = BitbucketCloud(f"{api.url}/2.0")
        repository = Repository("https://git.example.com/team/repo", credentials=LOGIN)
        push = PushEvent((repository.url,), "main", default=True, before=OLD, after=NEW)
        with pytest.raises(RepositoryError):
            await cloud.pushed(repository, "team/repo", push)
        assert api.heard == []
        # With the host taken for Bitbucket's it would be.
        trusting_cloud = BitbucketCloud(f"{api.url}/2.0", frozenset({"git.example.com"}))
        await trusting_cloud.pushed(replace(repository), "team/repo", push)
        assert api.heard[0].startswith("Basic ")
