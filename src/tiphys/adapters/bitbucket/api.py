"""Asks Bitbucket's API which files a push changed, with the login of the repository.

Where it asks is ours to say: nothing of a delivery decides where credentials go, and no answer
leads them elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from tiphys.core.source.url import parse_repository_url
from tiphys.core.webhook.events import PushedFiles, PushEvent
from tiphys.model.errors import RepositoryError, RepositoryUnreachableError
from tiphys.model.repository import BasicLogin, BearerLogin, Repository

_API = "https://api.bitbucket.org/2.0"
_HOSTS = frozenset({"bitbucket.org", "ssh.bitbucket.org", "altssh.bitbucket.org"})
_SECONDS = 10.0
_ANSWER = 8 << 20
_PAGES = 50


class BitbucketCloud:
    """Implements BitbucketApi. `hosts` are those whose repositories' logins it may be told."""

    def __init__(self, url: str = _API, hosts: frozenset[str] = _HOSTS) -> None:
        self._url = url.rstrip("/")
        self._hosts = hosts

    async def pushed(self, repository: Repository, full_name: str, event: PushEvent) -> PushedFiles:
        if parse_repository_url(repository.url).host not in self._hosts:
            raise RepositoryError("it is no repository of Bitbucket's cloud", url=repository.url)
        base = f"{self._url}/repositories/{quote(full_name)}"
        try:
            async with asyncio.timeout(_SECONDS), self._session(repository) as session:
                spec = f"{quote(event.after, safe='')}..{quote(event.before, safe='')}"
                files = await self._files(session, f"{base}/diffstat/{spec}")
                told = await self._get(session, base)
        except (TimeoutError, aiohttp.ClientError) as error:
            reason = type(error).__name__
            raise RepositoryUnreachableError(
                f"the API of Bitbucket cannot be reached: {reason}", url=repository.url
            ) from None
        branch = told.get("mainbranch")
        name = branch.get("name") if isinstance(branch, dict) else ""
        return PushedFiles(files, name if isinstance(name, str) else "")

    def _session(self, repository: Repository) -> aiohttp.ClientSession:
        headers = {"Accept": "application/json"}
        match repository.credentials:
            case BasicLogin(username, password):
                pair = f"{username or 'x-token-auth'}:{password}".encode()
                headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            case BearerLogin(token):
                headers["Authorization"] = f"Bearer {token}"
        trust: ssl.SSLContext | bool = True
        if repository.trust.certificates:
            trust = ssl.create_default_context(cadata=repository.trust.certificates)
        elif repository.trust.insecure:
            trust = False
        connector = aiohttp.TCPConnector(ssl=trust)
        proxy = repository.proxy.url or None
        return aiohttp.ClientSession(
            connector=connector, headers=headers, proxy=proxy, trust_env=proxy is None
        )

    async def _files(self, session: aiohttp.ClientSession, url: str) -> frozenset[str]:
        found: set[str] = set()
        for _page in range(_PAGES):
            answer = await self._get(session, url)
            for entry in answer.get("values") or ():
                for side in ("new", "old"):
                    part = entry.get(side) if isinstance(entry, dict) else None
                    path = part.get("path") if isinstance(part, dict) else None
                    if isinstance(path, str):
                        found.add(path)
            url = answer.get("next") or ""
            if not url:
                return frozenset(found)
            if not isinstance(url, str) or not url.startswith(f"{self._url}/"):
                break
        # Not all of them: then nobody knows which.
        return frozenset()

    async def _get(self, session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        async with session.get(url, allow_redirects=False) as answer:
            if answer.status != 200:
                raise RepositoryError(
                    f"the API of Bitbucket answers {answer.status}", url=self._url
                )
            body = bytearray()
            async for chunk in answer.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > _ANSWER:
                    raise RepositoryError("the API of Bitbucket says too much", url=self._url)
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise RepositoryError("the API of Bitbucket answers no object", url=self._url)
        return found
