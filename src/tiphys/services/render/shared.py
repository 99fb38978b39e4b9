"""What surrounds the sources of a project, sent to the render process once.

It holds every repository that the project may use, and each job of the project has it: with some
hundreds of repositories that are megabytes a call. So a job names it by a digest. Who does not
know that says so, and is sent all of it with the same job.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final

import orjson

from tiphys.services.render.job import RenderJob, Surroundings
from tiphys.services.render.wire import pack, unpack

_FIELD: Final = "surroundings"
_NAMED: Final = 256
_KEPT: Final = 128 << 20
_NOTHING: Final = Surroundings()
_PACKED_NOTHING: Final = pack(_NOTHING)


class UnknownSurroundingsError(Exception):
    """The digest that a job came with says nothing here."""


class SentSurroundings:
    """For who asks. Digests are remembered for the very value, of which there is one a project."""

    def __init__(self) -> None:
        self._digests: OrderedDict[int, tuple[Surroundings, str]] = OrderedDict()

    def packed(self, job: RenderJob, *, whole: bool) -> Any:
        """The job as it is sent; `whole` with all that surrounds it."""
        if whole:
            return pack(job)
        return {**pack(replace(job, surroundings=_NOTHING)), _FIELD: self._digest(job.surroundings)}

    def _digest(self, surroundings: Surroundings) -> str:
        known = self._digests.get(id(surroundings))
        if known is not None and known[0] is surroundings:
            self._digests.move_to_end(id(surroundings))
            return known[1]
        digest = _digest_of(orjson.dumps(pack(surroundings)))
        self._digests[id(surroundings)] = surroundings, digest
        if len(self._digests) > _NAMED:
            self._digests.popitem(last=False)
        return digest


class KnownSurroundings:
    """For who is asked. `size` bounds the bytes of all, as they came; the newest always stays."""

    def __init__(self, size: int = _KEPT) -> None:
        self._size = size
        self._held = 0
        self._known: OrderedDict[str, tuple[Surroundings, int]] = OrderedDict()

    def job(self, data: Any) -> RenderJob:
        """Raises WireError and UnknownSurroundingsError."""
        sent = data.get(_FIELD) if isinstance(data, dict) else None
        if isinstance(sent, str):
            around = self._named(sent)
        elif isinstance(sent, dict):
            around = self._sent(sent)
        else:
            return unpack(RenderJob, data)
        job = unpack(RenderJob, {**data, _FIELD: _PACKED_NOTHING})
        return replace(job, surroundings=around)

    def _named(self, digest: str) -> Surroundings:
        if digest not in self._known:
            raise UnknownSurroundingsError
        self._known.move_to_end(digest)
        return self._known[digest][0]

    def _sent(self, data: dict[str, Any]) -> Surroundings:
        """The digest is made here again: nobody's can stand for what another one sent."""
        text = orjson.dumps(data)
        digest = _digest_of(text)
        if digest in self._known:
            return self._named(digest)
        found = unpack(Surroundings, data)
        self._known[digest] = found, len(text)
        self._held += len(text)
        while self._held > self._size and len(self._known) > 1:
            _, (_, size) = self._known.popitem(last=False)
            self._held -= size
        return found


def _digest_of(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
