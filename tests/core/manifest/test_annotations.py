"""Annotations that steer a sync: lists, options and waves."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.manifest.annotations import (
    annotation,
    annotations_of,
    comma_list,
    compare_options,
    sync_options,
    wave,
    with_annotation,
)
from tiphys.model.names import (
    ANNOTATION_COMPARE_OPTIONS,
    ANNOTATION_HELM_HOOK_WEIGHT,
    ANNOTATION_SYNC_OPTIONS,
    ANNOTATION_SYNC_WAVE,
)


def annotated(**annotations: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}}


@pytest.mark.parametrize(
    "manifest",
    [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"annotations": None}},
     {"metadata": {"annotations": ["a"]}}, {"metadata": "text"}],
)  # fmt: skip
def test_no_annotations(manifest: dict[str, Any]) -> None:
    assert annotations_of(manifest) == {}


def test_an_annotation_that_is_no_text_is_absent() -> None:
    assert annotation(annotated(a=1), "a") is None
    assert annotation(annotated(a="1"), "a") == "1"


def test_setting_an_annotation_leaves_the_manifest_as_it_was() -> None:
    manifest = annotated(a="1")
    assert with_annotation(manifest, "b", "2") == annotated(a="1", b="2")
    assert manifest == annotated(a="1")
    assert with_annotation({"kind": "X"}, "b", "2") == {"kind": "X", **annotated(b="2")}


def test_lists_drop_spaces_and_blanks() -> None:
    assert comma_list(annotated(a=" x , y,,z "), "a") == ("x", "y", "z")


def test_options_are_literal() -> None:
    manifest = annotated(
        **{ANNOTATION_SYNC_OPTIONS: "Prune=false, prune=False", ANNOTATION_COMPARE_OPTIONS: "A,B"}
    )
    assert sync_options(manifest) == {"Prune=false", "prune=False"}
    assert compare_options(manifest) == {"A", "B"}


@pytest.mark.parametrize(
    ("own", "helm", "expected"),
    [
        (None, None, 0),
        ("3", None, 3),
        ("-5", "7", -5),
        ("+2", None, 2),
        (None, "7", 7),
        ("x", "7", 7),
        ("1.5", None, 0),
        (" 1", None, 0),
        ("1_0", None, 0),
        ("", "-1", -1),
        ("x", "y", 0),
    ],
)
def test_wave(own: str | None, helm: str | None, expected: int) -> None:
    annotations = {ANNOTATION_SYNC_WAVE: own, ANNOTATION_HELM_HOOK_WEIGHT: helm}
    assert wave(annotated(**{k: v for k, v in annotations.items() if v is not None})) == expected
