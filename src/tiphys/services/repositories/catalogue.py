"""The calls on repositories and templates: their Secrets in the control plane's namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tiphys.core.repositories.known import Known
from tiphys.core.repositories.record import Record, SecretType, without_password
from tiphys.core.repositories.secret import (
    AnySecret,
    BrokenSecret,
    same_url,
    secret_type,
)
from tiphys.core.repositories.writing import (
    changed_secret,
    differing,
    new_secret,
    shown_repository,
)
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    ObjectExistsError,
    RepositoryError,
)
from tiphys.model.live import PatchKind
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.resource import ApiResource
from tiphys.services.live.ports import KubeReader, KubeWriter
from tiphys.services.repositories.ports import Connections
from tiphys.services.repositories.reading import read_known
from tiphys.services.repositories.states import RepositoryState, RepositoryStates

Wanted = Callable[[Record], bool]
"""Which repositories the caller may see: no other is tried, counted or named."""
MayChange = Callable[[Record], None]
"""Raises ApiError where the caller must not change this one."""

MANAGER = "argocd"
_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
_AT_ONCE = 20
_ATTEMPTS = 5
_NOUNS = {False: "repository", True: "repository credentials"}


@dataclass(frozen=True, slots=True)
class RepositoryAnswer:
    """A repository with what its template adds, and how its connection fares. `problem` is why
    its Secret cannot be read, empty where it can. `answered` is how another server showed it, where
    one was asked.
    """

    record: Record
    state: RepositoryState
    problem: str = ""
    answered: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the API shows it, without what is secret."""
        if self.answered is not None:
            return dict(self.answered)
        return shown_repository(self.record, self.state.to_json())


class RepositoryCatalogue:
    """All methods raise ApiError and KubeError."""

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        connections: Connections,
        *,
        namespace: str,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._connections = connections
        self._namespace = namespace
        self._states = RepositoryStates(connections, now)

    async def known(self) -> Known:
        """All that is known of repositories now."""
        return (await read_known(self._reader, self._namespace)).known

    async def list(
        self, *, fresh: bool = False, trying: bool = True, wanted: Wanted = lambda _record: True
    ) -> Sequence[RepositoryAnswer]:
        """By project and URL. Without `trying` nobody is asked how the connections fare."""
        known = await self.known()
        found = [one for one in _repositories(known) if wanted(one.record)]
        if not trying:
            return [_untried(known, secret) for secret in found]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def answer(secret: AnySecret) -> RepositoryAnswer:
            async with gate:
                return await self._answer(known, secret, fresh=fresh)

        return await asyncio.gather(*(answer(secret) for secret in found))

    async def get(
        self,
        url: str,
        project: str = "",
        *,
        fresh: bool = False,
        wanted: Wanted = lambda _record: True,
    ) -> RepositoryAnswer:
        known = await self.known()
        return await self._answer(known, _meant(known, url, project, wanted), fresh=fresh)

    async def find(self, url: str, project: str = "") -> Record:
        """The stored one of the project or of all; a URL that no Secret knows is one, too."""
        known = await self.known()
        secret = known.secret(url, project, fallback=True)
        return Record(url=url) if secret is None else secret.record

    async def update(self, record: Record, may: MayChange = lambda _record: None) -> None:
        """What is stored under this URL and project becomes this record. Nothing is tried."""
        known = await self.known()
        near = known.secret(record.url, record.project, fallback=True)
        may(record if near is None else near.record)
        may(record)
        found = known.secret(record.url, record.project)
        if found is None:
            shown = without_password(record.url)
            raise ApiError(ApiCode.NOT_FOUND, f"repo '{shown}' not found")
        await self._change(found.name, record, SecretType.REPOSITORY)

    async def validate(self, record: Record) -> None:
        """Tries a repository that need not be stored. Raises ApiError with the step that failed."""
        try:
            known = await self.known()
            await self._connections.test(known.open(record))
        except RepositoryError as error:
            text = f"error testing repository connectivity: {error}"
            raise ApiError(ApiCode.UNKNOWN, text) from None

    async def create(self, record: Record, *, upsert: bool) -> Record:
        """Whoever calls has tried it. The record may be there already."""
        _require_url(record)
        known = await self.known()
        before = known.secret(record.url, record.project)
        return await self._put(before, record, SecretType.REPOSITORY, upsert=upsert)

    async def delete(
        self,
        url: str,
        project: str = "",
        *,
        wanted: Wanted = lambda _record: True,
        may: MayChange = lambda _record: None,
    ) -> None:
        secret = _meant(await self.known(), url, project, wanted)
        may(secret.record)
        await self._drop(secret)
        self._states.forget(secret.url, secret.project)

    # -- templates ------------------------------------------------------------------------------
    # `kind` says whether they are to read with, or to push with.

    async def templates(self) -> Sequence[Record]:
        """Those to read with, by URL."""
        return [one.record for one in _templates(await self.known())]

    async def write_templates(self) -> Sequence[Record]:
        """By the URLs of those to read with: what would be pushed there with, if anything."""
        known = await self.known()
        found = ((one.record.url, known.template(one.url, write=True)) for one in _templates(known))
        return [
            replace(one.record, url=url)
            for url, one in found
            if one is not None and one.record.password
        ]

    async def create_template(
        self, record: Record, *, upsert: bool, kind: SecretType = SecretType.TEMPLATE
    ) -> Record:
        _require_url(record)
        known = await self.known()
        before = next(
            (
                one
                for one in known.secrets.values()
                if one.type is kind and same_url(one.url, record.url)
            ),
            None,
        )
        return await self._put(before, record, kind, upsert=upsert)

    async def update_template(self, record: Record, kind: SecretType = SecretType.TEMPLATE) -> None:
        """The one that this URL would get its credentials from becomes this record."""
        secret = self._template(await self.known(), record.url, kind)
        await self._change(secret.name, replace(record, url=secret.url), kind)

    async def delete_template(self, url: str, kind: SecretType = SecretType.TEMPLATE) -> None:
        """The one that this URL would get its credentials from."""
        await self._drop(self._template(await self.known(), url, kind))

    @staticmethod
    def _template(known: Known, url: str, kind: SecretType) -> AnySecret:
        secret = known.template(url, write=kind is SecretType.TEMPLATE_WRITE)
        if secret is None:
            shown = without_password(url)
            raise ApiError(ApiCode.NOT_FOUND, f"repository credentials '{shown}' not found")
        return secret

    # -- Secrets --------------------------------------------------------------------------------

    async def _answer(self, known: Known, secret: AnySecret, *, fresh: bool) -> RepositoryAnswer:
        state = await self._states.state(known, secret, fresh=fresh)
        return replace(_untried(known, secret), state=state)

    async def _put(
        self, before: AnySecret | None, record: Record, kind: SecretType, *, upsert: bool
    ) -> Record:
        noun = _NOUNS[kind.is_template]
        if before is None:
            await self._create(record, kind, noun)
            return record
        keys = differing(before.record, record, kind)
        if not keys and not isinstance(before, BrokenSecret):
            return before.record
        if not upsert:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                f"existing {noun} spec is different; use upsert flag to force update; "
                f'difference in keys "{",".join(keys)}"',
            )
        await self._change(before.name, record, kind)
        return record

    async def _create(self, record: Record, kind: SecretType, noun: str) -> None:
        secret = new_secret(record, kind, self._namespace)
        try:
            await self._writer.create(SECRETS, secret, manager=MANAGER)
            return
        except ObjectExistsError:
            name = str(secret["metadata"]["name"])
        there = await self._reader.get(SECRETS, self._namespace, name)
        if secret_type(there) is None:
            # Raises: a Secret that only has the name is somebody else's.
            changed_secret(there, record, kind)
        shown = without_password(record.url)
        raise ApiError(ApiCode.ALREADY_EXISTS, f'{noun} "{shown}" already exists')

    async def _change(self, name: str, record: Record, kind: SecretType) -> None:
        for _ in range(_ATTEMPTS):
            live = await self._reader.get(SECRETS, self._namespace, name)
            changed = changed_secret(live, record, kind)
            try:
                await self._writer.replace(SECRETS, changed, manager=MANAGER)
                return
            except ConflictError:
                continue
        raise ConflictError(f"Secret {name} changes all the time", status=409)

    async def _drop(self, secret: AnySecret) -> None:
        """What somebody else declared is only forgotten."""
        live = await self._reader.get(SECRETS, self._namespace, secret.name)
        if secret.managed:
            uid = live["metadata"]["uid"]
            await self._writer.delete(SECRETS, self._namespace, secret.name, uid=uid)
            return
        body = {"metadata": {"uid": live["metadata"]["uid"], "labels": {LABEL_SECRET_TYPE: None}}}
        await self._writer.patch(
            SECRETS, self._namespace, secret.name, PatchKind.MERGE, body, manager=MANAGER
        )


def _untried(known: Known, secret: AnySecret) -> RepositoryAnswer:
    problem = secret.problem if isinstance(secret, BrokenSecret) else ""
    return RepositoryAnswer(known.filled(secret.record), RepositoryState(), problem)


def _repositories(known: Known) -> list[AnySecret]:
    found = [one for one in known.secrets.values() if one.type is SecretType.REPOSITORY]
    return sorted(found, key=lambda one: (f"{one.project}/{one.url}", one.name))


def _templates(known: Known) -> list[AnySecret]:
    found = [one for one in known.secrets.values() if one.type is SecretType.TEMPLATE]
    return sorted(found, key=lambda one: (one.url, one.name))


def _require_url(record: Record) -> None:
    if not record.url:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "the URL is missing")


def _meant(known: Known, url: str, project: str, wanted: Wanted) -> AnySecret:
    found = [one for one in _repositories(known) if same_url(one.url, url) and wanted(one.record)]
    if not found:
        raise ApiError(ApiCode.PERMISSION_DENIED, "permission denied")
    if len(found) == 1 and not project:
        return found[0]
    for one in found:
        if one.project == project:
            return one
    raise ApiError(
        ApiCode.UNKNOWN,
        f'repository not found for url "{without_password(url)}" and project "{project}"',
    )
