"""Shapes that answers of many services share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.resource import Manifest

_BAD_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")


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


def unescaped(value: str) -> str:
    """What paths keep escaped is read once more, whatever the call came by."""
    bad = _BAD_ESCAPE.search(value)
    if bad is not None:
        raise ApiError(ApiCode.UNKNOWN, f'invalid URL escape "{value[bad.start() :][:3]}"')
    return unquote_plus(value)


def denied() -> ApiError:
    """What is absent and what is forbidden are answered alike."""
    return ApiError(ApiCode.PERMISSION_DENIED, "permission denied")
