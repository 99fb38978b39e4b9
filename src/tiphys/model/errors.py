"""Errors that cross a port. None carries a secret.

TiphysError
├── RepositoryError            Git said no, or could not be asked
│   ├── RepositoryUnreachableError   network, DNS, time-out: try again later
│   ├── RevisionNotFoundError        no such branch, tag or commit
│   └── UnsupportedRepositoryError   a transport or credential that this version refuses
├── RenderError                a source did not become manifests
│   ├── RenderLimitError             a limit ended it: deadline, memory, size
│   └── UnsupportedSourceError       a field or tool that this version refuses
├── KubeError                  the API server said no, or could not be asked
│   ├── ObjectNotFoundError
│   ├── ObjectExistsError
│   ├── ConflictError                the object changed meanwhile, or a precondition failed
│   ├── InvalidObjectError           422 and 400
│   ├── ForbiddenError               401 and 403
│   ├── ResourceGoneError            410: a watch or a list has to start again
│   ├── KindNotFoundError            discovery does not know the kind
│   └── KubeUnreachableError         network, time-out, 429 and 5xx after retries
│       └── ConnectionEndedError         the cluster was removed, or its credentials changed
├── DestinationError           an Application's destination is no known cluster
├── EvaluationError            the evaluator of users' scripts does not answer
├── ApiError                   a call on an application was refused, with the code for callers
│   └── ExpiredError                 the token was good once: who it was of may be told
├── TokenError                 a token is not signed with our key
├── IdentityError              an OpenID provider said no, or could not be asked
│   └── IdentityUnreachableError     network, time-out, certificate: try again later
├── ManifestDecodeError        a custom resource's field that cannot be read, by its path
├── DevClusterError            the development control plane does not start, stop or answer
└── SettingsError              a setting that cannot be read, by its key
"""

from __future__ import annotations

from enum import StrEnum


class TiphysError(Exception):
    """Base of all errors that a port raises."""


class RepositoryError(TiphysError):
    """A repository could not answer. `url` never holds user information."""

    def __init__(self, message: str, *, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class RepositoryUnreachableError(RepositoryError):
    pass


class RevisionNotFoundError(RepositoryError):
    pass


class UnsupportedRepositoryError(RepositoryError):
    pass


class RenderError(TiphysError):
    """A source did not become manifests; the text says which file and why."""


class RenderLimitError(RenderError):
    pass


class UnsupportedSourceError(RenderError):
    """`field` is the path in the Application's spec, such as `spec.source.plugin`."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class KubeError(TiphysError):
    """`status` is the HTTP status, 0 when there was no answer; `reason` Kubernetes' word for it."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class ObjectNotFoundError(KubeError):
    pass


class ObjectExistsError(KubeError):
    pass


class ConflictError(KubeError):
    pass


class InvalidObjectError(KubeError):
    pass


class ForbiddenError(KubeError):
    pass


class ResourceGoneError(KubeError):
    pass


class KindNotFoundError(KubeError):
    pass


class KubeUnreachableError(KubeError):
    pass


class ConnectionEndedError(KubeUnreachableError):
    pass


class ApiCode(StrEnum):
    """Why a call was refused; gRPC's names."""

    ABORTED = "Aborted"
    ALREADY_EXISTS = "AlreadyExists"
    CANCELED = "Canceled"
    DATA_LOSS = "DataLoss"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    FAILED_PRECONDITION = "FailedPrecondition"
    INTERNAL = "Internal"
    INVALID_ARGUMENT = "InvalidArgument"
    NOT_FOUND = "NotFound"
    OUT_OF_RANGE = "OutOfRange"
    PERMISSION_DENIED = "PermissionDenied"
    RESOURCE_EXHAUSTED = "ResourceExhausted"
    UNAUTHENTICATED = "Unauthenticated"
    UNAVAILABLE = "Unavailable"
    UNIMPLEMENTED = "Unimplemented"
    UNKNOWN = "Unknown"


class ApiError(TiphysError):
    """A call on an application, project or the like was refused."""

    def __init__(self, code: ApiCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class ExpiredError(ApiError):
    """`issuer` is whose token it was, which says where to log in again."""

    def __init__(self, message: str, *, issuer: str) -> None:
        super().__init__(ApiCode.UNAUTHENTICATED, message)
        self.issuer = issuer


class TokenError(TiphysError):
    """The text says why, and nothing of the token."""


class IdentityError(TiphysError):
    """The text is fit for whoever logs in: nothing of a token, a code or a secret is in it."""


class IdentityUnreachableError(IdentityError):
    pass


class ManifestDecodeError(TiphysError):
    """`field` is the path from the object's root, such as `spec.source.repoURL`."""

    def __init__(self, reason: str, *, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class SettingsError(TiphysError):
    """`key` is the key of the ConfigMap that cannot be read."""

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class DevClusterError(TiphysError):
    """The text says what failed, where its log is, and what to do."""


class DestinationError(TiphysError):
    """The text is the condition's. `exists`: there is such a cluster, or even more than one, but
    what is said of it does not do: its objects are still there.
    """

    def __init__(self, message: str, *, exists: bool = False) -> None:
        super().__init__(message)
        self.exists = exists


class EvaluationError(TiphysError):
    """The evaluator could not be asked; a script's own fault is part of its answer."""
