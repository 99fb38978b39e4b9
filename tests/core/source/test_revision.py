"""The table of semantics: what a targetRevision means, given the remote's refs."""

from __future__ import annotations

import pytest

from tiphys.core.source.revision import Resolved, resolve
from tiphys.model.errors import RevisionNotFoundError

MAIN, TAG, BRANCH, PULL, OLD, RC = ("a" * 40, "b" * 40, "c" * 40, "d" * 40, "e" * 40, "f" * 40)
REFS = {
    "HEAD": MAIN,
    "refs/heads/main": MAIN,
    "refs/heads/both": BRANCH,
    "refs/heads/feature/x": BRANCH,
    "refs/heads/abcdef1": BRANCH,
    "refs/heads/1.4.x": BRANCH,
    "refs/tags/both": TAG,
    "refs/tags/v1.2.0": OLD,
    "refs/tags/v1.4.0": TAG,
    "refs/tags/v1.5.0-rc1": RC,
    "refs/tags/chart-2.0.0": PULL,
    "refs/tags/chart-2.1.0": TAG,
    "refs/tags/v1.3.0": OLD,
    "refs/tags/nonsense": OLD,
    "refs/remotes/origin/kept": OLD,
    "refs/pull/1/head": PULL,
}


@pytest.mark.parametrize(
    ("revision", "commit", "ref"),
    [
        ("", MAIN, "HEAD"),
        ("HEAD", MAIN, "HEAD"),
        ("main", MAIN, "refs/heads/main"),
        ("feature/x", BRANCH, "refs/heads/feature/x"),
        ("refs/heads/both", BRANCH, "refs/heads/both"),
        ("both", TAG, "refs/tags/both"),
        ("origin/kept", OLD, "refs/remotes/origin/kept"),
        ("pull/1/head", PULL, "refs/pull/1/head"),
        ("v1.2.0", OLD, "refs/tags/v1.2.0"),
        ("v1.5.0-rc1", RC, "refs/tags/v1.5.0-rc1"),
        ("1.x", TAG, "refs/tags/v1.4.0"),
        ("<1.3", OLD, "refs/tags/v1.2.0"),
        (">=1.0.0-0 <2", RC, "refs/tags/v1.5.0-rc1"),
        ("abcdef1", BRANCH, "refs/heads/abcdef1"),
        ("abcdef2", "abcdef2", ""),
        ("1234567", "1234567", ""),
        (
            "0123456789ABCDEF0123456789abcdef01234567",
            "0123456789ABCDEF0123456789abcdef01234567",
            "",
        ),
    ],
)
def test_what_a_revision_means(revision: str, commit: str, ref: str) -> None:
    assert resolve(revision, REFS) == Resolved(commit, ref)


@pytest.mark.parametrize(
    "revision",
    ["nothing", "1.2.0", "refs/heads/gone", "heads/main", "tags/both", "abcdef", "g234567", "9.x"],
)
def test_what_means_nothing(revision: str) -> None:
    with pytest.raises(RevisionNotFoundError) as caught:
        resolve(revision, REFS)
    assert str(caught.value) == (
        f"unable to resolve '{revision}' to a commit SHA: revision not found"
    )


def test_an_empty_repository_has_no_head() -> None:
    with pytest.raises(RevisionNotFoundError, match="unable to resolve 'HEAD' to a commit SHA"):
        resolve("", {})


def test_a_range_that_nothing_is_in_is_a_name_after_all() -> None:
    assert resolve("1.4.x", {"refs/heads/1.4.x": BRANCH}).ref == "refs/heads/1.4.x"


@pytest.mark.parametrize(
    ("revision", "ref"), [("2.x", "refs/tags/chart-2.1.0"), ("2.0.0", "refs/tags/chart-2.0.0")]
)
def test_only_tags_with_the_prefix_count(revision: str, ref: str) -> None:
    assert resolve(revision, REFS, tag_prefix="chart-").ref == ref


def test_abbreviated_or_whole() -> None:
    assert resolve("abcdef2", REFS).abbreviated
    assert not resolve("main", REFS).abbreviated
