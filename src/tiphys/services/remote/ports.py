"""What asking a server takes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Protocol


class Remote(Protocol):
    """Requests and answers are in the contract's JSON shape. All methods raise ApiError."""

    async def call(
        self, method: str, request: Mapping[str, Any], *, told: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """`told` gets the answer's header metadata."""
        ...

    def stream(
        self, method: str, request: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]: ...

    async def upload(self, method: str, requests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Many messages to one answer."""
        ...
