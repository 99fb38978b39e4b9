"""The one door of all protocols: who calls is proven here, before a method is run."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tiphys.api.calls import Call, Handler, Handlers, Unary
from tiphys.model.access import EVERYTHING
from tiphys.model.errors import ApiCode, ApiError, ExpiredError
from tiphys.services.access.ports import Sessions

TOKEN = "token"  # noqa: S105 - the name of a metadata key
RENEWED = "renew-token"
_OLDEST_CLIENT = (1, 4, 0)
_LEGACY = frozenset({"grpc-go/1.15.0", "grpc-go/1.10.0"})
_VERSION = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


class Door:
    """`everything`: nobody has to log in, and everybody may do all."""

    def __init__(self, handlers: Handlers, sessions: Sessions, *, everything: bool = False) -> None:
        self.handlers = handlers
        self._sessions = sessions
        self._everything = everything

    def handler(self, method: str) -> Handler:
        """Raises ApiError, Unimplemented."""
        found = self.handlers.get(method)
        if found is None:
            service, _, name = method.partition("/")
            known = any(one.startswith(f"{service}/") for one in self.handlers)
            text = f"unknown method {name} for service {service}"
            raise ApiError(ApiCode.UNIMPLEMENTED, text if known else f"unknown service {service}")
        return found

    async def enter(self, handler: Handler | None, call: Call, token: str) -> None:
        """Puts the caller into the call, and a new token into what it is told. Raises ApiError."""
        if self._everything:
            call.caller = EVERYTHING
            return
        is_open = isinstance(handler, Unary) and handler.open
        if is_open and not token:
            return
        try:
            call.caller, renewed = await self._sessions.caller(token)
        except ApiError as error:
            if isinstance(error, ExpiredError):
                call.lapsed = error.issuer
            if not is_open:
                raise
            return
        if renewed:
            call.told[RENEWED] = renewed


def token_of(metadata: Mapping[str, str]) -> str:
    """From metadata alone: `token`, even where it is none, else a bearer token that looks like
    one.
    """
    token = metadata.get(TOKEN, "")
    return token or bearer(metadata.get("authorization", ""))


def bearer(header: str) -> str:
    kind, _, token = header.strip().partition(" ")
    token = token.strip()
    return token if kind.lower() == "bearer" and token.count(".") == 2 else ""


def check_client(agent: str) -> None:
    """Raises ApiError for a client of the contract's that is too old to be understood."""
    if not agent:
        return
    words = agent.split()
    if words and _LEGACY.issuperset(words):
        raise _unsatisfied()
    for word in words:
        name, _, version = word.partition("/")
        if name != "argocd-client":
            continue
        found = _VERSION.fullmatch(version)
        if found is None:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT, f"could not parse version from user-agent: {word}"
            )
        numbers = tuple(int(part or 0) for part in found.groups()[:3])
        if numbers < _OLDEST_CLIENT or (found[4] and numbers == _OLDEST_CLIENT):
            raise _unsatisfied(f": {version} is less than 1.4.0")
        return


def _unsatisfied(why: str = ": >= 1.4.0") -> ApiError:
    return ApiError(ApiCode.FAILED_PRECONDITION, f"unsatisfied client version constraint{why}")
