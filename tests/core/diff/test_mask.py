"""What Secrets hold is hidden, equal values alike."""

from __future__ import annotations

from typing import Any

import orjson

from tiphys.core.diff.applied import with_last_applied
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.diff.mask import SecretMask, is_secret
from tiphys.model.names import ANNOTATION_LAST_APPLIED

ONE, TWO, THREE = "+" * 8, "+" * 12, "+" * 16


def secret(data: Any = None, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": data, **more}


def test_equal_values_look_equal() -> None:
    target = secret({"same": "YQ==", "changed": "YQ==", "new": "YQ=="})
    live = secret({"same": "YQ==", "changed": "Yg==", "gone": "Yw=="})
    mask = SecretMask(target, None, live)
    assert mask.manifest(target)["data"] == {"same": ONE, "changed": ONE, "new": ONE}
    assert mask.manifest(live)["data"] == {"same": ONE, "changed": TWO, "gone": ONE}
    assert target["data"]["same"] == "YQ=="


def test_values_are_numbered_by_key() -> None:
    mask = SecretMask(secret({"a": "MQ=="}), secret({"a": "Mg=="}))
    assert mask.manifest(secret({"a": "Mw==", "b": "Mg=="}))["data"] == {"a": THREE, "b": ONE}


def test_string_data_is_data() -> None:
    target = secret({"a": "b2xk"}, stringData={"a": "new", "b": "x"})
    mask = SecretMask(target)
    assert mask.manifest(target) == secret({"a": ONE, "b": ONE})


def test_the_annotation_is_masked_too() -> None:
    applied = secret(None, stringData={"a": "hidden"})
    live = {**secret({"a": "Yg=="}), "metadata": with_last_applied(applied)["metadata"]}
    mask = SecretMask(live)
    shown = mask.manifest(live)
    text = shown["metadata"]["annotations"][ANNOTATION_LAST_APPLIED]
    assert orjson.loads(text)["data"] == {"a": TWO}
    assert shown["data"] == {"a": ONE}
    assert "hidden" not in text


def test_an_annotation_that_cannot_be_read_is_hidden() -> None:
    live = secret({"a": "Yg=="}, metadata={"annotations": {ANNOTATION_LAST_APPLIED: "{hidden"}})
    shown = SecretMask(live).manifest(live)
    assert shown["metadata"]["annotations"][ANNOTATION_LAST_APPLIED] == ONE
    plain = secret({"a": "Yg=="}, metadata={"annotations": {"note": "shown"}})
    assert SecretMask(plain).manifest(plain)["metadata"] == plain["metadata"]


def test_data_of_another_shape_is_hidden() -> None:
    for odd in (
        secret("hidden"),
        secret(None, stringData="hidden"),
        secret({"a": {"b": "hidden"}}),
    ):
        assert "hidden" not in str(SecretMask(odd).manifest(odd))
    assert SecretMask().manifest(secret(None)) == secret(None)


def test_differences() -> None:
    mask = SecretMask(secret({"a": "MQ=="}), secret({"a": "Mg=="}))
    changed = FieldDifference(("data", "a"), "MQ==", "Mg==", "kubectl", "now")
    assert mask.difference(changed) == FieldDifference(("data", "a"), ONE, TWO, "kubectl", "now")
    gone = FieldDifference(("data", "a"), None, "Mg==")
    assert mask.difference(gone) == FieldDifference(("data", "a"), None, TWO)
    whole = FieldDifference(("data",), None, {"a": "Mg==", "b": "x"})
    assert mask.difference(whole) == FieldDifference(("data",), None, {"a": TWO, "b": ONE})
    for path, value in [
        (("stringData",), ["hidden"]),
        (("stringData", "a"), "hidden"),
        (("data", "a", "b"), "hidden"),
    ]:
        odd = mask.difference(FieldDifference(path, value, None))
        assert "hidden" not in str(odd)
        assert odd.desired is not None
        assert odd.live is None
    other = FieldDifference(("metadata", "labels"), None, {"a": "b"})
    assert mask.difference(other) is other


def test_only_secrets_are_masked() -> None:
    for version, kind in (("v1", "ConfigMap"), ("example.com/v1", "Secret")):
        other = {"apiVersion": version, "kind": kind, "data": {"a": "b"}}
        assert not is_secret(other)
        assert SecretMask(other).manifest(other) is other


TOKEN = "example.com/token"


def annotated(token: str, **more: str) -> dict[str, Any]:
    return secret({}, metadata={"name": "a", "annotations": {TOKEN: token, **more}})


def test_annotations_that_are_named_are_masked() -> None:
    target, live = annotated("one", note="shown"), annotated("two")
    mask = SecretMask(target, live, annotations=[TOKEN])
    assert mask.manifest(target)["metadata"]["annotations"] == {TOKEN: ONE, "note": "shown"}
    assert mask.manifest(live)["metadata"]["annotations"] == {TOKEN: TWO}
    assert SecretMask(target).manifest(target)["metadata"] == target["metadata"]


def test_the_applied_annotations_are_masked_too() -> None:
    applied = with_last_applied(annotated("hidden"))
    live = {**annotated("hidden"), "metadata": applied["metadata"]}
    shown = SecretMask(live, annotations=[TOKEN]).manifest(live)
    assert "hidden" not in str(shown)
    text = shown["metadata"]["annotations"][ANNOTATION_LAST_APPLIED]
    assert orjson.loads(text)["metadata"]["annotations"] == {TOKEN: ONE}


def test_differences_of_masked_annotations() -> None:
    mask = SecretMask(annotated("one"), annotated("two"), annotations=[TOKEN])

    def shown(path: tuple[str, ...], desired: Any, live: Any) -> tuple[Any, Any]:
        found = mask.difference(FieldDifference(path=path, desired=desired, live=live))
        return found.desired, found.live

    annotations = ("metadata", "annotations")
    assert shown((*annotations, TOKEN), "one", None) == (ONE, None)
    assert shown((*annotations, "note"), "one", "two") == ("one", "two")
    whole = ({TOKEN: "two", "note": "x"}, None)
    assert shown(annotations, *whole) == ({TOKEN: TWO, "note": "x"}, None)
    assert shown(("metadata",), {"annotations": whole[0]}, {"name": "a"}) == (
        {"annotations": {TOKEN: TWO, "note": "x"}},
        {"name": "a"},
    )
