"""Files behind URLs: values that somebody keeps on a web server, and the like. Nobody logs in."""

from __future__ import annotations

from typing import Final

from tiphys.adapters.packages.errors import shown, trying
from tiphys.adapters.packages.web.client import Ask, Web
from tiphys.adapters.packages.web.status import require_ok
from tiphys.core.source.remotes import FileAt, WebFile
from tiphys.model.repository import Repository

_NOT_MODIFIED: Final = 304
_FAR: Final = "https://far.invalid/"
"""The home of what may not be on this machine or its link: a host that is none."""


class HttpFiles:
    """Implements WebFiles of services.sources."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def get(self, file: FileAt, *, etag: str, limit: int) -> WebFile | None:
        headers = {"If-None-Match": etag} if etag.isascii() and etag else {}
        ask = Ask(file.url, headers=headers, home="" if file.near else _FAR)
        repository = Repository(file.url, trust=file.trust, proxy=file.proxy)
        with trying(f"failed to read '{shown(file.url)}'"):
            async with self._web.ask(ask, repository) as answer:
                if etag and answer.status == _NOT_MODIFIED:
                    return None
                require_ok(answer.status, file.url, has_login=False)
                data = await answer.read(limit)
                return WebFile(data, answer.headers.get("ETag", ""))
