"""The paths of the Kubernetes API."""

from __future__ import annotations

from urllib.parse import quote

from tiphys.model.errors import InvalidObjectError
from tiphys.model.resource import ApiResource


def group_version_path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def resource_path(resource: ApiResource, namespace: str = "") -> str:
    """The collection; of all namespaces where none is given or the kind has none."""
    root = group_version_path(resource.group, resource.version)
    if namespace and resource.namespaced:
        return f"{root}/namespaces/{_segment(namespace)}/{resource.plural}"
    return f"{root}/{resource.plural}"


def object_path(resource: ApiResource, namespace: str, name: str) -> str:
    if resource.namespaced and not namespace:
        raise InvalidObjectError(f'{resource.kind} "{name}" needs a namespace')
    return f"{resource_path(resource, namespace)}/{_segment(name)}"


def _segment(name: str) -> str:
    # An empty name would address the whole collection, and dots the parent of it.
    if name in ("", ".", "..") or "/" in name:
        raise InvalidObjectError(f"{name!r} is not the name of an object")
    return quote(name, safe=":")
