"""Who calls in tests of handlers, and what is told of it."""

from __future__ import annotations

from tiphys.model.access import Caller
from tiphys.model.resource import Manifest
from tiphys.services.access.auditing import Reason

ALICE = Caller(claims={"iss": "argocd", "sub": "alice:login", "iat": 1})


class FakeAudit:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def tell(self, caller: Caller, about: Manifest, reason: Reason, text: str) -> None:
        name = about["metadata"]["name"]
        self.told.append((name, reason.value, f"{caller.username} {text}"))

    def texts(self) -> list[str]:
        return [text for _, _, text in self.told]
