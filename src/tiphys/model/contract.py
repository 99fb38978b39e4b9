"""The contract's files as a set of descriptors, made of protos/ by `make protos`.

It comes with the package as Python's own files do, and changes only with them.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def descriptor_set() -> bytes:
    """A `google.protobuf.FileDescriptorSet`."""
    return resources.files(__package__).joinpath("contract.binpb").read_bytes()
