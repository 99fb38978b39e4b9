"""Accounts and sessions of a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.services.remote.ports import Remote

_ACCOUNTS = "account.AccountService"
_SESSIONS = "session.SessionService"


class RemoteAccounts:
    """Answers are in the contract's JSON shape. All methods raise ApiError."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def list(self) -> Sequence[Mapping[str, Any]]:
        found = await self._remote.call(f"{_ACCOUNTS}/ListAccounts", {})
        return found.get("items") or ()

    async def get(self, name: str) -> Mapping[str, Any]:
        return await self._remote.call(f"{_ACCOUNTS}/GetAccount", {"name": name})

    async def can(self, action: str, resource: str, target: str) -> str:
        request = {"action": action, "resource": resource, "subresource": target}
        found = await self._remote.call(f"{_ACCOUNTS}/CanI", request)
        return str(found.get("value") or "")

    async def create_token(self, name: str, *, expires_in: int, token_id: str) -> str:
        request = {"name": name, "expiresIn": expires_in, "id": token_id}
        found = await self._remote.call(f"{_ACCOUNTS}/CreateToken", request)
        return str(found.get("token") or "")

    async def delete_token(self, name: str, token_id: str) -> None:
        await self._remote.call(f"{_ACCOUNTS}/DeleteToken", {"name": name, "id": token_id})

    async def update_password(self, name: str, *, current: str, new: str) -> None:
        request = {"name": name, "currentPassword": current, "newPassword": new}
        await self._remote.call(f"{_ACCOUNTS}/UpdatePassword", request)

    async def user_info(self) -> Mapping[str, Any]:
        return await self._remote.call(f"{_SESSIONS}/GetUserInfo", {})

    async def log_in(self, username: str, password: str) -> str:
        request = {"username": username, "password": password}
        found = await self._remote.call(f"{_SESSIONS}/Create", request)
        return str(found.get("token") or "")
