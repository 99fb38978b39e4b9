"""The receiving edge on a real socket: its answers, its limits, its queue."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette

from tests.core.webhook.payloads import GHCR, GITHUB, GITLAB
from tiphys.api.server import HttpServer
from tiphys.api.webhook import webhook_route
from tiphys.core.settings import Settings
from tiphys.core.webhook.events import Event, PushEvent
from tiphys.core.webhook.providers import WebhookSecrets
from tiphys.model.repository import Confidential
from tiphys.services.webhook import receiving
from tiphys.services.webhook.receiving import WebhookReceiver

PUSH = {"X-GitHub-Event": "push"}
TOO_LARGE = "Webhook processing failed: payload must be valid JSON under 1 MB\n"


class Edge:
    def __init__(self) -> None:
        self.secrets = WebhookSecrets()
        self.settings = Settings(webhook_payload=1, webhook_workers=2)
        self.handled: list[Event] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = 0
        self.receiver = WebhookReceiver(
            self._handle, secrets=lambda: self.secrets, settings=lambda: self.settings
        )
        self.server = HttpServer(Starlette(routes=[webhook_route(self.receiver)]))

    async def _handle(self, event: Event) -> None:
        self.at_once += 1
        await self.gate.wait()
        self.at_once -= 1
        self.handled.append(event)
        if isinstance(event, PushEvent) and event.revision == "fault":
            raise ValueError("a fault of ours")

    async def send(
        self, body: Any, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, str]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.server.port}/api/webhook"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, data=data, headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    async def until(self, count: int) -> list[Event]:
        async with asyncio.timeout(5):
            while len(self.handled) < count:  # noqa: ASYNC110 - as a user would look
                await asyncio.sleep(0.01)
        return self.handled


@asynccontextmanager
async def serving() -> AsyncIterator[Edge]:
    edge = Edge()
    await edge.server.start("127.0.0.1", 0)
    working = asyncio.create_task(edge.receiver.run())
    try:
        yield edge
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await edge.server.close()


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with serving() as edge:
        yield edge


async def test_a_push_is_taken_and_worked_on(edge: Edge) -> None:
    assert await edge.send(GITHUB, PUSH) == (200, "")
    (event,) = await edge.until(1)
    assert isinstance(event, PushEvent)
    assert event.urls == ("https://github.example.com/org/repo",)
    # What means nothing is accepted as well.
    assert await edge.send({"zen": "x"}, {"X-GitHub-Event": "ping"}) == (200, "")
    assert await edge.send({**GHCR, "action": "updated"}, {"X-GitHub-Event": "package"}) == (
        200,
        "",
    )


@pytest.mark.parametrize(
    ("method", "headers", "body", "answer"),
    [
        ("POST", {}, {}, (400, "Unknown webhook event\n")),
        ("GET", {}, None, (400, "Unknown webhook event\n")),
        ("GET", PUSH, None, (405, "Webhook processing failed\n")),
        ("PUT", PUSH, GITHUB, (405, "Webhook processing failed\n")),
        ("POST", PUSH, b"{", (400, "Webhook processing failed\n")),
        ("POST", {"X-GitHub-Event": "issues"}, {}, (400, "Webhook processing failed\n")),
        ("POST", PUSH, {**GITHUB, "repository": None}, (400, "Webhook processing failed\n")),
        ("POST", PUSH, b"", (400, TOO_LARGE)),
        ("POST", PUSH, b" " * (1 << 20) + b"{}", (400, TOO_LARGE)),
    ],
)
async def test_what_is_refused(
    edge: Edge, method: str, headers: dict[str, str], body: Any, answer: tuple[int, str]
) -> None:
    assert await edge.send(body, headers, method) == answer
    assert edge.handled == []


async def test_secrets_are_asked_for_as_they_are_now(edge: Edge) -> None:
    edge.secrets = WebhookSecrets(github=Confidential("hushed"), gitlab=Confidential("hushed"))
    failed = (400, "Webhook processing failed\n")
    assert await edge.send(GITHUB, PUSH) == failed
    assert await edge.send(GITLAB, {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "x"}) == failed
    unauthorised = await edge.send(GHCR, {"X-GitHub-Event": "package"})
    assert unauthorised == (401, "Unauthorized\n")
    body = json.dumps(GITHUB).encode()
    proof = hmac.new(b"hushed", body, hashlib.sha256).hexdigest()
    signed = {**PUSH, "X-Hub-Signature-256": f"sha256={proof}"}
    assert await edge.send(body, signed) == (200, "")
    edge.secrets = WebhookSecrets(github=Confidential("other"))
    assert await edge.send(body, signed) == failed


def at(number: int) -> dict[str, Any]:
    """A push like others, of another commit."""
    return {**GITHUB, "after": f"{number}a"}


async def test_a_full_queue_says_so(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "QUEUE_BOUND", 2)
    edge.gate.clear()
    for number in range(4):
        assert (await edge.send(at(number), PUSH))[0] == 200
        await asyncio.sleep(0.05)
    # Two are worked on, two wait. What waits already is not told twice.
    assert edge.at_once == 2
    full = (503, "Queue is full, discarding webhook payload\n")
    assert await edge.send(at(4), PUSH) == full
    assert await edge.send(at(3), PUSH) == (200, "")
    edge.gate.set()
    await edge.until(4)
    assert (await edge.send(GITHUB, PUSH))[0] == 200


async def test_names_of_files_fill_the_queue_too(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "FILES_BOUND", 5)
    edge.gate.clear()
    codes = []
    for number in range(5):
        codes.append((await edge.send(at(number), PUSH))[0])
        await asyncio.sleep(0.05)
    assert codes == [200, 200, 200, 503, 503]


async def test_a_fault_ends_nobody_else_s_work(edge: Edge) -> None:
    faulty = {**GITHUB, "ref": "refs/heads/fault"}
    for number in range(3):
        assert (await edge.send({**faulty, "after": f"{number}a"}, PUSH))[0] == 200
    await edge.until(3)
    assert (await edge.send(GITHUB, PUSH))[0] == 200
    await edge.until(4)


async def test_a_large_payload_is_understood(edge: Edge) -> None:
    commits = [{"added": [f"folder/{number}.yaml" for number in range(30_000)]}]
    assert (await edge.send({**GITHUB, "commits": commits}, PUSH))[0] == 200
    (event,) = await edge.until(1)
    assert isinstance(event, PushEvent)
    assert event.files is not None
    assert len(event.files) == 30_000


async def test_a_taken_port_is_told(edge: Edge) -> None:
    with pytest.raises(OSError, match="in use"):
        await HttpServer(Starlette()).start("127.0.0.1", edge.server.port)


async def test_so_much_is_read_at_once_and_no_more(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "BODIES_BOUND", 0)
    edge.settings = Settings(webhook_payload=1)
    half = json.dumps({**GITHUB, "more": "x" * 600_000}).encode()
    sent = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield half[:-1]
        await sent.wait()
        yield half[-1:]

    url = f"http://127.0.0.1:{edge.server.port}/api/webhook"
    async with aiohttp.ClientSession() as session:
        first = asyncio.create_task(session.post(url, data=slowly(), headers=PUSH))
        await asyncio.sleep(0.3)
        assert (await edge.send(half, PUSH))[0] == 503
        sent.set()
        async with await first as answer:
            assert answer.status == 200
    assert (await edge.send(half, PUSH))[0] == 200
