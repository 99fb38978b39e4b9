"""The last-applied annotation."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.diff.applied import last_applied, with_last_applied, without_last_applied
from tiphys.core.diff.errors import LastAppliedError
from tiphys.model.names import ANNOTATION_LAST_APPLIED


def marked(text: Any) -> dict[str, Any]:
    return {"kind": "X", "metadata": {"name": "a", "annotations": {ANNOTATION_LAST_APPLIED: text}}}


def test_it_is_written_as_kubectl_does() -> None:
    manifest = {"kind": "X", "metadata": {"name": "a"}, "b": "<ä & \u2028>", "a": [1, None]}
    text = with_last_applied(manifest)["metadata"]["annotations"][ANNOTATION_LAST_APPLIED]
    assert text == (
        '{"a":[1,null],"b":"\\u003cä \\u0026 \\u2028\\u003e","kind":"X",'
        '"metadata":{"annotations":{},"name":"a"}}\n'
    )
    assert manifest["metadata"] == {"name": "a"}


def test_it_does_not_hold_itself() -> None:
    manifest = {"kind": "X", "metadata": {"annotations": {"a": "b"}}}
    once = with_last_applied(manifest)
    assert with_last_applied(once) == once
    assert last_applied(once) == manifest
    assert without_last_applied(once) == manifest


def test_without_annotations() -> None:
    for manifest in ({"kind": "X"}, {"metadata": None}, {"metadata": {"annotations": None}}):
        assert last_applied(manifest) is None
        assert without_last_applied(manifest) is manifest
    assert with_last_applied({"kind": "X"})["metadata"]["annotations"]


@pytest.mark.parametrize("text", ["{", "[]", "1", 5])
def test_what_cannot_be_read_is_an_error_without_its_text(text: Any) -> None:
    with pytest.raises(LastAppliedError, match=r"^X a: metadata\.annotations") as caught:
        last_applied(marked(text))
    assert caught.value.__cause__ is None


def test_an_empty_one_is_none() -> None:
    assert last_applied(marked("")) is None
