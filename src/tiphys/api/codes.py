"""What an error is called on the wire: gRPC's code, HTTP's status, and a text without secrets."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import structlog

from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
    ObjectExistsError,
    ObjectNotFoundError,
    TiphysError,
)

log = structlog.get_logger()

_FRAMES = 8

_NUMBERS = {
    ApiCode.CANCELED: (1, 408),
    ApiCode.UNKNOWN: (2, 500),
    ApiCode.INVALID_ARGUMENT: (3, 400),
    ApiCode.DEADLINE_EXCEEDED: (4, 504),
    ApiCode.NOT_FOUND: (5, 404),
    ApiCode.ALREADY_EXISTS: (6, 409),
    ApiCode.PERMISSION_DENIED: (7, 403),
    ApiCode.RESOURCE_EXHAUSTED: (8, 429),
    ApiCode.FAILED_PRECONDITION: (9, 400),
    ApiCode.ABORTED: (10, 409),
    ApiCode.OUT_OF_RANGE: (11, 400),
    ApiCode.UNIMPLEMENTED: (12, 501),
    ApiCode.INTERNAL: (13, 500),
    ApiCode.UNAVAILABLE: (14, 503),
    ApiCode.DATA_LOSS: (15, 500),
    ApiCode.UNAUTHENTICATED: (16, 401),
}

_REASONS = {
    "NotFound": ApiCode.NOT_FOUND,
    "AlreadyExists": ApiCode.ALREADY_EXISTS,
    "Invalid": ApiCode.INVALID_ARGUMENT,
    "MethodNotAllowed": ApiCode.UNIMPLEMENTED,
    "ServiceUnavailable": ApiCode.UNAVAILABLE,
    "ServerTimeout": ApiCode.UNAVAILABLE,
    "BadRequest": ApiCode.FAILED_PRECONDITION,
    "Unauthorized": ApiCode.UNAUTHENTICATED,
    "Forbidden": ApiCode.PERMISSION_DENIED,
    "Timeout": ApiCode.DEADLINE_EXCEEDED,
    "Conflict": ApiCode.ABORTED,
    "TooManyRequests": ApiCode.RESOURCE_EXHAUSTED,
    "InternalError": ApiCode.INTERNAL,
}
_STATUSES = {
    400: ApiCode.FAILED_PRECONDITION,
    401: ApiCode.UNAUTHENTICATED,
    422: ApiCode.INVALID_ARGUMENT,
    429: ApiCode.RESOURCE_EXHAUSTED,
    500: ApiCode.INTERNAL,
    503: ApiCode.UNAVAILABLE,
    504: ApiCode.DEADLINE_EXCEEDED,
}
_KINDS: tuple[tuple[type[KubeError], ApiCode], ...] = (
    (ObjectNotFoundError, ApiCode.NOT_FOUND),
    (ObjectExistsError, ApiCode.ALREADY_EXISTS),
    (ConflictError, ApiCode.ABORTED),
    (InvalidObjectError, ApiCode.INVALID_ARGUMENT),
    (ForbiddenError, ApiCode.PERMISSION_DENIED),
    (KubeUnreachableError, ApiCode.UNAVAILABLE),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call's end that is no answer."""

    code: ApiCode
    text: str

    @property
    def grpc(self) -> int:
        return _NUMBERS[self.code][0]

    @property
    def http(self) -> int:
        return _NUMBERS[self.code][1]


def refusal_of(error: BaseException) -> Refusal:
    """Never raises. What nobody expected is logged, and told without its text, for nobody knows
    what is in it.
    """
    match error:
        case ApiError():
            return Refusal(error.code, str(error))
        case KubeError():
            return Refusal(kube_code(error), str(error))
        case TiphysError():
            return Refusal(ApiCode.UNKNOWN, str(error))
        case TimeoutError():
            return Refusal(ApiCode.DEADLINE_EXCEEDED, "context deadline exceeded")
        case _:
            tell_unexpected("call failed", error)
            return Refusal(ApiCode.INTERNAL, f"panic: {type(error).__name__}")


def tell_unexpected(what: str, error: BaseException) -> None:
    """Logs where it came from: its text may hold what nobody should read."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    log.error(what, error=type(error).__name__, at=" ".join(places))


def kube_code(error: KubeError) -> ApiCode:
    """By the API server's own word, else by its status, else by what became of the request."""
    found = _REASONS.get(error.reason) or _STATUSES.get(error.status)
    if found is not None:
        return found
    return next((code for kind, code in _KINDS if isinstance(error, kind)), ApiCode.UNKNOWN)
