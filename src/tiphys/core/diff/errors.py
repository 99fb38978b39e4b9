"""Errors of comparing and patching. They name the object and the field, never a value.

DiffError
├── MergeKeyError      an item of a keyed list lacks its key, or is not an object
└── LastAppliedError   the last-applied annotation is not a manifest
"""

from __future__ import annotations

from tiphys.model.resource import ResourceKey


class DiffError(ValueError):
    """`key` is the object, `path` the field in it, such as `spec.template.spec.containers`."""

    def __init__(self, message: str, *, key: ResourceKey, path: str) -> None:
        super().__init__(f"{key.kind} {key.name}: {path}: {message}")
        self.key = key
        self.path = path


class MergeKeyError(DiffError):
    pass


class LastAppliedError(DiffError):
    pass
