"""Requests of browsers for Dex, passed on to where it really is."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from tiphys.model.errors import IdentityUnreachableError
from tiphys.model.identity import Relayed

_SECONDS: Final = 30.0
_LARGEST: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DexAddress:
    """`host` has a port, and no scheme. `strict`: the certificate has to be that of `ca`; without
    it any will do, for Dex beside us makes its own.
    """

    host: str
    plaintext: bool = False
    strict: bool = False
    ca: str = ""

    @classmethod
    def of(cls, text: str, *, plaintext: bool, strict: bool, ca: Path) -> DexAddress:
        """`--dex-server` with its flags; a scheme in the address says whether there is TLS.

        Raises ValueError for strict TLS without the certificate that it needs.
        """
        scheme, found, rest = text.partition("://")
        host = (rest if found else text).rstrip("/")
        plain = scheme == "http" if found else plaintext
        if plain or not strict:
            return cls(host=host, plaintext=plain)
        try:
            return cls(host=host, strict=True, ca=ca.read_text())
        except OSError as error:
            raise ValueError(f"--dex-server-strict-tls: {ca}: {error.strerror}") from None

    @property
    def url(self) -> str:
        return f"{'http' if self.plaintext else 'https'}://{self.host}"


class DexRelay:
    def __init__(self, address: DexAddress) -> None:
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Relayed:
        """Raises IdentityUnreachableError."""
        url = URL(f"{self._address.url}{path}", encoded=True)
        try:
            async with self._opened().request(
                method, url, headers=list(headers), data=body or None, allow_redirects=False
            ) as answer:
                found = await answer.content.read(_LARGEST)
                while not answer.content.at_eof():
                    found += await answer.content.read(_LARGEST)
                    if len(found) > _LARGEST:
                        raise IdentityUnreachableError("Dex answered with too much")
                pairs = tuple((name, value) for name, value in answer.headers.items())
                return Relayed(answer.status, pairs, found)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise IdentityUnreachableError(
                f"{self._address.url}: could not be asked ({type(error).__name__})"
            ) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context(), limit=50),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
            )
        return self._session

    def _context(self) -> ssl.SSLContext:
        if self._address.strict:
            return ssl.create_default_context(cadata=self._address.ca)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
