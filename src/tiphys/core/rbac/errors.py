"""PolicyError: a line of a policy that is none."""

from __future__ import annotations


class PolicyError(ValueError):
    def __init__(self, line: str) -> None:
        super().__init__(f"invalid RBAC policy: {line}")
        self.line = line
