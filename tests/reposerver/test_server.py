"""The render process's port and whoever asks it, joined by real TLS on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fixtures.authority import Authority
from tiphys.adapters.reposerver import RenderClient
from tiphys.core.source.environment import BuildContext
from tiphys.model.errors import (
    RenderError,
    RenderLimitError,
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
    UnsupportedSourceError,
)
from tiphys.model.render import ToolKind
from tiphys.model.repository import (
    Asked,
    BasicLogin,
    Confidential,
    GitRefs,
    Listing,
    Place,
    Repository,
)
from tiphys.model.source import ApplicationSource
from tiphys.reposerver.server import RenderServer
from tiphys.services.render.calls import VERSION_HEADER
from tiphys.services.render.job import RenderJob
from tiphys.services.render.remote import RemoteRendering
from tiphys.services.render.service import Rendered
from tiphys.services.render.wire import VERSION

URL = "https://git.example.com/web"
REPOSITORY = Repository(URL, credentials=BasicLogin("me", Confidential("hush")))
JOB = RenderJob(
    ApplicationSource(repo_url=URL, path="web"), REPOSITORY, "a" * 40, BuildContext("web", "demo")
)
RENDERED = Rendered(({"kind": "X"},), ToolKind.HELM, "a" * 40, "digest", from_cache=True)


class Known:
    """Rendering and listing by heart; `error` is raised by renders, `gate` holds them back."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[object] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.cancelled = asyncio.Event()

    async def render(self, job: RenderJob, *, fresh: bool = False) -> Rendered:
        self.asked.append((job, fresh))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.error is not None:
            raise self.error
        return RENDERED

    async def known(self, job: RenderJob) -> Rendered | None:
        return RENDERED if job.revision else None

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        return (job, digest) == (JOB, "digest")

    async def whole(self, place: Place, revision: str) -> str:
        return f"{place.chart}{revision}"

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        return {name for name, (old, new, _) in folders.items() if place and old != new}

    async def list(self, place: Place, asked: Collection[Asked]) -> Listing:
        return GitRefs({one.revision: place.repository.url for one in asked})


class Ends:
    """Both ends of one authority."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority()
        self.folder = folder
        self.known = Known()

    def client_context(self, *, shows: bool = True, of: Authority | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.pem)
        if shows:
            issued = (of or self.authority).issue("controller", client=True)
            pair = self.folder / "pair.pem"
            pair.write_text(issued.certificate + issued.key)
            context.load_cert_chain(pair)
        return context

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[RenderServer]:
        server = RenderServer(self.known, self.known)
        context = self.authority.server_context(self.folder, asks_clients=True)
        await server.start("127.0.0.1", 0, context)
        try:
            yield server
        finally:
            await server.close()

    @asynccontextmanager
    async def asking(
        self,
        context: ssl.SSLContext | None = None,
        *,
        version: int = VERSION,
        seconds: float = 30.0,
    ) -> AsyncIterator[RemoteRendering]:
        async with self.serving() as server:
            client = RenderClient(
                f"localhost:{server.port}",
                context=context or self.client_context(),
                headers={VERSION_HEADER: str(version)},
                seconds=seconds,
            )
            try:
                yield RemoteRendering(client)
            finally:
                await client.close()


@pytest.fixture
def ends(tmp_path: Path) -> Ends:
    return Ends(tmp_path)


async def test_all_that_is_asked_comes_over(ends: Ends) -> None:
    async with ends.asking() as remote:
        assert await remote.render(JOB, fresh=True) == RENDERED
        assert ends.known.asked == [(JOB, True)]
        assert await remote.known(JOB) == RENDERED
        assert await remote.unchanged(JOB, "digest")
        assert not await remote.unchanged(JOB, "other")
        assert await remote.whole(Place(REPOSITORY, "c-"), "abc") == "c-abc"
        folders = {"one": ("a", "b", "x"), "two": ("a", "a", "y")}
        assert await remote.touched(Place(REPOSITORY), folders) == {"one"}
        assert await remote.list(Place(REPOSITORY), [Asked("main")]) == GitRefs({"main": URL})


@pytest.mark.parametrize(
    "error",
    [
        RepositoryError("login failed", url=URL),
        RevisionNotFoundError("no such revision", url=URL),
        RenderError("broken"),
        RenderLimitError("too much"),
        UnsupportedSourceError("not this", field="spec.source.plugin"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_errors_keep_their_kind(ends: Ends, error: RenderError | RepositoryError) -> None:
    ends.known.error = error
    async with ends.asking() as remote:
        with pytest.raises(type(error)) as caught:
            await remote.render(JOB)
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert vars(caught.value) == vars(error)


async def test_a_kind_that_is_not_known_comes_as_the_nearest(ends: Ends) -> None:
    class NewLimitError(RenderLimitError):
        pass

    ends.known.error = NewLimitError("of tomorrow")
    async with ends.asking() as remote:
        with pytest.raises(RenderLimitError, match="of tomorrow"):
            await remote.render(JOB)


@pytest.mark.parametrize("who", ["nobody", "stranger"])
async def test_who_is_not_ours_is_not_served(ends: Ends, who: str) -> None:
    stranger = Authority("another authority")
    context = ends.client_context(shows=who == "stranger", of=stranger)
    async with ends.asking(context) as remote:
        with pytest.raises(RepositoryUnreachableError):
            await remote.render(JOB)
    assert not ends.known.asked


async def test_a_server_that_is_not_ours_is_sent_nothing(ends: Ends) -> None:
    context = ssl.create_default_context(cadata=Authority("another authority").pem)
    async with ends.asking(context) as remote:
        with pytest.raises(RepositoryUnreachableError, match="not of our authority"):
            await remote.render(JOB)
    assert not ends.known.asked


async def test_another_version_is_said(ends: Ends) -> None:
    async with ends.asking(version=VERSION + 1) as remote:
        with pytest.raises(RenderError, match=f"answered 426: .* version {VERSION}"):
            await remote.render(JOB)


async def test_a_caller_that_gives_up_ends_its_call(ends: Ends) -> None:
    ends.known.gate.clear()
    async with ends.asking(seconds=0.5) as remote:
        with pytest.raises(RepositoryUnreachableError, match=r"no answer within 0\.5 s"):
            await remote.render(JOB)
        async with asyncio.timeout(10):
            await ends.known.cancelled.wait()


async def test_a_process_that_is_away_is_said() -> None:
    client = RenderClient("127.0.0.1:1", context=None, headers={})
    with pytest.raises(RepositoryUnreachableError, match="it cannot be reached"):
        await RemoteRendering(client).render(JOB)
    await client.close()
    assert "hush" not in repr(JOB)
