"""Is the live object what is desired?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.diff.documents import schema_of
from tiphys.core.diff.applied import with_last_applied
from tiphys.core.diff.compare import compare
from tiphys.model.names import ANNOTATION_LAST_APPLIED

Json = dict[str, Any]
DEPLOYMENT = schema_of("Deployment")


def deployment(spec: Json, **meta: Any) -> Json:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", **meta},
            "spec": spec}  # fmt: skip


def stored(applied: Json, spec: Json | None = None) -> Json:
    """A live object: what was applied, with what the server and others add."""
    meta = {**with_last_applied(applied)["metadata"], "uid": "1", "resourceVersion": "2",
            "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [
                {"manager": "kubectl", "time": "2026-01-01T00:00:00Z",
                 "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}  # fmt: skip
    return {**applied, "metadata": meta, "spec": applied["spec"] if spec is None else spec,
            "status": {"replicas": 1}}  # fmt: skip


def test_what_was_applied_is_what_is_desired() -> None:
    target = deployment({"replicas": 1})
    answer = compare(target, stored(target), schema=DEPLOYMENT)
    assert not answer.modified
    assert answer.differences == ()
    assert answer.predicted == answer.live
    assert answer.live == target


@pytest.mark.parametrize(
    ("target", "live", "modified"),
    [(None, None, False), (deployment({}), None, True), (None, deployment({}), True)],
)
def test_a_missing_side_is_a_difference(
    target: Json | None, live: Json | None, modified: bool
) -> None:
    answer = compare(target, live, schema=DEPLOYMENT)
    assert answer.modified is modified
    assert answer.differences == ()
    assert (answer.predicted is None) is (target is None)
    assert (answer.live is None) is (live is None)


def test_drift_names_the_field_and_who_wrote_it() -> None:
    target = deployment({"replicas": 1})
    answer = compare(target, stored(target, {"replicas": 5, "paused": True}), schema=DEPLOYMENT)
    assert answer.modified
    (difference,) = answer.differences
    assert difference.field == "spec.replicas"
    assert (difference.desired, difference.live) == (1, 5)
    assert (difference.manager, difference.time) == ("kubectl", "2026-01-01T00:00:00Z")
    assert answer.predicted is not None
    assert answer.predicted["spec"] == {"replicas": 1, "paused": True}
    assert answer.live is not None
    assert answer.live["spec"] == {"replicas": 5, "paused": True}


def test_what_is_desired_no_more_is_a_difference_with_the_annotation_only() -> None:
    before, target = deployment({"replicas": 1, "paused": True}), deployment({"replicas": 1})
    answer = compare(target, stored(before), schema=DEPLOYMENT)
    assert [d.field for d in answer.differences] == ["spec.paused"]
    assert not compare(target, before, schema=DEPLOYMENT).modified


def test_an_annotation_that_cannot_be_read_is_none() -> None:
    target = deployment({"replicas": 1})
    live = deployment({"replicas": 1}, annotations={ANNOTATION_LAST_APPLIED: "{"})
    assert not compare(target, live, schema=DEPLOYMENT).modified


def pod(*containers: Any) -> Json:
    return deployment({"template": {"spec": {"containers": list(containers)}}})


def test_what_was_applied_may_be_unusable() -> None:
    target = pod({"name": "web", "image": "a"})
    live = stored(pod({"image": "a"}), pod({"name": "web", "image": "a"}, {"name": "b"})["spec"])
    assert not compare(target, live, schema=DEPLOYMENT).modified


def test_lists_without_keys_are_compared_whole() -> None:
    target = pod({"image": "a"})
    assert not compare(target, pod({"image": "a"}), schema=DEPLOYMENT).modified
    answer = compare(target, pod({"image": "b"}), schema=DEPLOYMENT)
    assert [d.field for d in answer.differences] == ["spec.template.spec.containers[0].image"]


def test_status_never_counts() -> None:
    target = {**deployment({}), "status": {"replicas": 9}}
    assert not compare(target, {**deployment({}), "status": {}}, schema=DEPLOYMENT).modified
    widget = {"kind": "Widget", "status": {"a": 1}}
    assert not compare(widget, {"kind": "Widget"}, schema=schema_of("Widget")).modified


def test_kinds_of_unknown_type_are_compared_as_they_are() -> None:
    target = {"kind": "X", "spec": {"cpu": "1000m", "list": []}}
    assert not compare(target, {**target, "extra": 1}, schema=None).modified
    answer = compare(target, {"kind": "X", "spec": {"cpu": "1", "list": []}}, schema=None)
    assert [d.field for d in answer.differences] == ["spec.cpu"]


def test_a_patch_that_changes_nothing_stored_is_no_difference() -> None:
    subsets = [{"addresses": [{"ip": "1"}, {"ip": "2"}]}, {"addresses": [{"ip": "3"}]}]
    target = {"apiVersion": "v1", "kind": "Endpoints", "subsets": subsets}
    live = {**target, "subsets": subsets[::-1]}
    assert not compare(target, live, schema=schema_of("Endpoints")).modified


def test_a_false_that_drifted_is_a_difference() -> None:
    target = deployment({"paused": False})
    answer = compare(target, stored(target, {"paused": True}), schema=DEPLOYMENT)
    assert [(d.field, d.desired, d.live) for d in answer.differences] == [
        ("spec.paused", None, True)
    ]


def test_secrets_are_compared_by_what_they_hold() -> None:
    target = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
              "stringData": {"a": "1"}}  # fmt: skip
    live = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"a": "MQ=="}}
    assert not compare(target, live, schema=schema_of("Secret")).modified
    changed = compare(target, {**live, "data": {"a": "Mg=="}}, schema=schema_of("Secret"))
    assert [(d.field, d.desired, d.live) for d in changed.differences] == [
        ("data.a", "+" * 8, "+" * 12)
    ]
    assert changed.live is not None
    assert changed.live["data"] == {"a": "Mg=="}


def test_an_empty_entry_of_a_secret_is_not_an_absent_one() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
    live = with_last_applied({**secret, "data": {"a": "", "b": "MQ=="}})
    target = {**secret, "data": {"b": "MQ=="}}
    answer = compare(target, live, schema=schema_of("Secret"))
    assert [(d.field, d.desired, d.live) for d in answer.differences] == [("data.a", None, "+" * 8)]
