"""From a live manifest to the few facts that are kept of every object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tiphys.core.manifest.images import container_images
from tiphys.core.manifest.tracking import BY_ANNOTATION, Tracking, claim_of
from tiphys.core.tree.network import network_of
from tiphys.core.tree.owners import owners_of
from tiphys.core.tree.pods import summarise
from tiphys.core.tree.requests import host_of, pod_requests
from tiphys.model.live import LiveObject
from tiphys.model.resource import Manifest, ResourceKey, split_api_version
from tiphys.model.status import HealthStatus

_REVISION_ANNOTATIONS = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")


def live_object(
    key: ResourceKey,
    manifest: Manifest,
    health: HealthStatus | None,
    tracking: Tracking = BY_ANNOTATION,
    labels: Sequence[str] = (),
) -> LiveObject:
    """The facts of an object as the API server gave it; `health` is judged by the caller.

    `labels` are those whose values are shown beside an object.
    """
    metadata = manifest["metadata"]
    _, version = split_api_version(manifest["apiVersion"])
    annotations = metadata.get("annotations") or {}
    owners = owners_of(manifest, key)
    claim = claim_of(manifest, tracking)
    found = LiveObject(
        key=key,
        version=version,
        uid=metadata.get("uid") or "",
        resource_version=metadata.get("resourceVersion") or "",
        created_at=metadata.get("creationTimestamp") or "",
        deleting=bool(metadata.get("deletionTimestamp")),
        owners=owners,
        tracking_id=claim.tracking_id,
        instance="" if owners else claim.instance,
        health=health,
        info=(*_revision(manifest, annotations), *_labels(metadata, labels)),
        network=network_of(key, manifest),
    )
    match key.group, key.kind:
        case "", "Pod":
            return _pod(found, manifest, labels)
        case "", "Node":
            return replace(found, host=host_of(manifest))
        case _:
            return found


def _pod(found: LiveObject, manifest: Manifest, labels: Sequence[str]) -> LiveObject:
    summary = summarise(manifest)
    requests = pod_requests(manifest)
    asked = tuple((name, str(amount)) for name, amount in requests if name != "storage")
    shown = _labels(manifest["metadata"], labels)
    return replace(
        found,
        images=_images(manifest),
        info=(*summary.info(), *asked, *shown),
        node=summary.node if requests else "",
        requests=requests,
    )


def _labels(metadata: Manifest, labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    own = metadata.get("labels") or {}
    return tuple((name, str(own[name])) for name in labels if name in own)


def _images(pod: Manifest) -> tuple[str, ...]:
    return tuple(dict.fromkeys(container_images(pod, init=True)))


def _revision(manifest: Manifest, annotations: Manifest) -> tuple[tuple[str, str], ...]:
    for name in _REVISION_ANNOTATIONS:
        if annotations.get(name):
            return (("Revision", f"Rev:{annotations[name]}"),)
    revision = manifest.get("revision")
    # A ControllerRevision counts at its top level; bool is an int in Python only.
    if isinstance(revision, int) and not isinstance(revision, bool) and revision:
        return (("Revision", f"Rev:{revision}"),)
    return ()
