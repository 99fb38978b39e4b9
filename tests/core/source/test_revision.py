"""The table of semantics: what a targetRevision means, given the remote's refs."""

from __future__ import annotations

import pytest

from tiphys.core.source.revision import (
    Resolved,
    is_reference,
    look_up,
    resolve,
    settled,
    tag_in_range,
)
from tiphys.model.errors import RevisionNotFoundError
from tiphys.model.repository import (
    ArtifactTags,
    Asked,
    ChartVersions,
    GitRefs,
    Place,
    Repository,
)

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


GIT = Place(Repository("https://git.example.com/web"))
CHART = Place(Repository("https://me:pw@charts.example.com"), "web")
ARTIFACT = Place(Repository("oci://registry.example.com/web"))
DIGEST = f"sha256:{'a' * 64}"
VERSIONS = ChartVersions(("1.0.0", "1.2.0", "v1.10.0", "2.0.0-rc1", "0.9", "nonsense"))


@pytest.mark.parametrize(
    ("place", "revision", "known"),
    [
        (GIT, "a" * 40, "a" * 40),
        (GIT, "a" * 39, None),
        (GIT, "1.2.3", None),
        (CHART, "1.2.3", "1.2.3"),
        (CHART, "v1.2.3-rc1+b", "v1.2.3-rc1+b"),
        (CHART, "1.2", None),
        (CHART, "", None),
        (CHART, "1.2.x", None),
        (CHART, "1.2.3 || 2", None),
        (ARTIFACT, DIGEST, DIGEST),
        (ARTIFACT, "1.2.3", None),
    ],
)
def test_what_is_certain_without_asking(place: Place, revision: str, known: str | None) -> None:
    assert settled(place, Asked(revision)) == known


def test_a_git_revision_in_a_listing() -> None:
    assert look_up(GIT, Asked("main"), GitRefs(REFS)) == MAIN
    assert look_up(GIT, Asked("2.x", "chart-"), GitRefs(REFS)) == TAG
    assert look_up(GIT, Asked("f" * 40), GitRefs(REFS)) == "f" * 40
    with pytest.raises(RevisionNotFoundError, match="unable to resolve 'nope' to a commit SHA"):
        look_up(GIT, Asked("nope"), GitRefs(REFS))


@pytest.mark.parametrize(
    ("revision", "version"),
    [
        ("", "v1.10.0"),
        ("1.x", "v1.10.0"),
        ("~1.2", "1.2.0"),
        (">=2.0.0-0", "2.0.0-rc1"),
        ("9.9.9", "9.9.9"),
        ("0.9", "0.9"),
        ("1", "v1.10.0"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_chart_s_version(revision: str, version: str) -> None:
    assert look_up(CHART, Asked(revision), VERSIONS) == version


@pytest.mark.parametrize(
    ("revision", "versions", "text"),
    [
        ("1.x", None, "chart 'web' not found in index"),
        (
            "what",
            ("1.0.0",),
            "invalid revision: failed to determine semver constraint: improper constraint: what",
        ),
        (
            "3.x",
            ("1.0.0", "2.0.0"),
            "invalid revision: version matching constraint not found in 2 tags",
        ),
    ],
)
def test_a_chart_s_version_that_is_not_there(
    revision: str, versions: tuple[str, ...] | None, text: str
) -> None:
    with pytest.raises(RevisionNotFoundError) as caught:
        look_up(CHART, Asked(revision), ChartVersions(versions))
    assert str(caught.value) == text
    assert caught.value.url == "https://charts.example.com"


def test_an_artefact_s_digest() -> None:
    listing = ArtifactTags({"v1": "sha256:1", "^1.4": None, "1.4.2_b": "sha256:2"}, ("1.4.2_b",))
    assert look_up(ARTIFACT, Asked("v1"), listing) == "sha256:1"
    assert look_up(ARTIFACT, Asked("^1.4"), listing) == "sha256:2"
    assert look_up(ARTIFACT, Asked("v2"), listing) is None


@pytest.mark.parametrize(
    ("revision", "listing", "text"),
    [
        (
            "v9",
            ArtifactTags({"v9": None}),
            'failed to resolve revision "v9": cannot get digest for revision v9: not found',
        ),
        (
            "2.x",
            ArtifactTags({"2.x": None}, ("1.0.0", "x")),
            'failed to resolve revision "2.x": no version for constraints: '
            "version matching constraint not found in 2 tags",
        ),
        (
            "1.x",
            ArtifactTags({"1.x": None, "1.0.0": None}, ("1.0.0",)),
            'failed to resolve revision "1.x": cannot get digest for revision 1.0.0: not found',
        ),
    ],
)
def test_an_artefact_that_is_not_there(revision: str, listing: ArtifactTags, text: str) -> None:
    with pytest.raises(RevisionNotFoundError) as caught:
        look_up(ARTIFACT, Asked(revision), listing)
    assert str(caught.value) == text


def test_the_tag_of_a_range() -> None:
    assert tag_in_range("1.x", ("1.0.0", "1.1.0_b1", "2.0.0")) == "1.1.0_b1"
    assert tag_in_range("1.1.0", ("1.1.0",)) is None
    assert tag_in_range("latest", ("latest",)) is None
    assert tag_in_range("3.x", ("1.0.0",)) is None


@pytest.mark.parametrize(
    ("text", "known"),
    [("v1", True), (DIGEST, True), ("^1.2", False), (">=1 <2", False), ("", False), (".x", False)],
)
def test_what_a_registry_may_have(text: str, known: bool) -> None:
    assert is_reference(text) is known
