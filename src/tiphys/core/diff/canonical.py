"""The hash of a manifest: equal for equal JSON, whatever the order of its fields."""

from __future__ import annotations

import xxhash

from tiphys.core.diff.normalise import encode
from tiphys.model.resource import Manifest


def manifest_hash(manifest: Manifest) -> str:
    """128 bits in hexadecimal."""
    return xxhash.xxh3_128_hexdigest(encode(manifest))
