"""Why a delivery is refused. None of them holds a secret, or anything of the body.

WebhookError
├── UnknownEventError      no provider claims it
├── UnauthorizedError      its signature is missing or wrong, and it is told apart
└── RefusedError           anything else: a wrong secret, another event, a payload that is none
    └── PayloadSizeError   nothing, or too much
"""

from __future__ import annotations

from tiphys.model.errors import TiphysError


class WebhookError(TiphysError):
    """Base of the package."""


class UnknownEventError(WebhookError):
    pass


class UnauthorizedError(WebhookError):
    pass


class RefusedError(WebhookError):
    pass


class PayloadSizeError(RefusedError):
    pass
