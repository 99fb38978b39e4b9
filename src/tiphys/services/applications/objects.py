"""Live objects of an application one by one: shown, patched, deleted.

Only what belongs to the application's tree is touched; anything else is answered as not found.
What has the name of such an object by now, and another uid, is anything else. Who knows the tree
gives the `node`; otherwise it is looked for on the cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tiphys.core.diff.mask import SecretMask, is_secret
from tiphys.core.manifest.hooks import is_hook
from tiphys.model.application import Application
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    InvalidObjectError,
    KubeError,
    ObjectNotFoundError,
)
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
    application: Application,
    key: ResourceKey,
    reached: Reached,
    *,
    masked: Collection[str] = (),
    node: TreeNode | None = None,
    version: str = "",
) -> Manifest:
    """The live object, in another version where one is named, a Secret masked, with these
    annotations of it.
    """
    node = node or await _node(application, key, reached)
    live = await _read(application, node, reached, version)
    return SecretMask(live, annotations=masked).manifest(live)


async def patch_object(
    application: Application,
    key: ResourceKey,
    kind: str,
    patch: Any,
    reached: Reached,
    *,
    masked: Collection[str] = (),
    node: TreeNode | None = None,
) -> Manifest:
    """`kind` is the media type of the patch. Answers the object, a Secret masked."""
    try:
        media = PatchKind(kind)
    except ValueError:
        raise ApiError(ApiCode.INVALID_ARGUMENT, f"Patch type '{kind}' is not supported") from None
    node = node or await _node(application, key, reached)
    resource = await _resource(node, reached)
    try:
        stored = await reached.writer.patch(
            resource,
            key.namespace,
            key.name,
            media,
            _of_this_object(media, patch, node.uid),
            manager=_MANAGER,
        )
    except KubeError as error:
        if _is_quoted(key):
            raise ApiError(
                ApiCode.UNKNOWN, f"failed to patch Secret {key.namespace}/{key.name}"
            ) from None
        if isinstance(error, ObjectNotFoundError | ConflictError | InvalidObjectError):
            # Another one of the name: the patch said which one it is for.
            await _read(application, node, reached)
        raise
    if not is_secret(stored):
        return stored
    return SecretMask(stored, annotations=masked).manifest(stored)


async def delete_object(
    application: Application,
    key: ResourceKey,
    reached: Reached,
    *,
    force: bool,
    orphan: bool,
    node: TreeNode | None = None,
) -> None:
    """`force` leaves nobody time to end; `orphan` keeps what the object owns."""
    node = node or await _node(application, key, reached)
    propagation = Propagation.FOREGROUND
    if orphan:
        propagation = Propagation.ORPHAN
    elif force:
        propagation = Propagation.BACKGROUND
    await reached.writer.delete(
        await _resource(node, reached),
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
    raise not_part_of(application, key)


async def _read(
    application: Application, node: TreeNode, reached: Reached, version: str = ""
) -> Manifest:
    resource = await _resource(node, reached, version)
    live = await reached.reader.get(resource, node.namespace, node.name)
    if not _is_same(live, node):
        raise not_part_of(application, node.key)
    return live


def _is_same(live: Manifest, node: TreeNode) -> bool:
    """Whether it is the very object, and none of its name that came after it."""
    return str(live["metadata"].get("uid") or "") == node.uid


def _is_quoted(key: ResourceKey) -> bool:
    """Whether the server may quote what a patch held, where that is nobody's business."""
    return key.group_kind == ("", "Secret")


def not_part_of(application: Application, key: ResourceKey) -> ApiError:
    return ApiError(
        ApiCode.INVALID_ARGUMENT,
        f"{key.kind} {key.group} {key.name} not found as part of application {application.name}",
    )


def _of_this_object(media: PatchKind, patch: Any, uid: str) -> Any:
    """The patch with the uid as its precondition; what is no patch stays for the server to say."""
    if media is PatchKind.JSON:
        test = {"op": "test", "path": "/metadata/uid", "value": uid}
        return [test, *patch] if isinstance(patch, list) else patch
    if not isinstance(patch, Mapping):
        return patch
    metadata = patch.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        return patch
    return {**patch, "metadata": {**(metadata or {}), "uid": uid}}


async def _resource(node: TreeNode, reached: Reached, version: str = "") -> ApiResource:
    kind = GroupVersionKind(node.group, version or node.version, node.kind)
    found = reached.discovery.find(kind)
    if found is None:
        await reached.discovery.refresh()
        found = reached.discovery.find(kind)
    if found is None:
        raise KubeError(f"{node.kind} is not served in version {kind.version}")
    return found
