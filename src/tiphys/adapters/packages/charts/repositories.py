"""Charts of repositories with an index."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, Protocol

from tiphys.adapters.packages.archive.pack import PackTree
from tiphys.adapters.packages.charts.index import ChartIndex, ChartVersion, chart_url, chosen
from tiphys.adapters.packages.charts.indexes import Indexes
from tiphys.adapters.packages.download import Downloads, Wanted, scope_of
from tiphys.adapters.packages.errors import shown, trying
from tiphys.adapters.packages.login import Logins, authorization
from tiphys.adapters.packages.web.answer import Answer
from tiphys.adapters.packages.web.client import Ask, Web
from tiphys.adapters.packages.web.status import require_ok
from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
)
from tiphys.model.repository import Anonymous, Repository

_KEPT: Final = 512
_DIGEST_DIGITS: Final = 64


class Registries(Protocol):
    """Charts in registries, which an index may name, too."""

    async def tree(self, repository: Repository, chart: str, version: str) -> PackTree: ...


class IndexedCharts:
    """Implements ChartRepositories for repositories with an index."""

    def __init__(
        self,
        web: Web,
        indexes: Indexes,
        downloads: Downloads,
        registries: Registries,
        logins: Logins,
    ) -> None:
        self._web = web
        self._indexes = indexes
        self._downloads = downloads
        self._registries = registries
        self._logins = logins
        self._digests: OrderedDict[tuple[Repository, str], str] = OrderedDict()

    async def probe(self, repository: Repository) -> None:
        """Asks for the index now. Raises RepositoryError."""
        await self._indexes.now(repository)

    async def versions(self, repository: Repository, chart: str) -> Sequence[str] | None:
        index = await self._indexes.latest(repository)
        found = index.versions(chart)
        return None if found is None else tuple(one.version for one in found)

    async def charts(self, repository: Repository) -> Mapping[str, Sequence[str]]:
        """All that the index has, with their versions."""
        index = await self._indexes.latest(repository)
        return {
            name: tuple(one.version for one in index.versions(name) or ())
            for name in index.charts()
        }

    async def tree(self, repository: Repository, chart: str, version: str) -> PackTree:
        """Asks for the index again where the one that is known does not name the version, or does
        not lead to it any more.
        """
        index = await self._indexes.recent(repository)
        found = chosen(index.versions(chart) or (), version)
        if found is not None and found.version == version:
            try:
                return await self._archive(repository, chart, found)
            except RepositoryUnreachableError:
                raise
            except RepositoryError:
                newer = await self._indexes.latest(repository)
                if newer is index:
                    raise
        else:
            newer = await self._indexes.latest(repository)
        return await self._archive(repository, chart, _required(newer, repository, chart, version))

    async def _archive(self, repository: Repository, chart: str, found: ChartVersion) -> PackTree:
        try:
            url = chart_url(repository.url, found.url)
        except ValueError:
            text = f"the index names what is no URL for chart '{chart}' {found.version}"
            raise RepositoryError(text, url=shown(repository.url)) from None
        folder = chart.rpartition("/")[2]
        if url.startswith("oci://"):
            return await self._of_registry(repository, url, found.version)
        digest = _digest(found.digest) or self._digests.get((repository, url), "")
        wanted = Wanted(shown(url), digest, folder, "chart", scope=scope_of(repository))
        with trying(f"failed to fetch chart '{chart}' {found.version}"):
            if not found.url:
                raise RepositoryError("the index names no URL for it", url=shown(repository.url))
            tree = await self._downloads.tree(wanted, lambda: self._opened(repository, url))
        if not _digest(found.digest):
            self._digests[repository, url] = tree.commit
            while len(self._digests) > _KEPT:
                self._digests.popitem(last=False)
        return tree

    async def _of_registry(self, repository: Repository, url: str, version: str) -> PackTree:
        """An index that leads to a registry: with the login only where it is for all hosts."""
        place, _, tag = url.removeprefix("oci://").rpartition(":")
        if "/" in tag:
            place, tag = url.removeprefix("oci://"), version
        path, _, name = place.rpartition("/")
        credentials = repository.credentials if repository.pass_credentials else Anonymous()
        there = replace(repository, url=path, credentials=credentials, oci=True)
        if not repository.pass_credentials:
            there = replace(there, client_certificate=None)
        return await self._registries.tree(there, name, tag)

    @asynccontextmanager
    async def _opened(self, repository: Repository, url: str) -> AsyncIterator[Answer]:
        login = authorization(await self._logins.login(repository), repository.url)
        everywhere = repository.pass_credentials
        ask = Ask(url, authorization=login, everywhere=everywhere, home=repository.url)
        async with self._web.ask(ask, repository) as answer:
            require_ok(answer.status, url, has_login=bool(login))
            yield answer


def _required(index: ChartIndex, repository: Repository, chart: str, version: str) -> ChartVersion:
    versions = index.versions(chart)
    url = shown(repository.url)
    if versions is None:
        raise RevisionNotFoundError(
            f"chart '{chart}' not found in index; check its name in the index of {url}", url=url
        )
    found = chosen(versions, version)
    if found is None:
        newest = chosen(versions, "*")
        remedy = "" if newest is None else f"; the newest is {newest.version}"
        raise RevisionNotFoundError(
            f'chart "{chart}" version "{version}" not found in {url} repository{remedy}', url=url
        )
    return found


def _digest(text: str) -> str:
    """With its algorithm; empty for what is no SHA-256."""
    digits = text.removeprefix("sha256:").lower()
    is_digest = len(digits) == _DIGEST_DIGITS and not digits.strip("0123456789abcdef")
    return f"sha256:{digits}" if is_digest else ""
