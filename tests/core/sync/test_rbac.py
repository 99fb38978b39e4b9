"""What is told of roles and bindings. The words are those of `kubectl auth reconcile`."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from tiphys.core.sync.rbac import (
    binds_another,
    is_rbac,
    missing_rules,
    missing_subjects,
    reconciled,
)
from tiphys.model.resource import GroupVersionKind, Manifest

NAME = "role.rbac.authorization.k8s.io/r"


def rule(verbs: str = "get", resources: str = "pods", groups: str = "", **more: Any) -> Manifest:
    return {
        "verbs": verbs.split(","),
        "apiGroups": groups.split(","),
        "resources": resources.split(","),
        **more,
    }


def paths(*urls: str, verbs: str = "get") -> Manifest:
    return {"verbs": verbs.split(","), "nonResourceURLs": list(urls)}


@pytest.mark.parametrize(
    ("gvk", "is_one"),
    [
        (("rbac.authorization.k8s.io", "v1", "Role"), True),
        (("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"), True),
        (("rbac.authorization.k8s.io", "v1beta1", "Role"), False),
        (("", "v1", "Role"), False),
    ],
)
def test_which_kinds(gvk: tuple[str, str, str], *, is_one: bool) -> None:
    assert is_rbac(GroupVersionKind(*gvk)) is is_one


@pytest.mark.parametrize(
    ("wanted", "found", "missing"),
    [
        (rule(), [], True),
        (rule(), [rule()], False),
        (rule("get,list"), [rule()], True),
        (rule("get,list"), [rule(), rule("list")], False),
        (rule(), [rule("*")], False),
        (rule(), [rule(resources="*")], False),
        (rule(), [rule(groups="*")], False),
        (rule(), [rule(groups="apps")], True),
        (rule(resources="pods,services"), [rule()], True),
        (rule(resources="pods/log"), [rule(resources="*/log")], False),
        (rule(resources="pods/log"), [rule(resources="*/exec")], True),
        (rule(resourceNames=["a"]), [rule()], False),
        (rule(resourceNames=["a"]), [rule(resourceNames=["a", "b"])], False),
        (rule(), [rule(resourceNames=["a"])], True),
        (paths("/healthz"), [paths("/healthz")], False),
        (paths("/healthz"), [paths("*")], False),
        (paths("/healthz/ping"), [paths("/healthz/*")], False),
        (paths("/metrics"), [paths("/healthz/*")], True),
        (paths("/metrics"), [rule("*", "*", "*")], True),
        (rule(), [paths("*", verbs="*")], True),
    ],
)
def test_rules_that_grant_something_new(
    wanted: Manifest, found: list[Manifest], *, missing: bool
) -> None:
    assert missing_rules([wanted], found) == ((wanted,) if missing else ())


def test_subjects_that_are_new() -> None:
    user = {"kind": "User", "name": "u"}
    filled = {**user, "apiGroup": "rbac.authorization.k8s.io"}
    account = {"kind": "ServiceAccount", "name": "u", "namespace": "demo"}
    assert missing_subjects([user, account], [filled]) == (account,)
    assert missing_subjects([account], [{**account, "namespace": "other"}]) == (account,)


def binding(role: str = "r", kind: str = "Role", **more: Any) -> Manifest:
    return {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        **more,
    }


@pytest.mark.parametrize(
    ("wanted", "found", "another"),
    [
        (binding(), binding(), False),
        (binding("s"), binding(), True),
        (binding(kind="ClusterRole"), binding(), True),
        # The group is always the same, and may be left out.
        ({"roleRef": {"kind": "Role", "name": "r"}}, binding(), False),
        ({}, binding(), False),
        (binding(), {}, False),
    ],
)
def test_another_role(wanted: Manifest, found: Manifest, *, another: bool) -> None:
    assert binds_another(wanted, found) is another


def test_what_is_told() -> None:
    role = {"rules": [rule("get,list", "pods", resourceNames=["a"])]}
    assert reconciled(NAME, role, role) == f"{NAME} reconciled"
    shown = "{Verbs:[get list] APIGroups:[] Resources:[pods] ResourceNames:[a] NonResourceURLs:[]}"
    added = f"\tmissing rules added:\n\t\t{shown}"
    assert (
        reconciled(NAME, role, None)
        == f"{NAME} reconciled. reconciliation required create\n{added}"
    )
    assert (
        reconciled(NAME, role, {"rules": None})
        == f"{NAME} reconciled. reconciliation required update\n{added}"
    )
    assert reconciled(NAME, role, role, tried=True) == f"{NAME} reconciled (dry run)"


def test_what_is_told_of_bindings() -> None:
    account = {"kind": "ServiceAccount", "name": "u", "namespace": "demo"}
    wanted = binding("s", subjects=[account, "odd"])
    assert reconciled("b", wanted, binding()) == (
        "b reconciled. reconciliation required recreate\n\tmissing subjects added:\n"
        "\t\t{Kind:ServiceAccount APIGroup: Name:u Namespace:demo}"
    )
    assert reconciled("b", binding(), None) == "b reconciled. reconciliation required create"


def test_rules_that_multiply_are_compared_by_the_letter() -> None:
    many = [f"x{number}" for number in range(300)]
    large = {"verbs": many, "apiGroups": many, "resources": many, "resourceNames": many}
    began = process_time()
    assert missing_rules([large], [large]) == ()
    assert missing_rules([large], [{**large, "verbs": ["*"]}]) == (large,)
    assert process_time() - began < 1.0
