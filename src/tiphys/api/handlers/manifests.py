"""GetManifests and GetManifestsWithFiles: what sources say, masked."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from tiphys.api.calls import Answer, Call, ClientStream, Handlers, Message, Unary
from tiphys.api.handlers.live import SERVICE, seen
from tiphys.api.handlers.shapes import part, text
from tiphys.core.app.spec import sources_of
from tiphys.core.diff.normalise import encode
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.service import Applications
from tiphys.services.applications.values import Asked, AtRevision, LocalFiles

_LARGEST = 100 << 20
"""Bytes of files that somebody sends, packed."""


class Received(Protocol):
    """Files that are being received, in a place of their own until the end."""

    def add(self, data: bytes) -> None: ...

    async def unpacked(self) -> str:
        """The folder with the files. Raises ApiError for what is no archive, or too large."""
        ...


class Receiving(Protocol):
    def __call__(self) -> AbstractContextManager[Received]: ...


class ManifestHandlers:
    def __init__(self, apps: AppAccess, applications: Applications, receiving: Receiving) -> None:
        self._apps = apps
        self._applications = applications
        self._receiving = receiving

    def methods(self) -> Handlers:
        return {
            f"{SERVICE}/GetManifests": Unary(self._manifests),
            f"{SERVICE}/GetManifestsWithFiles": ClientStream(self._with_files),
        }

    async def _manifests(self, call: Call, message: Message) -> Answer:
        # Sources are always looked up anew, and renders are known by what they read: that no
        # cache is wanted changes nothing.
        if not text(message, "name"):
            raise ApiError(ApiCode.UNKNOWN, "invalid request: application name is missing")
        application = await seen(self._apps, call, message, "name")
        found = await self._desired(application, _revisions(message, application))
        return {"manifests": found} if found else {}

    async def _with_files(self, call: Call, messages: AsyncIterator[Message]) -> Answer:
        query = await _query(messages)
        application = await seen(self._apps, call, query, "name")
        if len(sources_of(application.spec)) > 1:
            what = "manifests of local files can be generated for applications with one source only"
            raise ApiError(ApiCode.INVALID_ARGUMENT, what)
        with self._receiving() as received:
            await _receive(messages, received, text(query, "checksum"))
            folder = await received.unpacked()
            files = LocalFiles(folder=folder, root=folder, include=("*",))
            found = await self._desired(application, files)
        destination = application.spec.destination
        answer: dict[str, Any] = {
            "manifests": found,
            "namespace": destination.namespace,
            "server": destination.server,
            "sourceType": application.status.source_type,
        }
        return {name: value for name, value in answer.items() if value}

    async def _desired(self, application: Application, asked: Asked) -> list[str]:
        found = await self._applications.desired(application, asked)
        return [encode(one).decode() for one in found]


def _revisions(message: Message, application: Application) -> AtRevision:
    """By index; a source of which nothing is said is at its own revision."""
    positions = [int(one) for one in message.get("sourcePositions") or ()]
    revisions = [str(one) for one in message.get("revisions") or ()]
    count = len(sources_of(application.spec))
    named = {0: text(message, "revision")}
    if not application.spec.sources:
        return AtRevision(named)
    for position, revision in zip(positions, revisions, strict=False):
        if not 1 <= position <= count:
            raise ApiError(ApiCode.UNKNOWN, "source position is out of range")
        named[position - 1] = revision
    return AtRevision(named)


async def _query(messages: AsyncIterator[Message]) -> Mapping[str, Any]:
    async for message in messages:
        query = part(message, "query")
        if text(query, "name"):
            return query
        break
    raise ApiError(ApiCode.INVALID_ARGUMENT, "error getting query: no query was sent first")


async def _receive(messages: AsyncIterator[Message], received: Received, checksum: str) -> None:
    digest, size = hashlib.sha256(), 0
    async for message in messages:
        try:
            data = base64.b64decode(text(part(message, "chunk"), "chunk"), validate=True)
        except binascii.Error:
            raise ApiError(ApiCode.INVALID_ARGUMENT, "a chunk of the files is no base64") from None
        size += len(data)
        if size > _LARGEST:
            raise ApiError(
                ApiCode.RESOURCE_EXHAUSTED, f"the files are larger than {_LARGEST >> 20} MiB"
            )
        digest.update(data)
        received.add(data)
    if digest.hexdigest() != checksum.lower():
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            f"file content does not match: expected checksum {checksum}, got {digest.hexdigest()}",
        )
