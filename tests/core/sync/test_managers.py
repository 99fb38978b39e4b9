"""Whose fields an apply by the server takes over. Sets of fields are FieldsV1 of the API."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.sync.managers import client_side_managers, takeover, updates
from tiphys.model.resource import Manifest

KUBECTL = "kubectl-client-side-apply"
ANNOTATION = "f:kubectl.kubernetes.io/last-applied-configuration"
MARKED: Any = {"f:metadata": {"f:annotations": {ANNOTATION: {}}}}


def entry(manager: str, operation: str = "Update", fields: Any = None, **more: Any) -> Any:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsV1": {"f:data": {"f:x": {}}} if fields is None else fields,
        **more,
    }


def live(*entries: Any) -> Manifest:
    return {"metadata": {"name": "a", "resourceVersion": "7", "managedFields": list(entries)}}


@pytest.mark.parametrize(
    ("manifest", "owns"),
    [
        (live(), False),
        ({}, False),
        (live(entry(KUBECTL)), True),
        (live(entry(KUBECTL, "Apply")), False),
        (live(entry(KUBECTL, subresource="status")), False),
        (live(entry("somebody")), False),
    ],
)
def test_who_wrote_with_updates(manifest: Manifest, *, owns: bool) -> None:
    assert updates(manifest, KUBECTL) is owns


def test_who_applied_client_side() -> None:
    found = live(
        entry("kubectl", fields=MARKED),
        entry("other", fields={**MARKED, "f:data": {"f:x": {}}}),
        entry("server", "Apply", fields=MARKED),
        entry("editor"),
        entry("annotator", fields={"f:metadata": {"f:annotations": {".": {}}}}),
        entry("odd", fields="none"),
        entry("status", fields=MARKED, subresource="status"),
    )
    assert client_side_managers(found) == {"kubectl", "other"}


def patched(*entries: Any, managers: set[str]) -> list[Any]:
    patch = takeover(live(*entries), managers)
    assert [one["op"] for one in patch] == ["replace", "replace"]
    # The version that is put in its own place makes it a conflict if it changed.
    assert patch[1] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert patch[0]["path"] == "/metadata/managedFields"
    kept: list[Any] = patch[0]["value"]
    return kept


def test_updates_become_an_apply() -> None:
    other = entry("editor")
    kept = patched(entry(KUBECTL, time="t"), other, managers={KUBECTL})
    assert kept == [entry("argocd-controller", "Apply", time="t"), other]


def test_updates_join_the_apply_that_is_there() -> None:
    ours = entry("argocd-controller", "Apply", {"f:data": {"f:y": {}}})
    status = entry(KUBECTL, subresource="status")
    kept = patched(status, ours, entry(KUBECTL), managers={KUBECTL})
    assert kept == [
        entry("argocd-controller", "Apply", {"f:data": {"f:y": {}, "f:x": {}}}),
        status,
    ]


def test_updates_of_several_become_one() -> None:
    kept = patched(
        entry("argocd-controller", fields=MARKED),
        entry(KUBECTL, fields={"f:data": {"f:z": {}}}),
        managers={"argocd-controller", KUBECTL},
    )
    assert kept == [entry("argocd-controller", "Apply", {**MARKED, "f:data": {"f:z": {}}})]


def test_nothing_to_take_over() -> None:
    assert takeover(live(entry("editor")), {KUBECTL}) == []


def test_a_field_and_its_parts() -> None:
    whole: Any = {"f:data": {}}
    parts: Any = {"f:data": {"f:x": {}}}
    both = [entry("argocd-controller", "Apply", {"f:data": {".": {}, "f:x": {}}})]
    ours = "argocd-controller"
    assert (
        patched(entry(ours, "Apply", whole), entry(KUBECTL, fields=parts), managers={KUBECTL})
        == both
    )
    assert (
        patched(entry(ours, "Apply", parts), entry(KUBECTL, fields=whole), managers={KUBECTL})
        == both
    )
    alone = [entry(ours, "Apply", whole)]
    assert (
        patched(entry(ours, "Apply", whole), entry(KUBECTL, fields=whole), managers={KUBECTL})
        == alone
    )


PATHS = st.sets(
    st.lists(st.sampled_from(["f:a", "f:b", "k:{}"]), min_size=1, max_size=3).map(tuple)
)


def tree(paths: set[tuple[str, ...]]) -> dict[str, Any]:
    """A set of paths as FieldsV1."""
    result: dict[str, Any] = {}
    for path in sorted(paths):
        at = result
        for name in path:
            at = at.setdefault(name, {})
    for path in paths:
        at = result
        for name in path:
            at = at[name]
        if at:
            at["."] = {}
    return result


@given(PATHS, PATHS)
def test_no_field_is_lost_or_won(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> None:
    (kept,) = patched(
        entry("argocd-controller", "Apply", tree(one)),
        entry(KUBECTL, fields=tree(other)),
        managers={KUBECTL},
    )
    assert kept["fieldsV1"] == tree(one | other)
