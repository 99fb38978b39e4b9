"""One request to an API server, as it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class KubeVerb(StrEnum):
    """What a request does; values are the contract's labels."""

    GET = "Get"
    LIST = "List"
    WATCH = "Watch"
    CREATE = "Create"
    UPDATE = "Update"
    PATCH = "Patch"
    DELETE = "Delete"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class KubeRequest:
    """`resource` is the plural of the path, such as `deployments`; empty where it names none.

    `code` is the answer's status, 0 where there was none. `seconds` is the time until the whole
    answer was read; of a watch until it began. `sent` and `received` are bytes of the bodies.
    """

    server: str
    method: str
    verb: KubeVerb
    resource: str
    namespace: str
    code: int
    seconds: float
    sent: int = 0
    received: int = 0
    dry_run: bool = False
