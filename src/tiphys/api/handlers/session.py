"""The methods of sessions: who logs in, and who is logged in. None of them asks for a login."""

from __future__ import annotations

from typing import Any

from tiphys.api.calls import Call, Handlers, Message, Unary
from tiphys.services.access.logins import Logins
from tiphys.services.access.ports import Access

_SERVICE = "session.SessionService"


class SessionHandlers:
    def __init__(self, logins: Logins, access: Access) -> None:
        self._logins = logins
        self._access = access

    def methods(self) -> Handlers:
        return {
            f"{_SERVICE}/Create": Unary(self._create, open=True),
            f"{_SERVICE}/Delete": Unary(self._delete, open=True),
            f"{_SERVICE}/GetUserInfo": Unary(self._user_info, open=True),
        }

    async def _create(self, call: Call, request: Message) -> Message:
        token = await self._logins.login(
            request.get("username") or "",
            request.get("password") or "",
            token=request.get("token") or "",
            peer=call.peer,
        )
        return {"token": token}

    async def _delete(self, call: Call, request: Message) -> Message:  # noqa: ARG002
        """As the contract has it: the browser forgets its cookie, and nothing is revoked. What
        revokes is /auth/logout.
        """
        return {}

    async def _user_info(self, call: Call, request: Message) -> Message:  # noqa: ARG002
        caller = call.caller
        if caller.is_anonymous:
            return {"iss": call.lapsed} if call.lapsed else {}
        found: dict[str, Any] = {
            "loggedIn": True,
            "username": caller.username,
            "iss": caller.issuer,
            "groups": list(self._access.groups(caller)),
        }
        return {key: value for key, value in found.items() if value}
