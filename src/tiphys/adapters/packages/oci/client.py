"""Asks a registry: tags, manifests and blobs (OCI distribution specification 1.1, pull)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import msgspec
from yarl import URL

from tiphys.adapters.packages.errors import Step, failed
from tiphys.adapters.packages.oci.manifest import ACCEPTED, Manifest, read_manifest
from tiphys.adapters.packages.oci.reference import Place, is_digest
from tiphys.adapters.packages.oci.tokens import Door, Tokens
from tiphys.adapters.packages.web.answer import Answer
from tiphys.adapters.packages.web.client import Ask, Web, parsed, reaches
from tiphys.adapters.packages.web.status import refused, require_ok
from tiphys.model.errors import RevisionNotFoundError
from tiphys.model.repository import Repository

_PAGE: Final = 1000
_PAGES: Final = 500
_TAGS: Final = 200_000
_PAGE_BYTES: Final = 32 << 20
_MANIFEST_BYTES: Final = 4 << 20
_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?')


class _TagList(msgspec.Struct):
    tags: list[str] | None = None


class Registry:
    """Raises RepositoryError; what is not there is None."""

    def __init__(self, web: Web, tokens: Tokens) -> None:
        self._web = web
        self._tokens = tokens

    async def ping(self, repository: Repository, place: Place) -> None:
        """Whether it is a registry, and lets us in."""
        async with self._asked(repository, place, Ask(place.ping)) as answer:
            require_ok(answer.status, place.ping, has_login=True)

    async def tags(self, repository: Repository, place: Place) -> Sequence[str] | None:
        url = place.url(f"tags/list?n={_PAGE}")
        tags: list[str] = []
        for _ in range(_PAGES):
            async with self._asked(repository, place, Ask(url), "tags") as answer:
                if answer.status == 404:
                    return None
                require_ok(answer.status, url, has_login=True)
                tags += _tags(await answer.read(_PAGE_BYTES), url)
                following = _next_page(url, answer.headers.get("Link", ""))
            if following is None:
                return tags
            if len(tags) > _TAGS:
                break
            url = following
        raise failed(Step.LIMIT, f"it has more than {_TAGS} tags", url)

    async def digest(self, repository: Repository, place: Place, reference: str) -> str | None:
        """Of the manifest that a tag or digest names now."""
        url = place.url(f"manifests/{reference}")
        ask = Ask(url, method="HEAD", headers={"Accept": ACCEPTED})
        async with self._asked(repository, place, ask) as answer:
            if answer.status == 404:
                return None
            digest = answer.headers.get("Docker-Content-Digest", "")
            if answer.status == 200 and is_digest(digest):
                return reference if is_digest(reference) else digest
        # Some registries answer no HEAD, or without the digest.
        try:
            return (await self.manifest(repository, place, reference)).digest
        except RevisionNotFoundError:
            return None

    async def manifest(self, repository: Repository, place: Place, reference: str) -> Manifest:
        """Raises RevisionNotFoundError; what a digest names has that digest."""
        url = place.url(f"manifests/{reference}")
        ask = Ask(url, headers={"Accept": ACCEPTED})
        async with self._asked(repository, place, ask) as answer:
            require_ok(answer.status, url, has_login=True)
            data = await answer.read(_MANIFEST_BYTES)
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        algorithm = reference.partition(":")[0] if is_digest(reference) else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
        if is_digest(reference) and digest != reference:
            raise failed(Step.DIGEST, f"{digest} came instead of {reference}", url)
        return read_manifest(data, digest, media_type, url)

    @asynccontextmanager
    async def blob(
        self, repository: Repository, place: Place, digest: str
    ) -> AsyncIterator[Answer]:
        url = place.url(f"blobs/{digest}")
        async with self._asked(repository, place, Ask(url)) as answer:
            require_ok(answer.status, url, has_login=True)
            yield answer

    @asynccontextmanager
    async def _asked(
        self, repository: Repository, place: Place, ask: Ask, purpose: str = "pull"
    ) -> AsyncIterator[Answer]:
        """With the login that the registry asks for, once it did."""
        door = Door(repository, place, purpose)
        known = self._tokens.known(door)
        async with self._web.ask(replace(ask, authorization=known), repository) as answer:
            if answer.status != 401:
                await self._require_let_in(answer, repository, ask.url)
                yield answer
                return
            asked = answer.challenges()
        self._tokens.forget(door)
        header = await self._tokens.obtain(door, asked)
        if not header:
            has_login = await self._tokens.has_login(repository)
            raise refused(401, ask.url, has_login=has_login)
        async with self._web.ask(replace(ask, authorization=header), repository) as answer:
            await self._require_let_in(answer, repository, ask.url)
            yield answer

    async def _require_let_in(self, answer: Answer, repository: Repository, url: str) -> None:
        if answer.status in {401, 403}:
            has_login = await self._tokens.has_login(repository)
            raise refused(answer.status, url, has_login=has_login)


def _tags(data: bytes, url: str) -> list[str]:
    try:
        return msgspec.json.decode(data, type=_TagList).tags or []
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise failed(Step.ANSWER, "its list of tags cannot be read", url) from None


def _next_page(url: str, link: str) -> str | None:
    """Only of the same registry: the login goes with it."""
    match = _NEXT.search(link[:2048])
    if match is None:
        return None
    try:
        following = parsed(str(URL(url, encoded=True).join(URL(match[1], encoded=True))))
    except ValueError:
        following = None
    if following is None or not reaches(parsed(url), following):
        raise failed(Step.ANSWER, "its list of tags goes on at another host", url)
    return str(following)
