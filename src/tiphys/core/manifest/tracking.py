"""Which application an object belongs to, and whether it says so itself.

By annotation the id is `<instance>:<group>/<kind>:<namespace>/<name>`. Copying an object with its
annotations copies the id as well, so that an id counts only on the object that it names. A label
holds the instance alone. Where several installations share a cluster, each marks its objects, and
what another one has marked counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tiphys.core.manifest.annotations import annotation, annotations_of, with_annotation
from tiphys.core.settings.settings import Settings, TrackingMethod
from tiphys.model.names import (
    ANNOTATION_INSTALLATION_ID,
    ANNOTATION_TRACKING_ID,
    LABEL_APP_NAME_LEGACY,
)
from tiphys.model.resource import GroupKind, Manifest, ResourceKey, gvk_of, key_of

_LONGEST_LABEL = 63
_TRAILING = re.compile(r"[^A-Za-z0-9]+\Z")
_TEMPLATED = frozenset(
    {
        *(
            GroupKind(group, kind)
            for group in ("apps", "extensions")
            for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
        ),
        GroupKind("batch", "Job"),
    }
)
"""Kinds whose pods get the label too, where it is the one of old versions."""


class TrackingId(NamedTuple):
    """An application's instance name and the object that it claims."""

    instance: str
    key: ResourceKey


@dataclass(frozen=True, slots=True)
class Tracking:
    """How objects are marked as an application's. `installation` empty: there is only one."""

    method: TrackingMethod = TrackingMethod.ANNOTATION
    label: str = Settings().instance_label_key
    installation: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Tracking:
        return cls(settings.tracking, settings.instance_label_key, settings.installation_id)


BY_ANNOTATION = Tracking()
"""What holds where nothing else is set."""


class Claim(NamedTuple):
    """What a live object says of itself: the id, empty where there is none, and the instance."""

    tracking_id: str
    instance: str


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


def stamp(
    manifest: Manifest, instance: str, key: ResourceKey, how: Tracking = BY_ANNOTATION
) -> Manifest:
    """The manifest with the marks that say whose it is."""
    stamped = manifest
    if how.method is not TrackingMethod.LABEL:
        stamped = with_annotation(stamped, ANNOTATION_TRACKING_ID, tracking_id(instance, key))
    if how.method is not TrackingMethod.ANNOTATION:
        # By label alone a name that is too long is refused by the API server, which says why.
        short = how.method is TrackingMethod.ANNOTATION_AND_LABEL
        stamped = _labelled(stamped, how.label, _shortened(instance) if short else instance)
    if how.installation:
        return with_annotation(stamped, ANNOTATION_INSTALLATION_ID, how.installation)
    return _without_installation(stamped)


def renamed(manifest: Manifest, key: ResourceKey) -> Manifest:
    """A stamped manifest that got its name only now, with an id that says so."""
    known = parse_tracking_id(annotation(manifest, ANNOTATION_TRACKING_ID) or "")
    if known is None:
        return manifest
    return with_annotation(manifest, ANNOTATION_TRACKING_ID, tracking_id(known.instance, key))


def claim_of(manifest: Manifest, how: Tracking = BY_ANNOTATION) -> Claim:
    """Whose a live object says that it is; nothing where another installation says so."""
    if (annotation(manifest, ANNOTATION_INSTALLATION_ID) or "") != how.installation:
        return Claim("", "")
    if how.method is TrackingMethod.LABEL:
        labels = _labels(manifest)
        value = labels.get(how.label)
        return Claim("", value if isinstance(value, str) else "")
    value = annotation(manifest, ANNOTATION_TRACKING_ID) or ""
    parsed = parse_tracking_id(value) if value else None
    return Claim(value, parsed.instance if parsed else "")


def _shortened(instance: str) -> str:
    if len(instance) <= _LONGEST_LABEL:
        return instance
    return _TRAILING.sub("", instance[:_LONGEST_LABEL])


def _labelled(manifest: Manifest, name: str, value: str) -> Manifest:
    labelled = _with_label(manifest, ("metadata",), name, value)
    if name == LABEL_APP_NAME_LEGACY and gvk_of(manifest).group_kind in _TEMPLATED:
        return _with_label(labelled, ("spec", "template", "metadata"), name, value)
    return labelled


def _with_label(
    node: Mapping[str, Any], path: Sequence[str], name: str, value: str
) -> Mapping[str, Any]:
    """With a label in the metadata at a path; nothing is made of another shape on the way."""
    field, *rest = path or ("labels",)
    inner = node.get(field)
    if inner is not None and not isinstance(inner, Mapping):
        return node
    if not path:
        return {**node, field: {**(inner or {}), name: value}}
    return {**node, field: _with_label(inner or {}, rest, name, value)}


def _labels(manifest: Manifest) -> Mapping[str, Any]:
    meta = manifest.get("metadata")
    labels = meta.get("labels") if isinstance(meta, Mapping) else None
    return labels if isinstance(labels, Mapping) else {}


def _without_installation(manifest: Manifest) -> Manifest:
    annotations = annotations_of(manifest)
    if ANNOTATION_INSTALLATION_ID not in annotations:
        return manifest
    left = {key: text for key, text in annotations.items() if key != ANNOTATION_INSTALLATION_ID}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": left}}


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
