"""The annotation that says where a commit has to change something to count."""

from __future__ import annotations

import pytest

from tiphys.core.source.generatepaths import (
    concerned,
    generate_paths,
    glob_steps,
    is_glob,
    step_matches,
)


@pytest.mark.parametrize(
    ("annotation", "source", "paths"),
    [
        ("", "apps/web", ()),
        (".", "apps/web", ("apps/web",)),
        (" . ; ;../base;. ", "apps/web", ("apps/web", "apps/base")),
        ("/shared/;/", "apps/web", ("shared", "")),
        ("../../..", "apps/web", ()),
        ("/apps/*/values.yaml", "", ("apps/*/values.yaml",)),
        ("kustomization.yaml", "", ("kustomization.yaml",)),
        (".", "./apps/web/", ("apps/web",)),
    ],
)
def test_paths_from_the_root(annotation: str, source: str, paths: tuple[str, ...]) -> None:
    assert generate_paths(annotation, source) == paths


@pytest.mark.parametrize(
    ("paths", "changed", "counts"),
    [
        ((), ["x"], True),
        ((), [], True),
        (("apps/web",), [], False),
        (("apps/web",), ["apps/web/a/b.yaml"], True),
        (("apps/web",), ["apps/web"], True),
        (("apps/web",), ["apps/website/a"], False),
        (("",), ["anything"], True),
        (("apps/*/v.yaml",), ["apps/web/v.yaml"], True),
        (("apps/*",), ["apps/web/v.yaml"], False),
        (("apps/w[ae]b",), ["apps/web"], True),
        (("a", "b"), ["c", "b/x"], True),
        (("apps/[",), ["apps/["], True),
        (("apps/{a,b}",), ["apps/a"], False),
    ],
)
def test_which_changes_count(paths: tuple[str, ...], changed: list[str], counts: bool) -> None:
    assert concerned(paths, changed) is counts


def test_a_glob_step_by_step() -> None:
    assert is_glob("a/*/b")
    assert not is_glob("a/b")
    assert glob_steps("a/*/b.yaml") == ("a", "*", "b.yaml")
    assert step_matches("b.y?ml", "b.yaml")
    assert not step_matches("b", "c")
