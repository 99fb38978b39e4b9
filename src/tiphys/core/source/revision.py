"""From what a user wrote as targetRevision to a revision, given what the place offers.

The order of the rules is the contract's. Where it leaves a choice (a branch and a tag with one
short name) Git's own order of looking up is taken: tags before branches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from tiphys.core.source.places import place_kind
from tiphys.core.source.semver import Constraint, Version
from tiphys.core.source.url import without_user
from tiphys.model.errors import RevisionNotFoundError
from tiphys.model.repository import (
    ArtifactTags,
    Asked,
    ChartVersions,
    GitRefs,
    Listing,
    Place,
    RepositoryKind,
)

_COMMIT = re.compile(r"[0-9a-fA-F]{40}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64}")
_EXACT = re.compile(r"v?\d+\.\d+\.\d+.*")
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


def settled(place: Place, asked: Asked) -> str | None:
    """The revision where it is certain without asking anyone."""
    revision = asked.revision
    kind = place_kind(place)
    match kind:
        case RepositoryKind.GIT:
            return revision if is_commit(revision) else None
        case RepositoryKind.HELM:
            # `1` and `v1.0` are versions too, but what they lead to is known only by looking.
            exact = _EXACT.fullmatch(revision) and Version.parse(revision) is not None
            return revision if exact else None
        case RepositoryKind.OCI:
            return revision if _DIGEST.fullmatch(revision) else None
        case _:
            assert_never(kind)


def look_up(place: Place, asked: Asked, listing: Listing) -> str | None:
    """The revision, a commit maybe abbreviated; None where the listing was not asked for it.

    Raises RevisionNotFoundError with the contract's text.
    """
    known = settled(place, asked)
    if known is not None:
        return known
    url = without_user(place.repository.url)
    match listing:
        case GitRefs():
            found = resolve(asked.revision, listing.refs, tag_prefix=asked.tag_prefix)
            return found.revision
        case ChartVersions():
            return _chart_version(place.chart, asked.revision, listing.versions, url)
        case ArtifactTags():
            return _artifact_digest(asked.revision, listing, url)
        case _:
            assert_never(listing)


def is_range(revision: str) -> bool:
    """Whether a registry has to say all that it has to answer for it: a version is a name."""
    return Version.parse(revision) is None and Constraint.parse(revision) is not None


def is_reference(revision: str) -> bool:
    """Whether a registry may have something of this name."""
    return _REFERENCE.fullmatch(revision) is not None


def tag_in_range(reference: str, tags: Iterable[str]) -> str | None:
    """Of a registry's tags, as they are written there, the greatest in the range; None where the
    reference is no range, or none is in it. A tag has `_` where a version has `+`.
    """
    constraint = Constraint.parse(reference)
    if constraint is None or not is_range(reference):
        return None
    return _greatest(constraint, tags, lambda tag: tag.replace("_", "+"))


def _chart_version(chart: str, asked: str, versions: tuple[str, ...] | None, url: str) -> str:
    if versions is None:
        raise RevisionNotFoundError(f"chart '{chart}' not found in index", url=url)
    if asked in versions:
        return asked
    wanted = asked or "*"
    constraint = Constraint.parse(wanted)
    if constraint is None:
        text = f"failed to determine semver constraint: improper constraint: {wanted}"
        raise RevisionNotFoundError(f"invalid revision: {text}", url=url)
    best = _greatest(constraint, versions)
    if best is None:
        raise RevisionNotFoundError(f"invalid revision: {_none_of(len(versions))}", url=url)
    return best


def _artifact_digest(asked: str, listing: ArtifactTags, url: str) -> str | None:
    if asked not in listing.digests:
        return None
    digest = listing.digests[asked]
    if digest is not None:
        return digest
    why = f"cannot get digest for revision {asked}: not found"
    if is_range(asked):
        tag = tag_in_range(asked, listing.tags)
        if tag is not None:
            digest = listing.digests.get(tag)
            if digest is not None:
                return digest
            why = f"cannot get digest for revision {tag}: not found"
        else:
            why = f"no version for constraints: {_none_of(len(listing.tags))}"
    raise RevisionNotFoundError(f'failed to resolve revision "{asked}": {why}', url=url)


def _none_of(tags: int) -> str:
    return f"version matching constraint not found in {tags} tags"


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
    tags = (ref.removeprefix("refs/tags/") for ref in refs if ref.startswith("refs/tags/"))
    ours = (tag for tag in tags if tag.startswith(tag_prefix))
    tag = _greatest(constraint, ours, lambda tag: tag.removeprefix(tag_prefix))
    return asked if tag is None else f"refs/tags/{tag}"


def _greatest(
    constraint: Constraint, tags: Iterable[str], version_of: Callable[[str], str] = str
) -> str | None:
    """The original text of the greatest; what is no version is left out."""
    best: tuple[Version, str] | None = None
    for tag in tags:
        version = Version.parse(version_of(tag))
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
