"""Where a submodule comes from: its URL as written in `.gitmodules`, seen from its parent."""

from __future__ import annotations

from tiphys.core.source.url import RepositoryUrl, Transport, parse_repository_url, without_user
from tiphys.model.errors import UnsupportedRepositoryError


def submodule_url(parent: str, written: str) -> str:
    """Raises UnsupportedRepositoryError for what would leave the parent's server by `..`, or read
    files of this machine, which only a parent may that is one itself.
    """
    written = written.strip()
    relative = written.startswith(("./", "../"))
    url = _joined(parent, written) if relative else written
    found, of = parse_repository_url(url), parse_repository_url(parent)
    if relative and not same_server(found, of):
        raise _refused(written, "it leads out of the server")
    if found.transport is Transport.FILE and of.transport is not Transport.FILE:
        raise _refused(written, "it is a file of this machine")
    return url


def same_server(one: RepositoryUrl, other: RepositoryUrl) -> bool:
    """Whether what opens the one may be shown to the other."""
    return (one.transport, one.host, one.port) == (other.transport, other.host, other.port)


def _joined(parent: str, written: str) -> str:
    """As Git does it: every `../` takes the last part off the parent, be it after a colon."""
    base, rest, separator = parent.rstrip("/"), written, "/"
    while True:
        if rest.startswith("./"):
            rest = rest[2:]
        elif rest.startswith("../"):
            rest = rest[3:]
            base, cut = _cut(base, written)
            separator = ":" if cut == ":" else separator
        else:
            return f"{base}{separator}{rest}".rstrip("/")


def _cut(base: str, written: str) -> tuple[str, str]:
    for separator in "/:":
        head, found, _ = base.rpartition(separator)
        if found:
            return head, separator
    raise _refused(written, "it leads out of the server")


def _refused(written: str, reason: str) -> UnsupportedRepositoryError:
    shown = "".join(letter if letter.isprintable() else "?" for letter in without_user(written))
    return UnsupportedRepositoryError(f"submodule URL '{shown}' is refused: {reason}", url=shown)
