"""Git's words made typed errors, without user information and without what a server chose to say.

RepositoryError (model)
├── RepositoryUnreachableError   also time-outs and answers past the limit
├── RepositoryError              not found, or it asks for credentials
└── RevisionNotFoundError        the server has no such commit
"""

from __future__ import annotations

import re

from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
)

_NOT_FOUND = re.compile(
    r"^fatal: (?:repository '.*' not found|'.*' does not appear to be a git)", re.M
)
_AUTHENTICATION = re.compile(r"could not read (?:Username|Password)|Authentication failed", re.I)
_NO_COMMIT = re.compile(r"not our ref|couldn't find remote ref|no such remote ref", re.I)
_NOT_ADVERTISED = re.compile(
    r"does not allow request for unadvertised|not support shallow|Server does not allow", re.I
)
_ACCESS = re.compile(r"^fatal: unable to access '.*': (?P<why>.*)$", re.M)
_USER_INFORMATION = re.compile(r"(?<=://)[^/\s'@]*@")


def from_listing(errors: str, url: str) -> RepositoryError:
    """Why refs could not be listed, in the contract's wording."""
    reason = _reason(errors)
    if reason is not None:
        return RepositoryError(f"failed to list refs: {reason}", url=url)
    return RepositoryUnreachableError(f"failed to list refs: {_said(errors)}", url=url)


def from_fetching(errors: str, url: str, commit: str) -> RepositoryError:
    """Why a commit could not be fetched."""
    if _NO_COMMIT.search(errors):
        return RevisionNotFoundError(
            f"Failed to checkout revision {commit}: the repository has no such commit", url=url
        )
    text = f"Failed to checkout revision {commit}: "
    reason = _reason(errors)
    if reason is not None:
        return RepositoryError(text + reason, url=url)
    return RepositoryUnreachableError(text + _said(errors), url=url)


def needs_a_ref(errors: str) -> bool:
    """The server hands out refs only, or knows no shallow fetch."""
    return _NOT_ADVERTISED.search(errors) is not None


def _reason(errors: str) -> str | None:
    if _NOT_FOUND.search(errors):
        return "repository not found: "
    if _AUTHENTICATION.search(errors):
        return "authentication required: "
    return None


def _said(errors: str) -> str:
    if match := _ACCESS.search(errors):
        # A time that differs on every attempt would make a new condition of each.
        return _USER_INFORMATION.sub("", re.sub(r" after \d+ ms", "", match["why"]))
    lines = [line for line in errors.splitlines() if line.startswith(("fatal:", "error:"))]
    return _USER_INFORMATION.sub("", (lines or ["git failed"])[0])[:500]
