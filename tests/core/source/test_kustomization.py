"""spec.source.kustomize written into a kustomization's value."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.source.images import split, with_images
from tiphys.core.source.kustomization import component_path, edited, edits_key
from tiphys.model.errors import RenderError
from tiphys.model.source import ApplicationSourceKustomize
from tiphys.model.structs import decode

ENVIRONMENT = {"ARGOCD_APP_NAME": "web", "ARGOCD_APP_REVISION_SHORT": "0123456"}
SHA = "sha256:" + "a" * 64


def block(**fields: Any) -> ApplicationSourceKustomize:
    return decode(fields, ApplicationSourceKustomize, at="spec.source.kustomize")


def edit(kustomization: Any, /, **fields: Any) -> dict[str, Any]:
    before = deepcopy(kustomization)
    result = edited(kustomization, block(**fields), ENVIRONMENT)
    assert kustomization == before
    return dict(result)


def refused(kustomization: Any, /, **fields: Any) -> str:
    with pytest.raises(RenderError) as caught:
        edit(kustomization, **fields)
    return str(caught.value)


def test_nothing_is_edited_without_a_reason() -> None:
    kustomization = {"resources": ["a.yaml"], "unknown": 1}
    assert edit(kustomization) == kustomization


def test_names_and_namespace() -> None:
    assert edit({"namePrefix": "x-"}, namePrefix="a-", nameSuffix="-b", namespace="demo") == {
        "namePrefix": "a-",
        "nameSuffix": "-b",
        "namespace": "demo",
    }


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx:1.2", {"name": "nginx", "newTag": "1.2"}),
        (f"nginx@{SHA}", {"name": "nginx", "digest": SHA}),
        (f"nginx:1@{SHA}", {"name": "nginx", "newTag": "1", "digest": SHA}),
        ("nginx=h:5000/n", {"name": "nginx", "newName": "h:5000/n"}),
        ("nginx=h:5000/n:1", {"name": "nginx", "newName": "h:5000/n", "newTag": "1"}),
        (
            f"a/b=h/n:1@{SHA}",
            {"name": "a/b", "newName": "h/n", "newTag": "1", "digest": SHA},
        ),
        ("nginx:$ARGOCD_APP_REVISION_SHORT", {"name": "nginx", "newTag": "0123456"}),
        ("nginx=*:2", {"name": "nginx", "newTag": "2"}),
        ("nginx=", {"name": "nginx"}),
    ],
)
def test_an_image(text: str, image: dict[str, str]) -> None:
    assert edit({}, images=[text]) == {"images": [image]}


def test_images_are_sorted_and_the_last_of_a_name_counts() -> None:
    present = {"images": [{"name": "b", "newTag": "1"}, {"name": "a", "newTag": "1"}]}
    assert edit(present, images=["c:1", "b:2", "b:3"]) == {
        "images": [
            {"name": "a", "newTag": "1"},
            {"name": "b", "newTag": "3"},
            {"name": "c", "newTag": "1"},
        ]
    }


def test_an_asterisk_keeps_what_is_there() -> None:
    present = [{"name": "a", "newName": "x", "newTag": "1", "digest": SHA}]
    assert edit({"images": present}, images=["a=*:*@*"]) == {"images": present}
    assert edit({"images": present}, images=["a=*:2"]) == {
        "images": [{"name": "a", "newName": "x", "newTag": "2"}]
    }


def test_of_images_of_one_name_the_first_counts() -> None:
    twice = {"images": [{"name": "a", "newTag": "1"}, {"name": "a", "newTag": "2"}]}
    assert edit(twice, images=["b:1"])["images"][0] == {"name": "a", "newTag": "1"}


def test_an_image_that_says_nothing() -> None:
    said = refused({}, images=["nginx"])
    assert said.startswith("kustomize edit set image: invalid format of image 'nginx', ")


def test_images_under_their_old_name() -> None:
    old = {"imageTags": [{"name": "a", "newTag": "1"}], "Images": [{"name": "b", "newTag": "1"}]}
    assert edit(old, images=["a:2"]) == {
        "images": [{"name": "a", "newTag": "2"}, {"name": "b", "newTag": "1"}]
    }


def test_replicas() -> None:
    present = {
        "replicas": [
            {"name": "b", "count": 1},
            {"name": "a", "count": 1},
            {"name": "a", "count": 2},
        ]
    }
    replicas = [{"name": "b", "count": "3"}, {"name": "c", "count": 0}]
    assert edit(present, replicas=replicas) == {
        "replicas": [
            {"name": "a", "count": 1},
            {"name": "b", "count": 3},
            {"name": "c", "count": 0},
        ]
    }


def test_a_count_is_a_number() -> None:
    assert refused({}, replicas=[{"name": "a", "count": "many"}]) == (
        "expected integer value for count. Received: many"
    )
    assert "<name>=<count>" in refused({}, replicas=[{"name": "a=b", "count": 1}])


def test_labels_that_select() -> None:
    assert edit({"commonLabels": {"a": "1"}}, commonLabels={"b": "$ARGOCD_APP_NAME"}) == {
        "commonLabels": {"a": "1", "b": "web"}
    }
    assert edit({"commonLabels": {"a": "1"}}, commonLabels={"a": "2"}, forceCommonLabels=True) == {
        "commonLabels": {"a": "2"}
    }


def test_labels_that_are_there_already() -> None:
    assert refused({"commonLabels": {"a": "1"}}, commonLabels={"a": "2"}) == (
        "label a already in kustomization file. Use --force to override."
    )


def test_labels_without_selectors() -> None:
    asked: dict[str, Any] = {"commonLabels": {"a": "1"}, "labelWithoutSelector": True}
    assert edit({}, **asked) == {"labels": [{"pairs": {"a": "1"}}]}
    assert edit({}, **asked, labelIncludeTemplates=True) == {
        "labels": [{"pairs": {"a": "1"}, "includeTemplates": True}]
    }
    others = [
        {"pairs": {"a": "0"}, "includeSelectors": True},
        {"pairs": {"b": "0"}, "includeTemplates": True},
    ]
    fits = {"pairs": {"c": "0"}, "fields": [{"path": "x"}]}
    assert edit({"labels": [*others, fits]}, **asked) == {
        "labels": [*others, {"pairs": {"c": "0", "a": "1"}, "fields": [{"path": "x"}]}]
    }
    assert "label a already" in refused({"labels": [{"pairs": {"a": "0"}}]}, **asked)
    assert edit({"labels": [{"pairs": {"a": "0"}}]}, **asked, forceCommonLabels=True) == {
        "labels": [{"pairs": {"a": "1"}}]
    }


def test_templates_are_labelled_only_without_selectors() -> None:
    assert refused({}, commonLabels={"a": "1"}, labelIncludeTemplates=True) == (
        "--without-selector flag must be specified for --include-templates to work"
    )


def test_annotations() -> None:
    asked = {"a": "$ARGOCD_APP_NAME", "b": '"quoted"', "c": "x:y", "d": ""}
    assert edit({}, commonAnnotations=asked) == {
        "commonAnnotations": {"a": "$ARGOCD_APP_NAME", "b": "quoted", "c": "x:y", "d": ""}
    }
    assert edit({}, commonAnnotations=asked, commonAnnotationsEnvsubst=True) == {
        "commonAnnotations": {"a": "web", "b": "quoted", "c": "x:y", "d": ""}
    }
    present = {"commonAnnotations": {"a": "1"}}
    assert "annotation a already" in refused(present, commonAnnotations=asked)
    forced = edit(present, commonAnnotations={"a": "2"}, forceCommonAnnotations=True)
    assert forced == {"commonAnnotations": {"a": "2"}}


def test_a_label_needs_a_name() -> None:
    assert refused({}, commonLabels={"": "x"}) == (
        "invalid label: ':x' (need k:v pair where v may be quoted)"
    )


def test_patches_are_appended_in_object_form() -> None:
    asked = [
        {"path": "p.yaml", "options": {"allowNameChange": True}},
        {"patch": "- op: remove", "target": {"kind": "Deployment", "name": "web"}},
    ]
    assert edit({"patches": [{"path": "first.yaml"}]}, patches=asked) == {
        "patches": [{"path": "first.yaml"}, *asked]
    }
    assert edit({}, patches=asked) == {"patches": asked}


def test_patches_of_the_old_form_stay_apart() -> None:
    assert edit({"patches": ["old.yaml"]}, patches=[{"path": "new.yaml"}]) == {
        "patchesStrategicMerge": ["old.yaml"],
        "patches": [{"path": "new.yaml"}],
    }


def test_patches_that_are_no_list() -> None:
    assert refused({"patches": "x"}, patches=[{"path": "p"}]) == (
        "expected 'patches' field in kustomization.yaml to be a slice, but got str"
    )


def test_components() -> None:
    assert edit({"components": ["../a"]}, components=["../a", "../b"]) == {
        "components": ["../a", "../b"]
    }


def test_components_that_were_looked_for() -> None:
    asked = block(components=["../*", "../gone", "x"], ignoreMissingComponents=True)
    found = {"../*": ["../a", "../b"], "../gone": []}
    assert edited({}, asked, {}, found=found) == {"components": ["../a", "../b", "x"]}
    with pytest.raises(RenderError, match=r"add component: \.\./gone has no match"):
        edited({}, block(components=["../gone"]), {}, found={"../gone": ()})


@pytest.mark.parametrize(
    ("path", "component", "led"),
    [
        ("apps/web", "../../parts/a", "parts/a"),
        ("", "parts/a", "parts/a"),
        ("apps", "../..", None),
        ("apps", "/parts", None),
        ("apps", "https://h/r//parts", None),
    ],
)
def test_where_a_component_lies(path: str, component: str, led: str | None) -> None:
    assert component_path(path, component) == led


def test_without_a_kustomization_nothing_is_edited() -> None:
    assert refused(None, patches=[{"path": "x"}]) == "kustomization file not found in the path"
    assert refused(["x"], namePrefix="x") == "the kustomization is not an object"


@pytest.mark.parametrize(
    ("kustomization", "fields", "said"),
    [
        ({"images": "x"}, {"images": ["a:1"]}, "images is not a list"),
        ({"images": ["x"]}, {"images": ["a:1"]}, "an entry of images is not an object"),
        ({"commonLabels": []}, {"commonLabels": {"a": "1"}}, "commonLabels is not an object"),
        ({"imageTags": {}}, {}, "imageTags is not a list"),
    ],
)
def test_a_kustomization_of_wrong_types(
    kustomization: Any, fields: dict[str, Any], said: str
) -> None:
    assert refused(kustomization, **fields) == f"invalid Kustomization: {said}"


def test_edits_have_a_key() -> None:
    def key(environment: dict[str, str] = ENVIRONMENT, **fields: Any) -> str:
        return edits_key(block(**fields), environment)

    assert key() == key(version="v5", kubeVersion="1.30", apiVersions=["a"]) == ""
    assert key(forceCommonLabels=True, ignoreMissingComponents=True) == ""
    images = key(images=["a:$ARGOCD_APP_REVISION_SHORT"])
    assert images == key({"ARGOCD_APP_REVISION_SHORT": "0123456"}, images=["a:0123456"])
    assert images != key({}, images=["a:$ARGOCD_APP_REVISION_SHORT"])
    assert key({}, commonAnnotations={"a": "$X"}) == key({"X": "1"}, commonAnnotations={"a": "$X"})
    assert key(commonLabels={"a": "1"}) != key(commonLabels={"a": "1"}, forceCommonLabels=True)


NAMES = st.text("abc/.", min_size=1, max_size=6).filter(lambda text: "/" not in text[0])
TAGS = st.text("ab1.-_", max_size=4)


@given(NAMES, TAGS, st.sampled_from(["", SHA]))
def test_what_was_joined_is_split(name: str, tag: str, digest: str) -> None:
    text = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    assert split(text) == (name, tag, digest)


IMAGES = st.lists(st.builds("{}={}:{}".format, NAMES, NAMES, TAGS), min_size=1, max_size=5)


@given(IMAGES, IMAGES)
def test_setting_images_twice_changes_nothing(first: list[str], then: list[str]) -> None:
    present = with_images([], first)
    once = with_images(present, then)
    assert with_images(once, then) == once
    assert {image["name"] for image in once} == {text.partition("=")[0] for text in [*first, *then]}


@given(st.dictionaries(st.text("ab", min_size=1, max_size=3), st.text("xy", max_size=3)))
def test_forced_labels_are_what_was_asked(labels: dict[str, str]) -> None:
    present = {"commonLabels": dict.fromkeys(labels, "old")}
    assert edit(present, commonLabels=labels, forceCommonLabels=True) == {"commonLabels": labels}
