"""Live objects of an application one by one: shown, patched, deleted.

Only what belongs to the application's tree is touched; anything else is answered as not found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from tiphys.core.diff.mask import SecretMask, is_secret
from tiphys.core.manifest.hooks import is_hook
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, KubeError
from tiphys.model.live import PatchKind, Propagation
from tiphys.model.resource import ApiResource, GroupVersionKind, Manifest, ResourceKey
from tiphys.services.applications.destinations import Reached
from tiphys.services.applications.managed import live_object, status_kinds
from tiphys.services.applications.tree import live_tree, node_of
from tiphys.services.applications.values import TreeNode

_MANAGER = "argocd-server"
"""Not the controller's: what a person changed is told from what Git says."""


async def live_keys(application: Application, reached: Reached) -> Sequence[ResourceKey]:
    """The objects of its status that are live, hooks aside."""
    await reached.discovery.refresh()
    kinds = status_kinds(application)
    found = await asyncio.gather(*(live_object(key, kinds[key], reached) for key in kinds))
    return [
        key
        for key, live in zip(kinds, found, strict=True)
        if live is not None and not is_hook(live)
    ]


async def get_object(
    application: Application, key: ResourceKey, reached: Reached, *, masked: Collection[str] = ()
) -> Manifest:
    """The live object, a Secret masked, with these annotations of it."""
    node = await _node(application, key, reached)
    live = await reached.reader.get(_resource(node, reached), key.namespace, key.name)
    return SecretMask(live, annotations=masked).manifest(live)


async def patch_object(
    application: Application,
    key: ResourceKey,
    kind: str,
    patch: Any,
    reached: Reached,
    *,
    masked: Collection[str] = (),
) -> Manifest:
    """`kind` is the media type of the patch. Answers the object, a Secret masked."""
    try:
        media = PatchKind(kind)
    except ValueError:
        raise ApiError(ApiCode.INVALID_ARGUMENT, f"Patch type '{kind}' is not supported") from None
    node = await _node(application, key, reached)
    try:
        stored = await reached.writer.patch(
            _resource(node, reached), key.namespace, key.name, media, patch, manager=_MANAGER
        )
    except KubeError:
        if key.group_kind == ("", "Secret"):
            # The server may quote what the patch held.
            raise ApiError(
                ApiCode.UNKNOWN, f"failed to patch Secret {key.namespace}/{key.name}"
            ) from None
        raise
    if not is_secret(stored):
        return stored
    return SecretMask(stored, annotations=masked).manifest(stored)


async def delete_object(
    application: Application, key: ResourceKey, reached: Reached, *, force: bool, orphan: bool
) -> None:
    """`force` leaves nobody time to end; `orphan` keeps what the object owns."""
    node = await _node(application, key, reached)
    propagation = Propagation.FOREGROUND
    if orphan:
        propagation = Propagation.ORPHAN
    elif force:
        propagation = Propagation.BACKGROUND
    await reached.writer.delete(
        _resource(node, reached),
        key.namespace,
        key.name,
        uid=node.uid,
        propagation=propagation,
        grace_seconds=0 if force and not orphan else None,
    )


async def _node(application: Application, key: ResourceKey, reached: Reached) -> TreeNode:
    kind = status_kinds(application).get(key)
    if kind is not None:
        await reached.discovery.refresh()
        live = await live_object(key, kind, reached)
        if live is not None:
            return node_of(live)
    for node in await live_tree(application, reached.reader, reached.discovery):
        if node.key == key and node.uid:
            return node
    raise ApiError(
        ApiCode.INVALID_ARGUMENT,
        f"{key.kind} {key.group} {key.name} not found as part of application {application.name}",
    )


def _resource(node: TreeNode, reached: Reached) -> ApiResource:
    found = reached.discovery.find(GroupVersionKind(node.group, node.version, node.kind))
    if found is None:
        raise KubeError(f"{node.kind} is not served in version {node.version}")
    return found
