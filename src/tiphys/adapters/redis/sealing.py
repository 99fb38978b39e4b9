"""Seals of cache entries: who can write to the cache cannot write what is believed.

An entry counts only with a seal that was made with our key over its content and its place, so
that nobody can change one, make one up, or put one where another belongs.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from typing import Final

_SEAL: Final = hashlib.sha256().digest_size
_HEAD: Final = struct.Struct(">BQ")
"""Whether it is packed, and when it was written, in nanoseconds."""


class Sealer:
    """`secret` is shared by all who share the cache, and by nobody else."""

    def __init__(self, secret: bytes, *, purpose: str, compress: bool = True) -> None:
        self._key = hmac.digest(secret, b"tiphys cache: " + purpose.encode(), "sha256")
        self._compress = compress

    def sealed(self, place: str, data: bytes, *, now: int) -> bytes:
        """`now` in nanoseconds, by which entries are ordered."""
        body = zlib.compress(data, 1) if self._compress else data
        text = _HEAD.pack(self._compress, now) + body
        return self._seal(place, text) + text

    def opened(self, place: str, sealed: bytes, *, limit: int) -> tuple[int, bytes] | None:
        """When it was written, and the data; None where the seal is not ours. `limit` bytes."""
        seal, text = sealed[:_SEAL], sealed[_SEAL:]
        if len(text) < _HEAD.size or not hmac.compare_digest(seal, self._seal(place, text)):
            return None
        packed, written = _HEAD.unpack(text[: _HEAD.size])
        body = text[_HEAD.size :]
        if not packed:
            return written, body
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(body, limit)
        return None if unpacker.unconsumed_tail else (written, data)

    def _seal(self, place: str, text: bytes) -> bytes:
        place_bytes = place.encode()
        return hmac.digest(
            self._key, len(place_bytes).to_bytes(4, "big") + place_bytes + text, "sha256"
        )
