"""The methods on accounts of our own."""

from __future__ import annotations

from typing import Any

from tiphys.api.calls import Call, Handlers, Message, Unary
from tiphys.core.session.accounts import Account
from tiphys.services.access.accounts import AccountUse

_SERVICE = "account.AccountService"


class AccountHandlers:
    def __init__(self, accounts: AccountUse) -> None:
        self._accounts = accounts

    def methods(self) -> Handlers:
        return {
            f"{_SERVICE}/CanI": Unary(self._can_i),
            f"{_SERVICE}/UpdatePassword": Unary(self._update_password),
            f"{_SERVICE}/ListAccounts": Unary(self._list),
            f"{_SERVICE}/GetAccount": Unary(self._get),
            f"{_SERVICE}/CreateToken": Unary(self._create_token),
            f"{_SERVICE}/DeleteToken": Unary(self._delete_token),
        }

    async def _can_i(self, call: Call, request: Message) -> Message:
        may = self._accounts.can_i(
            call.caller,
            request.get("resource") or "",
            request.get("action") or "",
            request.get("subresource") or "",
        )
        return {"value": "yes" if may else "no"}

    async def _update_password(self, call: Call, request: Message) -> Message:
        await self._accounts.update_password(
            call.caller,
            request.get("name") or "",
            current=request.get("currentPassword") or "",
            new=request.get("newPassword") or "",
            peer=call.peer,
        )
        return {}

    async def _list(self, call: Call, request: Message) -> Message:  # noqa: ARG002
        found = self._accounts.list(call.caller)
        return {"items": [_shown(account) for account in found]} if found else {}

    async def _get(self, call: Call, request: Message) -> Message:
        return _shown(self._accounts.get(call.caller, request.get("name") or ""))

    async def _create_token(self, call: Call, request: Message) -> Message:
        token = await self._accounts.create_token(
            call.caller,
            request.get("name") or "",
            expires_in=int(request.get("expiresIn") or 0),
            identifier=request.get("id") or "",
        )
        return {"token": token}

    async def _delete_token(self, call: Call, request: Message) -> Message:
        await self._accounts.delete_token(
            call.caller, request.get("name") or "", request.get("id") or ""
        )
        return {}


def _shown(account: Account) -> dict[str, Any]:
    """Zero values are left out, as in all messages of this kind."""
    tokens = sorted(account.tokens, key=lambda token: -token.iat)
    found: dict[str, Any] = {
        "name": account.name,
        "enabled": account.enabled,
        "capabilities": [capability.value for capability in account.capabilities],
        "tokens": [_nonzero(id=one.id, issuedAt=one.iat, expiresAt=one.exp) for one in tokens],
    }
    return _nonzero(**found)


def _nonzero(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
