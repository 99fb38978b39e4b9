"""What is told of what callers did."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from tiphys.model.access import Caller
from tiphys.model.resource import Manifest


class Reason(StrEnum):
    """Of the contract's Kubernetes Events."""

    CREATED = "ResourceCreated"
    UPDATED = "ResourceUpdated"
    DELETED = "ResourceDeleted"
    ACTION_RAN = "ResourceActionRan"
    OPERATION_STARTED = "OperationStarted"


class Audit(Protocol):
    """Writes Events and log lines, behind the call: what fails is logged and hinders nobody."""

    def tell(self, caller: Caller, about: Manifest, reason: Reason, text: str) -> None:
        """`about` is the object: kind, apiVersion and metadata are enough, and of an application
        its destination. `text` follows the caller's name.
        """
        ...
