"""`POST /api/webhook`: reads a delivery within its limit, and answers as providers expect it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tiphys.core.webhook.errors import (
    PayloadSizeError,
    UnauthorizedError,
    UnknownEventError,
    WebhookError,
)
from tiphys.services.webhook.receiving import QueueFullError, Read

log = structlog.get_logger()

PATH = "/api/webhook"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_READ_SECONDS = 60.0
"""A body that takes longer does not come from a provider."""


class Receiver(Protocol):
    """Takes deliveries."""

    @property
    def limit(self) -> int: ...

    async def take(
        self,
        method: str,
        headers: Mapping[str, str],
        read: Read,
        length: int | None,
    ) -> None: ...


def webhook_route(receiver: Receiver) -> Route:
    async def answer(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            await receiver.take(request.method, headers, _reader(request), _length(headers))
        except WebhookError as error:
            code, text = _refusal(request.method, error, receiver.limit)
            log.info("Webhook processing failed", status=code, error=str(error))
            return _text(code, text)
        return Response(status_code=200)

    return Route(PATH, answer, methods=list(_METHODS))


def _refusal(method: str, error: WebhookError, limit: int) -> tuple[int, str]:
    match error:
        case UnknownEventError():
            return 400, "Unknown webhook event"
        case UnauthorizedError():
            return 401, "Unauthorized"
        case QueueFullError():
            return 503, "Queue is full, discarding webhook payload"
        case PayloadSizeError():
            most = f"{limit >> 20} MB"
            return 400, f"Webhook processing failed: payload must be valid JSON under {most}"
        case _:
            return 405 if method != "POST" else 400, "Webhook processing failed"


def _text(code: int, text: str) -> Response:
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(f"{text}\n", code, headers, "text/plain")


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _reader(request: Request) -> Read:
    async def read(limit: int, took: Callable[[int], None]) -> bytes:
        found = bytearray()
        try:
            async with asyncio.timeout(_READ_SECONDS):
                async for chunk in request.stream():
                    took(len(chunk))
                    found += chunk
                    if len(found) > limit:
                        raise PayloadSizeError("the payload is too large")
        except TimeoutError:
            raise PayloadSizeError("the payload did not come in time") from None
        except ClientDisconnect:
            raise PayloadSizeError("the payload ended early") from None
        return bytes(found)

    return read
