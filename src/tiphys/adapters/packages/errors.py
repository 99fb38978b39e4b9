"""What went wrong on the way to a package: the step, the reason, the remedy; never a secret.

RepositoryError (model)
├── RepositoryUnreachableError   name resolution, connection, proxy, time-outs, 429 and 5xx
├── RepositoryError              TLS, login, index, digest, limits
├── RevisionNotFoundError        no such chart, version, tag or digest
└── UnsupportedRepositoryError   an address or a form of URL that is refused
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from yarl import URL

from tiphys.model.errors import RepositoryError, RepositoryUnreachableError


class Step(StrEnum):
    NAME = "name resolution"
    CONNECTION = "connection"
    PROXY = "proxy"
    TLS = "TLS"
    LOGIN = "login"
    ANSWER = "answer"
    DIGEST = "digest mismatch"
    LIMIT = "limit"


_REMEDIES = {
    Step.NAME: "check the host in the URL, and the DNS of the cluster",
    Step.CONNECTION: "check the URL and its port, and what lies between: network policies, a proxy",
    Step.PROXY: "check the proxy of the repository, or that of the environment",
    Step.TLS: "renew the server's certificate, or add its authority with `cert add-tls`",
    Step.LOGIN: "check the user and password of the repository, or of its credential template",
    Step.ANSWER: "check the URL, and that the server is well",
    Step.DIGEST: "the file was changed or damaged on its way: publish the version again",
    Step.LIMIT: "make it smaller, or raise the limit",
}
_TRANSIENT = frozenset({Step.NAME, Step.CONNECTION, Step.PROXY, Step.ANSWER})


def failed(step: Step, reason: str, url: str, *, remedy: str = "") -> RepositoryError:
    """An error whose text is `<step>: <reason>; <remedy>`."""
    kind = RepositoryUnreachableError if step in _TRANSIENT else RepositoryError
    return kind(f"{step}: {reason}; {remedy or _REMEDIES[step]}", url=shown(url))


def shown(url: str | URL) -> str:
    """A URL without what may be confidential in it: user information, and the query, which holds
    the signatures of storage services.
    """
    return re.sub(r"^([^/?#]*://)[^/?#]*@", r"\1", str(url)).partition("?")[0].partition("#")[0]


@contextmanager
def trying(what: str) -> Iterator[None]:
    """Says what was tried in front of every error."""
    try:
        yield
    except RepositoryError as error:
        raise type(error)(f"{what}: {error}", url=error.url) from None
