"""What everything that answers callers asks of access control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tiphys.model.access import Caller


class Access(Protocol):
    """The one place that says whether a caller may. Objects are written as policies write them:
    `<project>/<name>` of an application, `<server>` or `<project>/<server>` of a cluster.
    """

    @property
    def version(self) -> object:
        """Changes, by identity, with everything that could change an answer: policies, projects'
        roles, settings. What is kept by caller is kept for this version.
        """
        ...

    def allows(self, caller: Caller, resource: str, action: str, target: str) -> bool:
        """Raises ApiError, Internal, where the policy that is loaded cannot be read."""
        ...

    def require(self, caller: Caller, resource: str, action: str, target: str) -> None:
        """Raises ApiError, PermissionDenied, with the long text that names what was asked."""
        ...

    def groups(self, caller: Caller) -> Sequence[str]:
        """From the claims that the policy's `scopes` names, in their order."""
        ...


class Sessions(Protocol):
    """Who is behind a token."""

    async def caller(self, token: str) -> tuple[Caller, str]:
        """The caller, and a new token where this one should be renewed, else an empty text.

        An empty token is anonymous where that is allowed. Raises ApiError, Unauthenticated.
        """
        ...


class TokenVerifier(Protocol):
    """Tokens of a provider of identities: all that are not signed by ourselves."""

    async def verify(self, token: str) -> tuple[Mapping[str, Any], str]:
        """The claims, groups among them, and a new token where this one should be renewed.

        Signature, issuer, audience and times are proven before it answers. Raises ApiError,
        Unauthenticated: the text is what `invalid session: ` precedes. An ExpiredError says that
        the token was the provider's, but is no longer.
        """
        ...


class TokenSigner(Protocol):
    """Tokens of our own."""

    def sign(self, claims: Mapping[str, Any], key: bytes) -> str: ...

    def verify(self, token: str, key: bytes) -> Mapping[str, Any]:
        """Proves the signature alone. Raises TokenError."""
        ...


class Passwords(Protocol):
    """Slow hashes of passwords, computed beside the event loop."""

    async def check(self, password: str, stored: str) -> bool:
        """Whether it is the one; a hash that cannot be read is of none."""
        ...

    async def hash(self, password: str) -> str:
        """Raises ApiError for a password that is too long to be told from others."""
        ...
