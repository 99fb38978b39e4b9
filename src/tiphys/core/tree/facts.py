"""From a live manifest to the few facts that are kept of every object."""

from __future__ import annotations

from tiphys.core.manifest.images import container_images
from tiphys.core.manifest.tracking import BY_ANNOTATION, Tracking, claim_of
from tiphys.core.tree.owners import owners_of
from tiphys.core.tree.pods import summarise
from tiphys.model.live import LiveObject
from tiphys.model.resource import Manifest, ResourceKey, split_api_version
from tiphys.model.status import HealthStatus

_REVISION_ANNOTATIONS = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")


def live_object(
    key: ResourceKey,
    manifest: Manifest,
    health: HealthStatus | None,
    tracking: Tracking = BY_ANNOTATION,
) -> LiveObject:
    """The facts of an object as the API server gave it; `health` is judged by the caller."""
    metadata = manifest["metadata"]
    _, version = split_api_version(manifest["apiVersion"])
    annotations = metadata.get("annotations") or {}
    owners = owners_of(manifest, key)
    claim = claim_of(manifest, tracking)
    is_pod = key.kind == "Pod" and not key.group
    return LiveObject(
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
        images=_images(manifest) if is_pod else (),
        info=summarise(manifest).info() if is_pod else _revision(manifest, annotations),
    )


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
