"""The query `fields`: what is kept, what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.fields import selected

VALUE: dict[str, Any] = {
    "metadata": {"resourceVersion": "1"},
    "items": [
        {"metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"a": 1, "ab": 2}},
        {"metadata": {"name": "b"}, "spec": None},
    ],
}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("", VALUE),
        ("-", VALUE),
        (
            "items.metadata.name",
            {"items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]},
        ),
        ("items.spec", {"items": [{"spec": {"a": 1, "ab": 2}}, {"spec": None}]}),
        # What a listed path begins with as a text is kept, too.
        ("items.spec.ab", {"items": [{"spec": {"a": 1, "ab": 2}}, {"spec": None}]}),
        ("metadata.resourceVersion,nothing", {"metadata": {"resourceVersion": "1"}}),
        ("-items", {"metadata": {"resourceVersion": "1"}}),
        (
            "-metadata,items.spec,items.metadata.labels",
            {"items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]},
        ),
    ],
)
def test_fields(fields: str, found: Any) -> None:
    assert selected(VALUE, fields) == found
