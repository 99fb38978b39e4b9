"""The methods on templates of credentials. None is ever answered with what it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.shapes import listing, part, text, unescaped
from tiphys.core.repositories.record import Record, SecretType, without_password
from tiphys.core.repositories.request import asked_template
from tiphys.core.repositories.writing import shown_template
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.access.ports import Access
from tiphys.services.repositories.catalogue import RepositoryCatalogue

_SERVICE = "repocreds.RepoCredsService"


class RepoCredsHandlers:
    def __init__(self, repositories: RepositoryCatalogue, access: Access) -> None:
        self._repositories = repositories
        self._access = access

    def methods(self) -> Handlers:
        repositories = self._repositories
        reading = _Templates(
            repositories, self._access, "repositories", SecretType.TEMPLATE, repositories.templates
        )
        writing = _Templates(
            repositories,
            self._access,
            "write-repositories",
            SecretType.TEMPLATE_WRITE,
            repositories.write_templates,
        )
        return {**reading.methods(""), **writing.methods("Write")}


@dataclass(frozen=True, slots=True)
class _Templates:
    """Those to read with, or to push with; `resource` is what of callers' rights counts."""

    repositories: RepositoryCatalogue
    access: Access
    resource: str
    kind: SecretType
    stored: Callable[[], Awaitable[Sequence[Record]]]

    def methods(self, word: str) -> Handlers:
        return {
            f"{_SERVICE}/List{word}RepositoryCredentials": Unary(self._list),
            f"{_SERVICE}/Create{word}RepositoryCredentials": Unary(self._create),
            f"{_SERVICE}/Update{word}RepositoryCredentials": Unary(self._update),
            f"{_SERVICE}/Delete{word}RepositoryCredentials": Unary(self._delete),
        }

    async def _list(self, call: Call, _: Message) -> Answer:
        found = [
            shown_template(one)
            for one in await self.stored()
            if self.access.allows(call.caller, self.resource, "get", one.url)
        ]
        return listing(found)

    async def _create(self, call: Call, message: Message) -> Answer:
        record = _given(message)
        self.access.require(call.caller, self.resource, "create", record.url)
        upsert = bool(message.get("upsert"))
        await self.repositories.create_template(record, upsert=upsert, kind=self.kind)
        return {"url": without_password(record.url)}

    async def _update(self, call: Call, message: Message) -> Answer:
        record = _given(message)
        self.access.require(call.caller, self.resource, "update", record.url)
        await self.repositories.update_template(record, self.kind)
        return {"url": without_password(record.url)}

    async def _delete(self, call: Call, message: Message) -> Answer:
        url = unescaped(text(message, "url"))
        self.access.require(call.caller, self.resource, "delete", url)
        await self.repositories.delete_template(url, self.kind)
        return {}


def _given(message: Message) -> Record:
    record = asked_template(part(message, "creds"))
    if not record.url:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "missing payload in request")
    return record
