"""An answer that is read within limits, counted as it arrives."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import aiohttp
from yarl import URL

from tiphys.adapters.packages.errors import Step, failed

_CHUNK: Final = 256 * 1024


class Answer:
    """Headers are looked up in any case."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    def challenges(self) -> Sequence[str]:
        return self._response.headers.getall("WWW-Authenticate", [])

    @property
    def url(self) -> URL:
        """Where redirects led."""
        return self._response.url

    async def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it was sent; raises RepositoryError past the limit of bytes."""
        length = self._response.content_length
        if length is not None and length > limit:
            raise self._too_large(limit)
        size = 0
        async for chunk in self._response.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise self._too_large(limit)
            yield chunk

    async def text_chunks(self, limit: int) -> AsyncIterator[bytes]:
        """The body, unpacked when it was sent as gzip; the limit counts for what comes out."""
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"identity", "", "gzip", "x-gzip"}:
            raise failed(Step.ANSWER, f"it is encoded as {encoding!r}", str(self.url))
        unpacked = zlib.decompressobj(31) if "gzip" in encoding else None
        size = 0
        async for chunk in self.chunks(limit):
            while unpacked is not None and chunk:
                data, chunk = self._step(unpacked, chunk)
                size += len(data)
                if size > limit:
                    raise self._too_large(limit)
                yield data
            if chunk:
                yield chunk
        while unpacked is not None and (data := self._step(unpacked, b"")[0]):
            yield data
        if unpacked is not None and not unpacked.eof:
            raise failed(Step.ANSWER, "it was cut short", str(self.url))

    async def read(self, limit: int) -> bytes:
        return b"".join([chunk async for chunk in self.chunks(limit)])

    def _step(self, unpacked: zlib._Decompress, chunk: bytes) -> tuple[bytes, bytes]:
        try:
            data = unpacked.decompress(chunk, _CHUNK)
        except zlib.error:
            raise failed(Step.ANSWER, "it is no valid gzip", str(self.url)) from None
        return data, unpacked.unconsumed_tail

    def _too_large(self, limit: int) -> Exception:
        return failed(Step.LIMIT, f"it is larger than {limit} bytes", str(self.url))
