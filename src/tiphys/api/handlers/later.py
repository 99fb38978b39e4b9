"""Methods of engines that this version lacks: refused, whoever asks and for whatever."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tiphys.api.calls import (
    Answer,
    Call,
    Handler,
    Handlers,
    Message,
    ServerStream,
    Unary,
)
from tiphys.model.errors import ApiCode, ApiError

_LATER = {
    "applicationsets": (
        "applicationset.ApplicationSetService/Get",
        "applicationset.ApplicationSetService/Generate",
        "applicationset.ApplicationSetService/List",
        "applicationset.ApplicationSetService/Create",
        "applicationset.ApplicationSetService/Delete",
        "applicationset.ApplicationSetService/ResourceTree",
        "applicationset.ApplicationSetService/ListResourceEvents",
        "applicationset.ApplicationSetService/Watch",
    ),
    "notifications": (
        "notification.NotificationService/ListTriggers",
        "notification.NotificationService/ListServices",
        "notification.NotificationService/ListTemplates",
    ),
    "resource actions": (
        "application.ApplicationService/ListResourceActions",
        "application.ApplicationService/RunResourceAction",
        "application.ApplicationService/RunResourceActionV2",
    ),
}
_STREAMS = frozenset({"applicationset.ApplicationSetService/Watch"})


def later() -> Handlers:
    return {
        method: _refusing(what, streams=method in _STREAMS)
        for what, methods in _LATER.items()
        for method in methods
    }


def _refusing(what: str, *, streams: bool) -> Handler:
    text = f"this version has no {what}"

    async def refuse(_call: Call, _message: Message) -> Answer:
        raise ApiError(ApiCode.UNIMPLEMENTED, text)

    async def refuse_stream(_call: Call, _message: Message) -> AsyncIterator[Answer]:
        if text:
            raise ApiError(ApiCode.UNIMPLEMENTED, text)
        yield {}

    return ServerStream(refuse_stream) if streams else Unary(refuse)
