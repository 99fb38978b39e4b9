"""Kubernetes' Status objects as typed errors, and the refusals of a kubeconfig.

KubeError (model.errors)
└── KubeConfigError     a kubeconfig or service account that cannot be used, naming the field

What a write of a Secret is answered may quote its values, so such answers keep the reason and
the paths of the fields only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.model.errors import (
    ConflictError,
    ForbiddenError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
    ObjectExistsError,
    ObjectNotFoundError,
    ResourceGoneError,
)


class KubeConfigError(KubeError):
    """`field` is the path in the kubeconfig, such as `users[admin].exec`."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


_BY_STATUS: Mapping[int, type[KubeError]] = {
    400: InvalidObjectError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: ObjectNotFoundError,
    409: ConflictError,
    410: ResourceGoneError,
    413: InvalidObjectError,
    415: InvalidObjectError,
    422: InvalidObjectError,
    429: KubeUnreachableError,
}

_VERSION_TOO_LARGE = "ResourceVersionTooLarge"

# Their messages name objects and versions, never what was sent.
_QUOTES_NOTHING = frozenset({401, 404, 409, 410, 429})


def error_from_status(
    status: int, body: Mapping[str, Any] | None, what: str, *, secret: bool = False
) -> KubeError:
    """The error for an HTTP status and the decoded Status object, where there was one.

    `what` names the call for answers without a Status. `secret` says that a Secret was sent.
    """
    body = body or {}
    reason = str(body.get("reason") or "")
    kind = _kind_of_error(status, reason, _causes(body))
    if secret and status not in _QUOTES_NOTHING:
        message = _without_values(status, reason, body, what)
    else:
        message = str(body.get("message") or "") or f"{what}: the API server answered {status}"
    return kind(message, status=status, reason=reason)


def error_from_event(body: Mapping[str, Any], what: str) -> KubeError:
    """The error for the Status that an ERROR event of a watch carries."""
    code = body.get("code")
    return error_from_status(code if isinstance(code, int) else 500, body, what)


def _causes(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (body.get("details") or {}).get("causes") or ()


def _kind_of_error(
    status: int, reason: str, causes: Sequence[Mapping[str, Any]]
) -> type[KubeError]:
    if reason == "AlreadyExists":
        return ObjectExistsError
    # The second: a version that the server has not reached, for it came back from a backup.
    if reason == "Expired" or any(c.get("reason") == _VERSION_TOO_LARGE for c in causes):
        return ResourceGoneError
    if status >= 500:
        return KubeUnreachableError
    return _BY_STATUS.get(status, KubeError)


def _without_values(status: int, reason: str, body: Mapping[str, Any], what: str) -> str:
    name = str((body.get("details") or {}).get("name") or "")
    subject = f'Secret "{name}"' if name else what
    fields = [str(cause.get("field") or "") for cause in _causes(body)]
    named = ", ".join(dict.fromkeys(field for field in fields if field))
    said = f"{subject}: the API server answered {status} {reason}".rstrip()
    return f"{said} for {named}" if named else said
