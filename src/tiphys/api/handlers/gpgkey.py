"""The methods on the keys that signatures are checked with."""

from __future__ import annotations

import structlog

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.shapes import listing, part, text
from tiphys.services.access.ports import Access
from tiphys.services.repositories.keys import KeyCatalogue, shown_key

log = structlog.get_logger()

_SERVICE = "gpgkey.GPGKeyService"


class KeyHandlers:
    def __init__(self, keys: KeyCatalogue, access: Access) -> None:
        self._keys = keys
        self._access = access

    def methods(self) -> Handlers:
        return {
            f"{_SERVICE}/List": Unary(self._list),
            f"{_SERVICE}/Get": Unary(self._get),
            f"{_SERVICE}/Create": Unary(self._create),
            f"{_SERVICE}/Delete": Unary(self._delete),
        }

    async def _list(self, call: Call, message: Message) -> Answer:
        self._access.require(call.caller, "gpgkeys", "get", "")
        found = await self._keys.list()
        for problem in found.problems:
            log.warning("a key cannot be read", problem=problem)
        wanted = text(message, "keyID")
        return listing(
            [
                _given(shown_key(key, whole=False))
                for key in found.keys
                if wanted in ("", key.key_id)
            ]
        )

    async def _get(self, call: Call, message: Message) -> Answer:
        self._access.require(call.caller, "gpgkeys", "get", "")
        return _given(shown_key(await self._keys.get(text(message, "keyID")), whole=True))

    async def _create(self, call: Call, message: Message) -> Answer:
        self._access.require(call.caller, "gpgkeys", "create", "")
        added = await self._keys.add(text(part(message, "publickey"), "keyData"))
        found = {key.key_id: key for key in (await self._keys.list()).keys}
        created = [
            _given(shown_key(found[one], whole=False)) for one in added.created if one in found
        ]
        answer: dict[str, object] = {"created": listing(created)}
        return {**answer, "skipped": list(added.skipped)} if added.skipped else answer

    async def _delete(self, call: Call, message: Message) -> Answer:
        self._access.require(call.caller, "gpgkeys", "delete", "")
        await self._keys.delete(text(message, "keyID"))
        return {}


def _given(key: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in key.items() if value}
