"""Access control by a list of what is allowed, for tests of what stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from tiphys.model.access import Caller
from tiphys.model.errors import ApiCode, ApiError


class FakeAccess:
    """`allowed` are globs of `<resource> <action> <object>`, the same for all callers but those of
    whom `only` says more. `asked` is what was decided.
    """

    def __init__(self, *allowed: str) -> None:
        self.allowed = set(allowed)
        self.only: dict[str, set[str]] = {}
        self.version: object = object()
        self.asked: list[str] = []

    def allow(self, *allowed: str) -> None:
        self.allowed |= set(allowed)
        self.version = object()

    def deny(self, *allowed: str) -> None:
        self.allowed -= set(allowed)
        self.version = object()

    def allows(self, caller: Caller, resource: str, action: str, target: str) -> bool:
        asked = f"{resource} {action} {target}"
        self.asked.append(asked)
        globs = self.only.get(caller.subject, self.allowed)
        return caller.everything or any(fnmatchcase(asked, glob) for glob in globs)

    def require(self, caller: Caller, resource: str, action: str, target: str) -> None:
        if not self.allows(caller, resource, action, target):
            text = f"permission denied: {resource}, {action}, {target}"
            raise ApiError(ApiCode.PERMISSION_DENIED, text)

    def groups(self, caller: Caller) -> Sequence[str]:
        return tuple(caller.claims.get("groups") or ())
