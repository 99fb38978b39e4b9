"""Reads and writes of objects of any kind, untyped: one request a call.

Implements the KubeReader and KubeWriter of services.live.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, MutableSequence
from typing import Any
from urllib.parse import quote

import orjson

from tiphys.adapters.kube.errors import error_from_event
from tiphys.adapters.kube.paths import object_path, resource_path
from tiphys.adapters.kube.transport import Call, Transport
from tiphys.model.errors import KubeUnreachableError, ResourceGoneError
from tiphys.model.live import ObjectList, PatchKind, Propagation, WatchEvent, WatchVerb
from tiphys.model.names import MANAGER_CONTROLLER
from tiphys.model.resource import ApiResource, Manifest

_PAGE = 500
_RESTARTS = 3
# Bookmarks come about once a minute; a watch that is silent for longer is begun anew from
# where it was, which costs one request and misses nothing.
_SILENCE = 150.0
_VERBS = {verb.value: verb for verb in WatchVerb}


class KubeClient:
    """A thin client; `page` is the number of objects asked for at once in lists. With `only`,
    lists and watches are of the objects of this one name.
    """

    def __init__(self, transport: Transport, *, page: int = _PAGE, only: str = "") -> None:
        self._transport = transport
        self._page = page
        self._fields = {"fieldSelector": f"metadata.name={only}"} if only else {}

    async def get(self, resource: ApiResource, namespace: str, name: str) -> Manifest:
        return await self._manifest(Call("GET", object_path(resource, namespace, name)))

    async def list(
        self, resource: ApiResource, *, namespace: str = "", label_selector: str = ""
    ) -> ObjectList:
        """All pages. A list that expires half-way is begun anew, at last in one piece."""
        for _ in range(_RESTARTS):
            try:
                return await self._pages(resource, namespace, label_selector, self._page)
            except ResourceGoneError:
                continue
        return await self._pages(resource, namespace, label_selector, 0)

    async def chosen(
        self, resource: ApiResource, *, namespace: str, field_selector: str
    ) -> ObjectList:
        """Those of which fields are as asked for; the server knows only a few fields."""
        return await self._pages(resource, namespace, "", self._page, field_selector=field_selector)

    async def count(self, resource: ApiResource) -> int:
        """How many objects of a kind there are, by a list of one."""
        answer = await self._transport.json(
            Call("GET", resource_path(resource, ""), {"limit": "1"})
        )
        left = (answer.get("metadata") or {}).get("remainingItemCount") or 0
        return len(answer.get("items") or ()) + int(left)

    async def watch(
        self,
        resource: ApiResource,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            # Spread over minutes, so that the watches of all kinds do not end together.
            "timeoutSeconds": str(random.randint(300, 600)),  # noqa: S311 - not a secret
            **self._fields,
        }
        if label_selector:
            query["labelSelector"] = label_selector
        call = Call("GET", resource_path(resource, namespace), query)
        async with self._transport.stream(call, silence=_SILENCE) as content:
            yield WatchEvent(
                WatchVerb.BOOKMARK, {"metadata": {"resourceVersion": resource_version}}
            )
            rest = b""
            async for chunk in content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        yield _event(line, call)

    async def create(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest:
        namespace = _namespace(manifest)
        return await self._manifest(
            Call(
                "POST",
                resource_path(resource, namespace),
                _writing(manager, validation, dry_run=dry_run),
                manifest,
                repeatable=False,
                secret=_secret(resource),
                warnings=warnings,
            )
        )

    async def patch(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        kind: PatchKind,
        body: Any,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
        force: bool = False,
    ) -> Manifest:
        query = _writing(manager, validation, dry_run=dry_run)
        if force:
            query["force"] = "true"
        return await self._manifest(
            Call(
                "PATCH",
                object_path(resource, namespace, name),
                query,
                body,
                content_type=kind.value,
                # A JSON patch may append to a list, and would do so twice.
                repeatable=kind is not PatchKind.JSON,
                secret=_secret(resource),
                warnings=warnings,
            )
        )

    async def replace(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest:
        name = str((manifest.get("metadata") or {}).get("name") or "")
        return await self._manifest(
            Call(
                "PUT",
                object_path(resource, _namespace(manifest), name),
                _writing(manager, validation, dry_run=dry_run),
                manifest,
                secret=_secret(resource),
                warnings=warnings,
            )
        )

    async def delete(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        grace_seconds: int | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation.value,
            "preconditions": {"uid": uid},
        }
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._transport.fetch(
            Call("DELETE", object_path(resource, namespace, name), body=options)
        )

    async def create_token(self, namespace: str, service_account: str, *, seconds: int) -> str:
        """A token of a ServiceAccount, by its TokenRequest subresource."""
        path = f"/api/v1/namespaces/{quote(namespace)}/serviceaccounts/{quote(service_account)}"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        answer = await self._transport.json(
            Call("POST", f"{path}/token", body=body, repeatable=False)
        )
        return str(answer["status"]["token"])

    async def _manifest(self, call: Call) -> Manifest:
        answer: Manifest = await self._transport.json(call)
        return answer

    async def _pages(
        self,
        resource: ApiResource,
        namespace: str,
        label_selector: str,
        page: int,
        *,
        field_selector: str = "",
    ) -> ObjectList:
        query = {**self._fields, **({"limit": str(page)} if page else {})}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        # Items of built-in kinds come without the kind that the list stands for.
        head = {"apiVersion": resource.gvk.api_version, "kind": resource.kind}
        path = resource_path(resource, namespace)
        items: list[Manifest] = []
        while True:
            answer = await self._transport.json(Call("GET", path, dict(query)))
            items.extend({**head, **item} for item in answer.get("items") or ())
            meta = answer.get("metadata") or {}
            if not meta.get("continue"):
                return ObjectList(tuple(items), str(meta.get("resourceVersion") or ""))
            query["continue"] = meta["continue"]


def _event(line: bytes, call: Call) -> WatchEvent:
    try:
        decoded = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise KubeUnreachableError(f"{call}: the watch was cut within an event") from None
    body = decoded.get("object") or {}
    verb = _VERBS.get(decoded.get("type"))
    if verb is None:
        raise error_from_event(body, f"{call} (watch)")
    return WatchEvent(verb, body)


def _writing(manager: str, validation: str, *, dry_run: bool) -> dict[str, str]:
    query = {"fieldManager": manager, "fieldValidation": validation}
    return {**query, "dryRun": "All"} if dry_run else query


def _namespace(manifest: Mapping[str, Any]) -> str:
    return str((manifest.get("metadata") or {}).get("namespace") or "")


def _secret(resource: ApiResource) -> bool:
    return resource.kind == "Secret" and not resource.group
