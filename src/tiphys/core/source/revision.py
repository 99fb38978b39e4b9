"""From what a user wrote as targetRevision to a commit, given the remote's refs.

The order of the rules is the contract's. Where it leaves a choice (a branch and a tag with one
short name) Git's own order of looking up is taken: tags before branches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tiphys.core.source.semver import Constraint, Version
from tiphys.model.errors import RevisionNotFoundError

_COMMIT = re.compile(r"[0-9a-fA-F]{40}")
_ABBREVIATED = re.compile(r"[0-9a-fA-F]{7,39}")
_SHORT_NAMES = ("refs/tags/", "refs/heads/", "refs/remotes/")


@dataclass(frozen=True, slots=True)
class Resolved:
    """`ref` is the ref that answered, empty for a commit; `revision` may be an abbreviation."""

    revision: str
    ref: str = ""

    @property
    def abbreviated(self) -> bool:
        return not is_commit(self.revision)


def is_commit(revision: str) -> bool:
    """A whole SHA-1: taken as it is, without asking the remote."""
    return _COMMIT.fullmatch(revision) is not None


def resolve(revision: str, refs: Mapping[str, str], *, tag_prefix: str = "") -> Resolved:
    """Raises RevisionNotFoundError with the contract's text."""
    if is_commit(revision):
        return Resolved(revision)
    asked = revision or "HEAD"
    name = _name_of(asked, refs, tag_prefix)
    if ref := _find(name, refs):
        return Resolved(refs[ref], ref)
    if _ABBREVIATED.fullmatch(asked):
        return Resolved(asked)
    raise RevisionNotFoundError(f"unable to resolve '{asked}' to a commit SHA: revision not found")


def _name_of(asked: str, refs: Mapping[str, str], tag_prefix: str) -> str:
    """A version is a name; a range is the greatest tag in it; anything else is a name too."""
    if Version.parse(asked) is not None:
        return tag_prefix + asked
    constraint = Constraint.parse(asked)
    if constraint is None:
        return asked
    tag = _greatest(constraint, refs, tag_prefix)
    return asked if tag is None else f"refs/tags/{tag}"


def _greatest(constraint: Constraint, refs: Mapping[str, str], tag_prefix: str) -> str | None:
    best: tuple[Version, str] | None = None
    for ref in refs:
        tag = ref.removeprefix("refs/tags/")
        if tag == ref or not tag.startswith(tag_prefix):
            continue
        version = Version.parse(tag.removeprefix(tag_prefix))
        if version is None or not constraint.allows(version):
            continue
        if best is None or (version, tag) > best:
            best = (version, tag)
    return best[1] if best else None


def _find(name: str, refs: Mapping[str, str]) -> str | None:
    if name == "HEAD" or name.startswith("refs/"):
        return name if name in refs else None
    for prefix in _SHORT_NAMES:
        if prefix + name in refs:
            return prefix + name
    other = f"refs/{name}"
    # `heads/x` is not a short name: that of refs/heads/x is `x`.
    return other if other in refs and not other.startswith(_SHORT_NAMES) else None
