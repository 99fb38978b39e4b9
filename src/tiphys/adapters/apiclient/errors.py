"""What goes wrong on the way to a server.

ApiError
└── ConnectError       nobody answers at the address, or TLS does not come about
"""

from __future__ import annotations

from urllib.parse import unquote

from tiphys.model.errors import ApiCode, ApiError

CODES = (
    None,
    ApiCode.CANCELED,
    ApiCode.UNKNOWN,
    ApiCode.INVALID_ARGUMENT,
    ApiCode.DEADLINE_EXCEEDED,
    ApiCode.NOT_FOUND,
    ApiCode.ALREADY_EXISTS,
    ApiCode.PERMISSION_DENIED,
    ApiCode.RESOURCE_EXHAUSTED,
    ApiCode.FAILED_PRECONDITION,
    ApiCode.ABORTED,
    ApiCode.OUT_OF_RANGE,
    ApiCode.UNIMPLEMENTED,
    ApiCode.INTERNAL,
    ApiCode.UNAVAILABLE,
    ApiCode.DATA_LOSS,
    ApiCode.UNAUTHENTICATED,
)
"""By gRPC's numbers; 0 is no error."""


class ConnectError(ApiError):
    def __init__(self, address: str, reason: str) -> None:
        super().__init__(ApiCode.UNAVAILABLE, reason)
        self.address = address


def error_of(status: str, message: str) -> ApiError | None:
    """Of the headers `grpc-status` and `grpc-message`; None where all went well."""
    number = int(status) if status.isdigit() else -1
    if number == 0:
        return None
    code = CODES[number] if 0 < number < len(CODES) else ApiCode.UNKNOWN
    return ApiError(code or ApiCode.UNKNOWN, unquote(message))
