"""The methods on templates of credentials. None is ever answered with what it holds."""

from __future__ import annotations

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.repository import no_hydrator
from tiphys.api.handlers.shapes import listing, part, text, unescaped
from tiphys.core.repositories.record import Record, without_password
from tiphys.core.repositories.request import asked_template
from tiphys.core.repositories.writing import shown_template
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.access.ports import Access
from tiphys.services.repositories.catalogue import RepositoryCatalogue

_SERVICE = "repocreds.RepoCredsService"
_VERBS = ("Create", "Update", "Delete")


class RepoCredsHandlers:
    def __init__(self, repositories: RepositoryCatalogue, access: Access) -> None:
        self._repositories = repositories
        self._access = access

    def methods(self) -> Handlers:
        writing = [f"{verb}WriteRepositoryCredentials" for verb in _VERBS]
        return {
            f"{_SERVICE}/ListRepositoryCredentials": Unary(self._list),
            f"{_SERVICE}/CreateRepositoryCredentials": Unary(self._create),
            f"{_SERVICE}/UpdateRepositoryCredentials": Unary(self._update),
            f"{_SERVICE}/DeleteRepositoryCredentials": Unary(self._delete),
            f"{_SERVICE}/ListWriteRepositoryCredentials": Unary(no_hydrator),
            **{f"{_SERVICE}/{name}": Unary(no_hydrator) for name in writing},
        }

    async def _list(self, call: Call, _: Message) -> Answer:
        found = [
            shown_template(one)
            for one in await self._repositories.templates()
            if self._access.allows(call.caller, "repositories", "get", one.url)
        ]
        return listing(found)

    async def _create(self, call: Call, message: Message) -> Answer:
        record = _given(message)
        self._access.require(call.caller, "repositories", "create", record.url)
        await self._repositories.create_template(record, upsert=bool(message.get("upsert")))
        return {"url": without_password(record.url)}

    async def _update(self, call: Call, message: Message) -> Answer:
        record = _given(message)
        self._access.require(call.caller, "repositories", "update", record.url)
        await self._repositories.update_template(record)
        return {"url": without_password(record.url)}

    async def _delete(self, call: Call, message: Message) -> Answer:
        url = unescaped(text(message, "url"))
        self._access.require(call.caller, "repositories", "delete", url)
        await self._repositories.delete_template(url)
        return {}


def _given(message: Message) -> Record:
    record = asked_template(part(message, "creds"))
    if not record.url:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "missing payload in request")
    return record
