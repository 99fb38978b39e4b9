"""Calls of the render process over HTTPS, with our certificate shown and its own required."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import aiohttp

from tiphys.model.errors import RepositoryUnreachableError


class RenderClient:
    """`address` is `host:port`. Without a context nothing is encrypted, which has to be asked for.

    `seconds` bounds a call, the time that its render waits for others included. Close it on the
    loop that used it.
    """

    def __init__(
        self,
        address: str,
        *,
        context: ssl.SSLContext | None,
        headers: Mapping[str, str],
        seconds: float = 60.0,
        connections: int = 100,
    ) -> None:
        self._base = f"{'http' if context is None else 'https'}://{address}"
        self._address = address
        self._context = context
        self._headers = dict(headers)
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=10.0)
        self._seconds = seconds
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """HTTP status and body. Raises RepositoryUnreachableError where nobody answers."""
        try:
            async with self._opened().post(self._base + path, data=body) as answer:
                return answer.status, await answer.read()
        except TimeoutError:
            reason = f"no answer within {self._seconds:g} s"
        except aiohttp.ClientConnectorCertificateError:
            reason = "its certificate is not of our authority"
        except aiohttp.ClientSSLError as error:
            reason = f"TLS failed: {getattr(error, 'strerror', '') or type(error).__name__}"
        except aiohttp.ClientConnectorError as error:
            reason = f"it cannot be reached: {error.os_error.strerror or 'no connection'}"
        except (aiohttp.ClientError, OSError) as error:
            reason = f"the connection broke: {type(error).__name__}"
        raise RepositoryUnreachableError(f"the render process at {self._address}: {reason}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._context if self._context is not None else False,
                limit=self._connections,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                headers={"Content-Type": "application/json", **self._headers},
            )
        return self._session
