"""Surroundings are sent to the render process once, and a job is whole there in any case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from tiphys.core.source.environment import BuildContext
from tiphys.model.errors import RenderError
from tiphys.model.repository import BasicLogin, Confidential, Repository
from tiphys.model.source import ApplicationSource
from tiphys.services.render import calls
from tiphys.services.render.job import RenderJob, Surroundings
from tiphys.services.render.remote import RemoteRendering
from tiphys.services.render.shared import (
    KnownSurroundings,
    SentSurroundings,
    UnknownSurroundingsError,
)
from tiphys.services.render.wire import WireError, pack

URL = "https://git.example.com/web"
MANY = tuple(
    Repository(f"{URL}/{number}", credentials=BasicLogin("me", Confidential("hush")))
    for number in range(200)
)
JOB = RenderJob(
    ApplicationSource(repo_url=URL, path="web"),
    Repository(URL),
    "a" * 40,
    BuildContext("web", "demo"),
    surroundings=Surroundings(repositories=MANY, certificates={"b": "2", "a": "1"}),
)
OTHER = replace(JOB, surroundings=Surroundings(repositories=MANY[:1]))


def sent(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


class Server:
    """Answers `unchanged` as the render process does, and remembers what came."""

    def __init__(self) -> None:
        self.known = KnownSurroundings()
        self.sizes: list[int] = []
        self.jobs: list[RenderJob] = []
        self.forgets = False

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        assert path == calls.UNCHANGED.path
        self.sizes.append(len(body))
        if self.forgets:
            self.known = KnownSurroundings()
            return calls.UNKNOWN, b""
        try:
            self.jobs.append(self.known.job(orjson.loads(body)["job"]))
        except UnknownSurroundingsError:
            return calls.UNKNOWN, b""
        return 200, b"true"


async def test_what_surrounds_a_job_is_sent_once() -> None:
    server = Server()
    remote = RemoteRendering(server)
    for _ in range(3):
        assert await remote.unchanged(JOB, "digest")
    assert server.jobs == [JOB, JOB, JOB]
    named, whole, *later = server.sizes
    assert len(later) == 2
    assert max(named, *later) < 2_000 < 20_000 < whole
    assert server.jobs[1].surroundings is server.jobs[2].surroundings


async def test_a_process_that_was_started_anew_is_told_again() -> None:
    server = Server()
    remote = RemoteRendering(server)
    await remote.unchanged(JOB, "digest")
    server.known = KnownSurroundings()
    assert await remote.unchanged(JOB, "digest")
    assert server.jobs == [JOB, JOB]


async def test_a_process_that_never_knows_ends_the_call() -> None:
    server = Server()
    server.forgets = True
    with pytest.raises(RenderError, match="answered 428"):
        await RemoteRendering(server).unchanged(JOB, "digest")
    assert len(server.sizes) == 2


def test_changed_surroundings_are_others() -> None:
    client, server = SentSurroundings(), KnownSurroundings()
    server.job(sent(client.packed(JOB, whole=True)))
    rotated = replace(MANY[0], credentials=BasicLogin("me", Confidential("new")))
    changed = replace(JOB, surroundings=replace(JOB.surroundings, repositories=(rotated,)))
    with pytest.raises(UnknownSurroundingsError):
        server.job(sent(client.packed(changed, whole=False)))
    assert server.job(sent(client.packed(changed, whole=True))) == changed
    assert server.job(sent(client.packed(JOB, whole=False))) == JOB
    assert server.job(sent(client.packed(changed, whole=False))) == changed


def test_equal_surroundings_are_one() -> None:
    client, server = SentSurroundings(), KnownSurroundings()
    first = server.job(sent(client.packed(JOB, whole=True)))
    again = replace(JOB, surroundings=replace(JOB.surroundings))
    assert server.job(sent(client.packed(again, whole=False))).surroundings is first.surroundings
    assert server.job(sent(client.packed(again, whole=True))).surroundings is first.surroundings


def test_what_is_kept_is_bounded_and_the_newest_stays() -> None:
    client, server = SentSurroundings(), KnownSurroundings(size=1)
    for job in (JOB, OTHER):
        assert server.job(sent(client.packed(job, whole=True))) == job
        assert server.job(sent(client.packed(job, whole=False))) == job
    with pytest.raises(UnknownSurroundingsError):
        server.job(sent(client.packed(JOB, whole=False)))


@pytest.mark.parametrize("broken", [None, [], "x", {}, {**sent(pack(JOB)), "surroundings": None}])
def test_what_is_no_job_is_refused(broken: Any) -> None:
    with pytest.raises(WireError):
        KnownSurroundings().job(broken)


def test_digests_tell_no_secret() -> None:
    packed: Mapping[str, Any] = SentSurroundings().packed(JOB, whole=False)
    assert b"hush" not in orjson.dumps(packed)
