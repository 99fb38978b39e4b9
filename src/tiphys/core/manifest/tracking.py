"""Tracking by annotation: which application an object belongs to, and whether it says so itself.

The id is `<instance>:<group>/<kind>:<namespace>/<name>`. Copying an object with its annotations
copies the id as well, so that an id counts only on the object that it names.
"""

from __future__ import annotations

from typing import NamedTuple

from tiphys.core.manifest.annotations import with_annotation
from tiphys.model.names import ANNOTATION_TRACKING_ID
from tiphys.model.resource import Manifest, ResourceKey, key_of


class TrackingId(NamedTuple):
    """An application's instance name and the object that it claims."""

    instance: str
    key: ResourceKey


def instance_name(namespace: str, name: str, control_plane_namespace: str) -> str:
    """The name that an application is tracked by: qualified outside the control plane's."""
    if namespace in ("", control_plane_namespace):
        return name
    return f"{namespace}_{name}"


def application_of(instance: str, control_plane_namespace: str) -> tuple[str, str]:
    """Namespace and name of the application that an instance name stands for."""
    namespace, found, name = instance.partition("_")
    return (namespace, name) if found else (control_plane_namespace, instance)


def tracking_key(manifest: Manifest, destination_namespace: str) -> ResourceKey:
    """The key that an id is built from: without a namespace, the destination's counts.

    This holds for cluster-scoped objects too, whose ids therefore name that namespace.
    """
    key = key_of(manifest)
    return key if key.namespace else key._replace(namespace=destination_namespace)


def tracking_id(instance: str, key: ResourceKey) -> str:
    return f"{instance}:{key.group}/{key.kind}:{key.namespace}/{key.name}"


def parse_tracking_id(value: str) -> TrackingId | None:
    """The parts of an id; None where it is none. A name may contain a colon."""
    instance, _, rest = value.partition(":")
    kind_part, _, name_part = rest.partition(":")
    kind, name = kind_part.split("/"), name_part.split("/")
    if len(kind) != 2 or len(name) != 2:
        return None
    return TrackingId(instance, ResourceKey(kind[0], kind[1], name[0], name[1]))


def stamp(manifest: Manifest, instance: str, key: ResourceKey) -> Manifest:
    """The manifest with the annotation that says whose it is."""
    return with_annotation(manifest, ANNOTATION_TRACKING_ID, tracking_id(instance, key))


def names_itself(live: ResourceKey, *, target: ResourceKey | None, tracking: str) -> bool:
    """Whether a live object is the one that its id is about.

    With a target, it has to be the object that the target is. Without one, the id that it
    carries decides; an id that cannot be read passes. A cluster-scoped object has no namespace
    to compare.
    """
    if target is not None:
        claimed = target
    else:
        parsed = parse_tracking_id(tracking)
        if parsed is None:
            return True
        claimed = parsed.key
    if not live.namespace:
        claimed = claimed._replace(namespace="")
    return live == claimed
