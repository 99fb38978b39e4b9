"""What a cluster is asked for its Pods. All raise KubeError."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """None and empty fields leave it to the server. `since_time` is RFC 3339."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    since_seconds: int | None = None
    since_time: str = ""
    tail_lines: int | None = None


class Terminal(Protocol):
    """A running command with a terminal."""

    def output(self) -> AsyncIterator[bytes]:
        """What it prints, until it ends. Raises KubeError where it could not be run."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def resize(self, columns: int, rows: int) -> None: ...


class Pods(Protocol):
    def log(self, namespace: str, name: str, request: LogRequest) -> AsyncIterator[bytes]:
        """Lines with the times that they were written at; without their ends."""
        ...

    def terminal(
        self, namespace: str, name: str, container: str, command: Sequence[str]
    ) -> AbstractAsyncContextManager[Terminal]: ...
