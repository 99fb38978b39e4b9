"""What commits say of themselves and of one another, read from Git's objects. Blocking."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import pygit2

from tiphys.adapters.git.store import open_repository
from tiphys.core.source.references import is_sealed
from tiphys.model.errors import RepositoryError
from tiphys.model.integrity import SignedObject

_BEGIN: Final = b"-----BEGIN PGP SIGNATURE-----"
_MOST: Final = 100_000


def author_of(path: Path, commit: str) -> tuple[str, str, str]:
    """Author, date of authorship (RFC 3339) and whole message, trimmed."""
    found = open_repository(path)[commit].peel(pygit2.Commit)
    return _who(found.author), _date(found.author), found.message.strip()


def changed(path: Path, before: str, after: str) -> tuple[str, ...]:
    """Names of files that differ between two commits' trees, a renamed one under both."""
    repository = open_repository(path)
    first, second = (repository[each].peel(pygit2.Tree) for each in (before, after))
    names: set[str] = set()
    for delta in first.diff_to_tree(second).deltas:
        names |= {delta.old_file.path, delta.new_file.path}
    return tuple(sorted(names))


def tag_object(path: Path, ref: str, commit: str) -> SignedObject | None:
    """An annotated tag that leads to the commit, None for a plain one."""
    repository = open_repository(path)
    if ref not in repository.references:
        return None
    found = repository[str(repository.references[ref].target)]
    if not isinstance(found, pygit2.Tag):
        return None
    if str(found.peel(pygit2.Commit).id) != commit:
        raise RepositoryError(f"tag {found.name} moved while it was looked at")
    payload, begin, signature = found.read_raw().partition(_BEGIN)
    author = _who(found.tagger) if found.tagger is not None else ""
    text = (begin + signature).decode("ascii", "replace")
    return SignedObject(str(found.name), author, payload, text)


def signed_commit(path: Path, commit: str) -> SignedObject:
    return _signed(open_repository(path)[commit].peel(pygit2.Commit))


def lineage(path: Path, commit: str, past: Collection[str]) -> Sequence[SignedObject] | None:
    """The commit and all that came before it, each once, but for what came before a sealed one
    that is not in `past`. None where history is not here so far.
    """
    repository = open_repository(path)
    shallow = _shallow(path)
    waiting, seen, found = [commit], {commit}, list[SignedObject]()
    while waiting:
        at = waiting.pop()
        if len(found) >= _MOST:
            raise RepositoryError(f"more than {_MOST} commits would have to be verified")
        if at not in repository:
            return None
        one = repository[at].peel(pygit2.Commit)
        found.append(_signed(one))
        if found[-1].sealed and at not in past:
            continue
        if at in shallow:
            return None
        for parent in map(str, one.parent_ids):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return found


def _signed(commit: pygit2.Commit) -> SignedObject:
    signature, payload = commit.gpg_signature
    return SignedObject(
        str(commit.id),
        _who(commit.author),
        payload or commit.read_raw(),
        (signature or b"").decode("ascii", "replace"),
        is_sealed(commit.message),
    )


def _shallow(path: Path) -> frozenset[str]:
    try:
        return frozenset((path / "shallow").read_text().split())
    except FileNotFoundError:
        return frozenset()


def _who(who: pygit2.Signature) -> str:
    return f"{who.name} <{who.email}>"


def _date(who: pygit2.Signature) -> str:
    zone = timezone(timedelta(minutes=who.offset)) if who.offset else UTC
    text = datetime.fromtimestamp(who.time, zone).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")
