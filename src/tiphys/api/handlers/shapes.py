"""Shapes that answers of many services share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.resource import Manifest


def listing(items: Sequence[Any], version: str = "") -> dict[str, Any]:
    """A list of Kubernetes' kind: an empty one is null, as the contract writes it."""
    return {
        "metadata": {"resourceVersion": version} if version else {},
        "items": list(items) or None,
    }


def bare(manifest: Manifest) -> dict[str, Any]:
    """Without apiVersion and kind, which messages do not carry."""
    return {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}


def text(message: Mapping[str, Any], key: str) -> str:
    return str(message.get(key) or "")


def part(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = message.get(key)
    return found if isinstance(found, Mapping) else {}


def denied() -> ApiError:
    """What is absent and what is forbidden are answered alike."""
    return ApiError(ApiCode.PERMISSION_DENIED, "permission denied")
