"""What everything that answers callers asks of access control."""

from __future__ import annotations

from typing import Protocol

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


class Sessions(Protocol):
    """Who is behind a token."""

    async def caller(self, token: str) -> tuple[Caller, str]:
        """The caller, and a new token where this one should be renewed, else an empty text.

        An empty token is anonymous where that is allowed. Raises ApiError, Unauthenticated.
        """
        ...
