"""Rendering by the render process: the same Protocols, asked over a transport."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import orjson

from tiphys.model.errors import RenderError
from tiphys.model.repository import Asked, Listing, Place
from tiphys.services.render import calls
from tiphys.services.render.calls import Call
from tiphys.services.render.job import RenderJob
from tiphys.services.render.service import Rendered
from tiphys.services.render.shared import SentSurroundings
from tiphys.services.render.wire import WireError, pack, unpack


class RenderTransport(Protocol):
    """Brings a call to the render process."""

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """HTTP status and body. Raises RepositoryUnreachableError where nobody answers."""
        ...


class RemoteRendering:
    """Implements Rendering and Lister."""

    def __init__(self, transport: RenderTransport) -> None:
        self._transport = transport
        self._surroundings = SentSurroundings()

    async def list(self, place: Place, asked: Collection[Asked]) -> Listing:
        found: Listing = await self._call(calls.LIST, place=place, asked=tuple(asked))
        return found

    async def render(self, job: RenderJob, *, fresh: bool = False) -> Rendered:
        found: Rendered = await self._job(calls.RENDER, job, fresh=fresh)
        return found

    async def known(self, job: RenderJob) -> Rendered | None:
        found: Rendered | None = await self._job(calls.KNOWN, job)
        return found

    async def unchanged(self, job: RenderJob, digest: str) -> bool:
        found: bool = await self._job(calls.UNCHANGED, job, digest=digest)
        return found

    async def whole(self, place: Place, revision: str) -> str:
        found: str = await self._call(calls.WHOLE, place=place, revision=revision)
        return found

    async def touched(self, place: Place, folders: Mapping[str, tuple[str, str, str]]) -> set[str]:
        return set(await self._call(calls.TOUCHED, place=place, folders=folders))

    async def _job(self, call: Call, job: RenderJob, **arguments: Any) -> Any:
        """With all that surrounds the job only where that is not known there."""
        packed = {name: pack(value) for name, value in arguments.items()}
        for whole in (False, True):
            sent = self._surroundings.packed(job, whole=whole)
            body = orjson.dumps({"job": sent, **packed})
            status, answer = await self._transport.post(call.path, body)
            if status != calls.UNKNOWN:
                break
        return _answered(call, status, answer)

    async def _call(self, call: Call, **arguments: Any) -> Any:
        body = orjson.dumps({name: pack(value) for name, value in arguments.items()})
        return _answered(call, *await self._transport.post(call.path, body))


def _answered(call: Call, status: int, answer: bytes) -> Any:
    try:
        if status == 200:
            return unpack(call.answer, orjson.loads(answer))
        if status == calls.REFUSED:
            raise calls.unpacked_error(orjson.loads(answer))
    except (WireError, orjson.JSONDecodeError) as error:
        raise RenderError(f"the render process is of another version: {error}") from None
    text = answer[:500].decode("utf-8", "replace").strip()
    raise RenderError(f"the render process answered {status}: {text}")
