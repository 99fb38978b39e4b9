"""What went wrong, and at which step, told from Git's words: typed errors that name the remedy.

Nothing of it is what a server chose to say, and no text holds user information or a private file.

RepositoryError (model)
├── RepositoryUnreachableError   name, connection, rate limit, fault of the server, time-out
├── RepositoryError              TLS, host key, login, not found
└── RevisionNotFoundError        the server has no such commit
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    RevisionNotFoundError,
)


class Step(StrEnum):
    """Values begin the reason."""

    NAME = "name resolution"
    CONNECTION = "connection"
    TLS = "TLS"
    HOST_KEY = "SSH host key"
    KEY = "SSH key"
    LOGIN = "authentication required"
    FORBIDDEN = "authorization failed"
    NOT_FOUND = "repository not found"
    REVISION = "revision"
    RATE = "rate limit"
    REDIRECT = "redirect"
    SERVER = "server"
    OTHER = "git"


@dataclass(frozen=True, slots=True)
class Failure:
    """`passing`: the same call may succeed in a moment. `rest`: seconds that the server wants.
    `anonymous`: a login is asked for, and there is none.
    """

    step: Step
    said: str
    passing: bool = False
    anonymous: bool = False
    rest: float | None = None

    @property
    def reason(self) -> str:
        return f"{self.step}: {self.said}"


class FailedError(Exception):
    """A run of Git that failed; does not leave this package."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


_AWAY: Final = frozenset({Step.NAME, Step.CONNECTION, Step.RATE, Step.SERVER, Step.OTHER})

_HOST_UNKNOWN = re.compile(r"Could not resolve (?:host(?:name)?|proxy):? '?(?P<host>[\w.:-]+)")
_CONNECTION = re.compile(
    r"^fatal: unable to access '.*': (?P<why>Failed to connect to .*)$"
    r"|^ssh: (?P<ssh>connect to host \S+ port \d+: .*?)\r?$",
    re.M,
)
_PROXY = re.compile(r"^(?P<why>proxy \S+ port \d+: .*?)\r?$", re.M)
_HOST_KEY_UNKNOWN = re.compile(r"No (?P<kind>\S+) host key is known for (?P<host>\S+)")
_HOST_KEY_CHANGED = re.compile(r"Host key for (?P<host>\S+) has changed")
_HOST_KEY_REVOKED = re.compile(r"REVOKED HOST KEY|is marked as revoked|revoked host key", re.I)
_NOT_FOUND = re.compile(
    r"^fatal: (?:repository '.*' not found|'.*' does not appear to be a git)"
    r"|^(?:remote: )?(?:ERROR: )?Repository not found",
    re.M | re.I,
)
_ANONYMOUS = re.compile(r"could not read (?:Username|Password)", re.I)
_REFUSED = re.compile(r"Authentication failed|Permission denied \(|Too many authentication", re.I)
_KEY_BROKEN = re.compile(r'^Load key ".*": (?P<why>.*?)\r?$', re.M)
_NO_COMMIT = re.compile(r"not our ref|couldn't find remote ref|no such remote ref", re.I)
_NOT_ADVERTISED = re.compile(
    r"does not allow request for unadvertised|not support shallow|Server does not allow", re.I
)
_STATUS = re.compile(r"The requested URL returned error: (?P<status>\d{3})")
_TLS = re.compile(r"certificate|gnutls|SSL|TLS|tlsv1|handshake", re.I)
_ENDED = re.compile(
    r"Empty reply|early EOF|unexpected disconnect|hung up|Connection reset|timed out|Timeout"
    r"|closed by remote host|Connection closed|RPC failed|non-properly terminated",
    re.I,
)
_ACCESS = re.compile(r"^fatal: unable to access '.*': (?P<why>.*)$", re.M)
_USER_INFORMATION = re.compile(r"(?<=://)[^/\s'@]*@")
_FILES = re.compile(r"\s*(?:CAfile|CRLfile|CApath): \S+|/\S*/tiphys-\S*")
_ADD_CREDENTIALS: Final = "add the repository with its credentials: repo add"


def failure_of(errors: str, *, logged_in: bool, rest: float | None = None) -> Failure:
    """`errors` is what Git wrote; `rest` what the server's last answer asked for."""
    if _NO_COMMIT.search(errors):
        return Failure(Step.REVISION, "the repository has no such commit")
    if found := _of_ssh(errors) or _of_http(errors, rest) or _of_login(errors, logged_in=logged_in):
        return found
    return _of_connection(errors)


def from_listing(failure: Failure, url: str) -> RepositoryError:
    """Why refs could not be listed, in the contract's wording."""
    return _error(f"failed to list refs: {failure.reason}", failure, url)


def from_fetching(failure: Failure, url: str, commit: str) -> RepositoryError:
    """Why a commit could not be fetched."""
    text = f"Failed to checkout revision {commit}: "
    if failure.step is Step.REVISION:
        return RevisionNotFoundError(text + failure.said, url=url)
    reason = failure.reason
    if failure.anonymous:
        reason = f'failed to authenticate to git repository "{url}": {failure.said}'
    return _error(text + reason, failure, url)


def needs_a_ref(errors: str) -> bool:
    """The server hands out refs only, or knows no shallow fetch."""
    return _NOT_ADVERTISED.search(errors) is not None


def is_certificate(failure: Failure) -> bool:
    return failure.step is Step.TLS


def _error(text: str, failure: Failure, url: str) -> RepositoryError:
    kind = RepositoryUnreachableError if failure.step in _AWAY else RepositoryError
    return kind(text, url=url)


def _of_ssh(errors: str) -> Failure | None:
    if match := _PROXY.search(errors):
        return Failure(Step.CONNECTION, _plain(match["why"]))
    if match := _HOST_KEY_CHANGED.search(errors):
        return Failure(
            Step.HOST_KEY,
            f"that of {match['host']} is not the known one: if the server has a new key, replace "
            "it (cert add-ssh --upsert); otherwise somebody stands between",
        )
    if _HOST_KEY_REVOKED.search(errors):
        return Failure(Step.HOST_KEY, "the server's is revoked: see argocd-ssh-known-hosts-cm")
    if match := _HOST_KEY_UNKNOWN.search(errors):
        return Failure(
            Step.HOST_KEY,
            f"no {match['kind']} key of {match['host']} is known: add it (cert add-ssh), it stands "
            "in argocd-ssh-known-hosts-cm",
        )
    if "No user exists for uid" in errors:
        return Failure(
            Step.OTHER, "ssh needs an entry in /etc/passwd for the user that this process runs as"
        )
    if "Host key verification failed" in errors:
        return Failure(Step.HOST_KEY, "it could not be verified: add it (cert add-ssh)")
    if match := _KEY_BROKEN.search(errors):
        why = match["why"].rstrip(".")
        return Failure(
            Step.KEY,
            f"the private key cannot be read ({why}): it has to be in PEM or OpenSSH form, without "
            "a passphrase",
        )
    return None


def _of_http(errors: str, rest: float | None) -> Failure | None:
    match = _STATUS.search(errors)
    status = int(match["status"]) if match else 0
    if status == 429 or (rest is not None and status in {403, 503}):
        said = f"the server wants fewer requests (HTTP {status}), and is left alone for a while"
        return Failure(Step.RATE, said, passing=True, rest=rest)
    if status == 403:
        return Failure(
            Step.FORBIDDEN,
            "the server forbids it (HTTP 403): the credentials have to permit reading",
        )
    if 300 <= status < 400:
        return Failure(
            Step.REDIRECT,
            f"the server leads elsewhere (HTTP {status}), which is not followed: use the URL that "
            "it leads to",
        )
    if status:
        said = f"it answered HTTP {status}"
        return Failure(Step.SERVER, said, passing=status >= 500, rest=rest)
    return None


def _of_login(errors: str, *, logged_in: bool) -> Failure | None:
    if _NOT_FOUND.search(errors):
        return Failure(
            Step.NOT_FOUND, "check its URL, and whether the credentials permit reading it"
        )
    refused = _ANONYMOUS.search(errors) or _REFUSED.search(errors)
    if refused and not logged_in:
        said = f"no credentials matched this URL: {_ADD_CREDENTIALS}"
        return Failure(Step.LOGIN, said, anonymous=True)
    if refused:
        return Failure(
            Step.LOGIN,
            "the server does not take the credentials of this repository: correct them "
            "(repo add --upsert)",
        )
    return None


def _of_connection(errors: str) -> Failure:
    if match := _HOST_UNKNOWN.search(errors):
        return Failure(
            Step.NAME,
            f"no address is known for {match['host']}: check the URL, and the DNS used here",
        )
    if match := _CONNECTION.search(errors):
        said = _plain(match["why"] or match["ssh"])
        return Failure(
            Step.CONNECTION, f"{said}: check that it runs and can be reached from here",
            passing="timed out" in said.lower(),
        )  # fmt: skip
    said = _said(errors)
    if "recv error" in said or "getpeername()" in said:
        said = "the server ended the TLS connection, as one does that asks for a client certificate"
        return Failure(Step.TLS, said, passing=True)
    if _ENDED.search(said):
        return Failure(Step.CONNECTION, said, passing=True)
    if _TLS.search(said):
        return Failure(
            Step.TLS,
            f"{said}: where the certificate is right, add its authority (cert add-tls)",
        )
    return Failure(Step.OTHER, said, passing=_ENDED.search(errors) is not None)


def _said(errors: str) -> str:
    if match := _ACCESS.search(errors):
        return _plain(match["why"])
    lines = [line for line in errors.splitlines() if line.startswith(("fatal:", "error:"))]
    text = (lines or ["it failed"])[0]
    if text == "fatal: Could not read from remote repository." and _ENDED.search(errors):
        text = "the server closed the connection"
    return _plain(text.removeprefix("fatal: ").removeprefix("error: "))[:500]


def _plain(text: str) -> str:
    """A time that differs on every attempt would make a new condition of each."""
    text = _FILES.sub("", re.sub(r" after \d+ (?:ms|milliseconds)", "", text))
    return _USER_INFORMATION.sub("", text).rstrip(" .")
