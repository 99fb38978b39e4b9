"""The container images that a manifest names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.model.resource import Manifest

_POD_SPECS = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
"""Where a pod's spec stands: in a pod, in a workload, in a cron job."""


def container_images(manifest: Manifest, *, init: bool = False) -> tuple[str, ...]:
    """Images of the containers, in their order; with `init`, those of init containers first."""
    lists = ("initContainers", "containers") if init else ("containers",)
    images: list[str] = []
    for path in _POD_SPECS:
        spec = _descend(manifest, path)
        for name in lists:
            images.extend(_images(spec.get(name)))
    return tuple(images)


def _descend(manifest: Manifest, path: tuple[str, ...]) -> Mapping[str, Any]:
    value: Any = manifest
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _images(containers: Any) -> list[str]:
    if not isinstance(containers, list):
        return []
    found = (item.get("image") for item in containers if isinstance(item, Mapping))
    return [image for image in found if isinstance(image, str) and image]
