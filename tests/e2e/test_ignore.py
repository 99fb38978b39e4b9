"""What rules leave out of a comparison, and how an object is compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.e2e.manifests import config_map, deployment
from tests.e2e.stack import NAMESPACE, Stack

AUTO: dict[str, Any] = {"automated": {}}


def status_of(stack: Stack, name: str) -> str:
    stack.ok("app", "get", name, "--hard-refresh")
    return stack.status(name)[0]


@contextmanager
def setting(stack: Stack, name: str, **data: str) -> Iterator[None]:
    stack.kube.merge("ConfigMap", NAMESPACE, name, {"data": data})
    try:
        yield
    finally:
        none = dict.fromkeys(data)
        stack.kube.merge("ConfigMap", NAMESPACE, name, {"data": none})


def synced(stack: Stack, name: str, document: str, **spec: Any) -> None:
    repo = stack.repo(f"{name}.git")
    repo.write("app/object.yaml", document)
    repo.commit()
    stack.apply(name, repo, "app", syncPolicy=AUTO, **spec)
    stack.until_done(name)
    stack.until_status(name, "Synced", "Healthy")


def scale(stack: Stack, name: str, replicas: int) -> None:
    stack.kube.merge("Deployment", name, "web", {"spec": {"replicas": replicas}})


RULES: dict[str, dict[str, Any]] = {
    "pointer": {"jsonPointers": ["/spec/replicas"]},
    "jq": {"jqPathExpressions": [".spec.replicas", "not ( jq"]},
    "manager": {"managedFieldsManagers": ["e2e-test"]},
}


@pytest.mark.parametrize("sort", RULES)
def test_an_application_ignores_a_field(stack: Stack, sort: str) -> None:
    name = f"ign-{sort}"
    rule = {"group": "ap*", "kind": "Deployment", "name": "web", **RULES[sort]}
    synced(stack, name, deployment("web"), ignoreDifferences=[rule])
    scale(stack, name, 2)
    assert status_of(stack, name) == "Synced"
    stack.kube.merge("Application", NAMESPACE, name, {"spec": {"ignoreDifferences": None}})
    stack.until("the rule is gone", lambda: stack.status(name)[0] == "OutOfSync" or None)


def test_settings_ignore_fields_of_kinds(stack: Stack) -> None:
    synced(stack, "ign-settings", deployment("web"))
    scale(stack, "ign-settings", 2)
    assert status_of(stack, "ign-settings") == "OutOfSync"
    rule = yaml.safe_dump({"jqPathExpressions": [".spec.replicas"]})
    key = "resource.customizations.ignoreDifferences.apps_Deployment"
    with setting(stack, "argocd-cm", **{key: rule}):
        stack.until_status("ign-settings", "Synced", "Healthy")
    stack.until("the rule is gone", lambda: stack.status("ign-settings")[0] == "OutOfSync" or None)


def dry_runs(stack: Stack, namespace: str, mark: int) -> int:
    found = stack.audit(namespace, mark)
    return sum("dryRun=All" in event["requestURI"] for event in found)


def test_who_applies_server_side_is_compared_by_owners(stack: Stack) -> None:
    name = "ign-owners"
    repo = stack.repo(f"{name}.git")
    repo.write("app/object.yaml", config_map("settings", a="1", gone="1"))
    repo.commit()
    policy = {"automated": {}, "syncOptions": ["ServerSideApply=true"]}
    stack.apply(name, repo, "app", syncPolicy=policy)
    stack.until_done(name)
    stack.kube.merge("ConfigMap", name, "settings", {"data": {"other": "1"}})
    assert status_of(stack, name) == "Synced"
    live = stack.kube.get("ConfigMap", name, "settings")
    assert live is not None
    assert "kubectl.kubernetes.io/last-applied-configuration" not in live["metadata"]["annotations"]
    repo.write("app/object.yaml", config_map("settings", a="1"))
    stack.until_done(name, repo.commit())
    live = stack.kube.get("ConfigMap", name, "settings")
    assert live is not None
    assert live["data"] == {"a": "1", "other": "1"}
    stack.until_status(name, "Synced", "Healthy")


def test_the_server_is_asked_where_the_application_wants_it(stack: Stack) -> None:
    name = "ign-server"
    synced(stack, name, config_map("settings", a="1"))
    notes = {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}
    mark = stack.audit_offset()
    stack.kube.merge("Application", NAMESPACE, name, {"metadata": {"annotations": notes}})
    assert status_of(stack, name) == "Synced"
    assert dry_runs(stack, name, mark) > 0
    mark = stack.audit_offset()
    stack.ok("app", "get", name, "--refresh")
    assert dry_runs(stack, name, mark) == 0, "nothing changed since"
    stack.kube.merge("ConfigMap", name, "settings", {"data": {"a": "2", "b": "1"}})
    stack.until("it differs", lambda: stack.status(name)[0] == "OutOfSync" or None)
    live = stack.kube.get("ConfigMap", name, "settings")
    assert live is not None
    assert live["data"] == {"a": "2", "b": "1"}
