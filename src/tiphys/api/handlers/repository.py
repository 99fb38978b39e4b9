"""The methods on repositories: their Secrets, how they answer, and what is in them.

Answers are put together from what may be shown; no credential is ever read for one.
"""

from __future__ import annotations

from typing import Any

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.shapes import listing, part, text, unescaped
from tiphys.core.repositories.record import Record, without_password
from tiphys.core.repositories.request import asked_repository
from tiphys.model.access import Caller
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.access.ports import Access
from tiphys.services.repositories.catalogue import RepositoryCatalogue, Wanted

_SERVICE = "repository.RepositoryService"
_WRITING = (
    "GetWrite",
    "ListWriteRepositories",
    "CreateWriteRepository",
    "UpdateWriteRepository",
    "DeleteWriteRepository",
    "ValidateWriteAccess",
)
NOTHING_KNOWN = {"status": "", "message": "", "attemptedAt": None}


class RepositoryHandlers:
    def __init__(self, repositories: RepositoryCatalogue, access: Access) -> None:
        self._repositories = repositories
        self._access = access

    def methods(self) -> Handlers:
        found = {
            "List": self._list,
            "ListRepositories": self._list,
            "Get": self._get,
            "Create": self._create,
            "CreateRepository": self._create,
            "Update": self._update,
            "UpdateRepository": self._update,
            "Delete": self._delete,
            "DeleteRepository": self._delete,
            "ValidateAccess": self._validate,
        }
        hydrating = {f"{_SERVICE}/{name}": Unary(no_hydrator) for name in _WRITING}
        return {f"{_SERVICE}/{name}": Unary(run) for name, run in found.items()} | hydrating

    async def _list(self, call: Call, message: Message) -> Answer:
        found = await self._repositories.list(
            fresh=bool(message.get("forceRefresh")), wanted=self._visible(call.caller)
        )
        return listing([one.to_json() for one in found])

    async def _get(self, call: Call, message: Message) -> Answer:
        found = await self._repositories.get(
            unescaped(text(message, "repo")),
            text(message, "appProject"),
            fresh=bool(message.get("forceRefresh")),
            wanted=self._visible(call.caller),
        )
        return found.to_json()

    async def _create(self, call: Call, message: Message) -> Answer:
        record = _given(message)
        self._access.require(call.caller, "repositories", "create", target(record))
        if not record.project:
            await self._repositories.validate(record)
        await self._repositories.create(record, upsert=bool(message.get("upsert")))
        return _named(record)

    async def _update(self, call: Call, message: Message) -> Answer:
        body = dict(part(message, "repo"))
        body["repo"] = unescaped(text(body, "repo"))
        record = _given({"repo": body})

        def may(one: Record) -> None:
            self._access.require(call.caller, "repositories", "update", target(one))

        await self._repositories.update(record, may)
        return _named(record)

    async def _delete(self, call: Call, message: Message) -> Answer:
        def may(record: Record) -> None:
            self._access.require(call.caller, "repositories", "delete", target(record))

        await self._repositories.delete(
            unescaped(text(message, "repo")),
            text(message, "appProject"),
            wanted=self._visible(call.caller),
            may=may,
        )
        return {}

    async def _validate(self, call: Call, message: Message) -> Answer:
        record = asked_repository(message)
        self._access.require(call.caller, "repositories", "create", target(record))
        await self._repositories.validate(record)
        return {}

    def _visible(self, caller: Caller) -> Wanted:
        def visible(record: Record) -> bool:
            return self._access.allows(caller, "repositories", "get", target(record))

        return visible


def target(record: Record) -> str:
    """A repository as policies write it."""
    return f"{record.project}/{record.url}" if record.project else record.url


async def no_hydrator(_call: Call, _message: Message) -> Answer:
    """Only the hydrator writes to repositories."""
    raise ApiError(ApiCode.UNIMPLEMENTED, "hydrator is disabled")


def _given(message: Message) -> Record:
    record = asked_repository(part(message, "repo"))
    if not record.url:
        raise ApiError(ApiCode.INVALID_ARGUMENT, "missing payload in request")
    return record


def _named(record: Record) -> dict[str, Any]:
    """All that is answered of what was written."""
    found = {"repo": without_password(record.url), "type": record.type, "name": record.name}
    return {key: value for key, value in found.items() if value} | {
        "connectionState": NOTHING_KNOWN
    }
