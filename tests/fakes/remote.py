"""A server of the API that answers from a table, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any

from tiphys.core.wire import contract as wire_contract
from tiphys.core.wire import decode, encode
from tiphys.model.errors import ApiCode, ApiError

Answer = Mapping[str, Any] | Exception | Callable[[Mapping[str, Any]], Mapping[str, Any]]


class FakeRemote:
    """Requests and answers go through the wire's form, so that they have to be the contract's."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.streams: dict[str, list[Mapping[str, Any]]] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def methods(self) -> list[str]:
        return [method.rpartition("/")[2] for method, _ in self.asked]

    def request(self, name: str) -> Mapping[str, Any]:
        """The last request of this method."""
        return next(request for method, request in reversed(self.asked) if method.endswith(name))

    async def call(
        self, method: str, request: Mapping[str, Any], *, told: dict[str, str] | None = None
    ) -> dict[str, Any]:
        return self._answer(method, self._seen(method, request))

    async def stream(
        self, method: str, request: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        self._seen(method, request)
        for event in self.streams.get(method, ()):
            yield _passed(wire_contract().methods[method].response, event)

    async def upload(self, method: str, requests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        seen = [self._seen(method, request) for request in requests]
        return self._answer(method, seen[-1])

    def _seen(self, method: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        passed = _passed(wire_contract().methods[method].request, request)
        self.asked.append((method, passed))
        return passed

    def _answer(self, method: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if method not in self.answers:
            raise ApiError(ApiCode.PERMISSION_DENIED, "permission denied")
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(request)
        return _passed(wire_contract().methods[method].response, answer)


def _passed(message: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return dict(decode(message, encode(message, value)))
