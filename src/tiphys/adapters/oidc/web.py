"""HTTP to one provider. Nothing is followed elsewhere: what is sent opens doors.

An error says which address did not answer as it should, and nothing of what was sent or came back
but OAuth's own words for what is wrong.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import orjson

from tiphys import __version__
from tiphys.model.errors import IdentityError, IdentityUnreachableError
from tiphys.model.identity import ProviderAccess

_SECONDS: Final = 10.0
_LARGEST: Final = 4 << 20
"""Bytes of an answer."""
_LONGEST_WORDS: Final = 300
_REDIRECTS: Final = range(300, 400)


class ProviderWeb:
    def __init__(self, access: ProviderAccess) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, url: str, *, token: str = "") -> Any:
        """A JSON document."""
        return await self._ask("GET", url, headers=_bearer(token) if token else {})

    async def post_json(self, url: str, body: Mapping[str, Any], *, token: str) -> Any:
        return await self._ask("POST", url, headers=_bearer(token), json=dict(body))

    async def post_form(
        self, url: str, form: Mapping[str, str], *, login: tuple[str, str] | None
    ) -> Any:
        headers = _basic(*login) if login else {}
        return await self._ask("POST", url, headers=headers, data=dict(form))

    async def _ask(self, method: str, url: str, **request: Any) -> Any:
        place = _shown(url)
        request["headers"] = {"Accept": "application/json", **request["headers"]}
        try:
            async with self._opened().request(
                method, self._reached(url), allow_redirects=False, **request
            ) as answer:
                body = await answer.content.read(_LARGEST + 1)
                while len(body) <= _LARGEST and not answer.content.at_eof():
                    body += await answer.content.read(_LARGEST + 1)
                status = answer.status
        except aiohttp.ClientConnectorCertificateError:
            raise IdentityUnreachableError(
                f"{place}: the certificate is not one that is trusted"
            ) from None
        except aiohttp.ClientSSLError:
            raise IdentityUnreachableError(f"{place}: TLS could not be agreed on") from None
        except (TimeoutError, asyncio.IncompleteReadError):
            raise IdentityUnreachableError(f"{place}: did not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise IdentityUnreachableError(
                f"{place}: could not be asked ({type(error).__name__})"
            ) from None
        return _document(place, status, body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=_context(self._access), limit=10),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                headers={"User-Agent": f"tiphys/{__version__}"},
                # Nobody's cookies are kept for the next.
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not self._access.reached_at,
            )
        return self._session

    def _reached(self, url: str) -> str:
        """The address itself, or the same path where the provider really is."""
        if not self._access.reached_at:
            return url
        parts, issuer = urlsplit(url), urlsplit(self._access.issuer)
        if (parts.scheme, parts.netloc) != (issuer.scheme, issuer.netloc):
            return url
        real = urlsplit(self._access.reached_at)
        return urlunsplit(parts._replace(scheme=real.scheme, netloc=real.netloc))


def _context(access: ProviderAccess) -> ssl.SSLContext:
    if access.root_ca:
        try:
            return _checked(ssl.create_default_context(cadata=access.root_ca), access)
        except (ssl.SSLError, ValueError):
            raise IdentityError("the provider's root CA is no certificate in PEM form") from None
    return _checked(ssl.create_default_context(), access)


def _checked(context: ssl.SSLContext, access: ProviderAccess) -> ssl.SSLContext:
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _document(place: str, status: int, body: bytes) -> Any:
    if len(body) > _LARGEST:
        raise IdentityError(f"{place}: the answer is too large")
    try:
        found = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        found = None
    if status in _REDIRECTS:
        raise IdentityError(f"{place}: leads elsewhere")
    if status != 200:
        said = _words(found)
        error = IdentityUnreachableError if status >= 500 else IdentityError
        raise error(f"{place}: answered {status}{f' ({said})' if said else ''}")
    if found is None:
        raise IdentityError(f"{place}: the answer is no JSON")
    return found


def _words(found: Any) -> str:
    """What OAuth calls an error."""
    if not isinstance(found, Mapping) or not isinstance(found.get("error"), str):
        return ""
    described = found.get("error_description")
    text = found["error"] + (f": {described}" if isinstance(described, str) else "")
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_LONGEST_WORDS]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"}


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
