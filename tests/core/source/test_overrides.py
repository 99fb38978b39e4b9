"""Parameters beside the manifests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.source.overrides import merged, overridden, override_files
from tiphys.model.errors import RenderError
from tiphys.model.render import EntryKind
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode

FILE, FOLDER, LINK = EntryKind.FILE, EntryKind.FOLDER, EntryKind.LINK
NAME = ".argocd-source.yaml"


def source(**fields: Any) -> ApplicationSource:
    given = {"repoURL": "https://h/r", "path": "web", "targetRevision": "main"} | fields
    return decode(given, ApplicationSource, at="spec.source")


def test_which_files_count() -> None:
    children = {
        ".argocd-source-team_web.yaml": LINK,
        ".argocd-source-web.yaml": FILE,
        ".argocd-source.yaml": FILE,
    }
    assert override_files("team_web", children) == (NAME, ".argocd-source-team_web.yaml")
    assert override_files("web", {NAME: FOLDER}) == ()


def test_they_are_merged_in_order() -> None:
    written = source(helm={"releaseName": "a", "valueFiles": ["a.yaml", "b.yaml"]})
    first = (NAME, [{"helm": {"valueFiles": ["c.yaml"], "skipCrds": True}}])
    then = (".argocd-source-web.yaml", [{"helm": {"releaseName": None, "skipCrds": False}}])
    assert overridden(written, [first, then]) == source(helm={"valueFiles": ["c.yaml"]})


def test_they_change_the_tool() -> None:
    assert overridden(source(), [(NAME, [{"kustomize": {}}])]) == source(kustomize={})


def test_what_is_rendered_stays() -> None:
    patch = {
        "repoURL": "https://evil/r",
        "path": "other",
        "targetRevision": "evil",
        "chart": "evil",
        "unknown": 1,
    }
    assert overridden(source(), [(NAME, [patch])]) == source()
    assert overridden(source(chart="c"), [(NAME, [{"chart": None, "repoURL": None}])]) == source(
        chart="c"
    )


def test_an_empty_file_says_nothing() -> None:
    assert overridden(source(), [(NAME, []), (NAME, [None])]) == source()


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        (["text"], "it is not an object"),
        ([{}, {}], "it has more than one document"),
        ([{"helm": {"valueFiles": "x"}}], r"\.argocd-source\.yaml\.helm\.valueFiles: .*"),
    ],
)
def test_a_file_that_is_wrong(documents: list[Any], said: str) -> None:
    text = rf"^error while parsing source parameters: \.argocd-source\.yaml: {said}$"
    with pytest.raises(RenderError, match=text):
        overridden(source(), [(NAME, documents)])


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        # The examples of RFC 7386, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_merging_twice_is_merging_once(target: Any, patch: Any) -> None:
    once = merged(target, patch)
    assert merged(once, patch) == once
