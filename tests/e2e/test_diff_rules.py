"""Settings that change what counts as a difference, and kinds that need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.manifests import as_yaml, config_map, deployment
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_ignore import dry_runs, scale, setting, status_of, synced

GROUP = "rules.example.com"
DEFINITION = f"""\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: recipes.{GROUP}}}
spec:
  group: {GROUP}
  scope: Namespaced
  names: {{plural: recipes, singular: recipe, kind: Recipe}}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"""
RECIPES = f"/apis/{GROUP}/v1/namespaces"


@pytest.fixture(scope="module", autouse=True)
def kind(stack: Stack) -> Iterator[None]:
    stack.kube.create(yaml.safe_load(DEFINITION))
    yield
    stack.kube.delete("CustomResourceDefinition", "", f"recipes.{GROUP}")


def patch_recipe(stack: Stack, namespace: str, **spec: Any) -> None:
    path = f"{RECIPES}/{namespace}/recipes/x"
    stack.kube.call("PATCH", path, {"spec": spec}, "application/merge-patch+json")


def until(stack: Stack, name: str, status: str) -> None:
    stack.until(f"{name} is {status}", lambda: stack.status(name)[0] == status)


def test_fields_of_own_kinds_may_be_of_a_known_type(stack: Stack) -> None:
    recipe = as_yaml("Recipe", "x", {"cpu": "1000m", "list": ["a"]}, api_version=f"{GROUP}/v1")
    synced(stack, "rule-known", recipe)
    patch_recipe(stack, "rule-known", cpu="1")
    until(stack, "rule-known", "OutOfSync")
    key = f"resource.customizations.knownTypeFields.{GROUP}_Recipe"
    fields = yaml.safe_dump([{"field": "spec.cpu", "type": "core/Quantity"}])
    with setting(stack, "argocd-cm", **{key: fields}):
        until(stack, "rule-known", "Synced")
        # Lists of such kinds are one value: nothing is merged.
        patch_recipe(stack, "rule-known", list=["a", "b"])
        until(stack, "rule-known", "OutOfSync")


def test_a_status_of_git_counts_only_where_that_is_asked_for(stack: Stack) -> None:
    recipe = yaml.safe_load(as_yaml("Recipe", "x", {"a": 1}, api_version=f"{GROUP}/v1"))
    text = yaml.safe_dump({**recipe, "status": {"phase": "Cooked"}})
    synced(stack, "rule-status", text)
    path = f"{RECIPES}/rule-status/recipes/x"
    raw = {"status": {"phase": "Raw"}}
    stack.kube.call("PATCH", path, raw, "application/merge-patch+json")
    assert status_of(stack, "rule-status") == "Synced"
    options = {"resource.compareoptions": "ignoreResourceStatusField: none\n"}
    with setting(stack, "argocd-cm", **options):
        until(stack, "rule-status", "OutOfSync")
    until(stack, "rule-status", "Synced")


def test_rules_that_the_cluster_gathers_may_be_passed_over(stack: Stack) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "rule-gathered"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"rule-gathered": "yes"}}]},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    repo = stack.repo("rule-gathered.git")
    repo.write("app/role.yaml", yaml.safe_dump(role))
    repo.commit()
    stack.apply("rule-gathered", repo, "app")
    stack.ok("app", "sync", "rule-gathered")
    # As its controller would, which knows better than Git what is gathered.
    gathered = [{"apiGroups": [""], "resources": ["services"], "verbs": ["get"]}]
    stack.kube.merge("ClusterRole", "", "rule-gathered", {"rules": gathered})
    until(stack, "rule-gathered", "OutOfSync")
    options = {"resource.compareoptions": "ignoreAggregatedRoles: true\n"}
    with setting(stack, "argocd-cm", **options):
        until(stack, "rule-gathered", "Synced")
    stack.kube.delete("ClusterRole", "", "rule-gathered")


def test_rules_of_all_kinds_the_old_key_and_an_applications_own_add_up(stack: Stack) -> None:
    manifest = yaml.safe_load(deployment("web"))
    manifest["metadata"]["annotations"] = {"by": "git", "old": "git"}
    rule = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    synced(stack, "rule-sum", yaml.safe_dump(manifest), ignoreDifferences=[rule])
    scale(stack, "rule-sum", 2)
    notes = {"metadata": {"annotations": {"by": "hand", "old": "hand"}}}
    stack.kube.merge("Deployment", "rule-sum", "web", notes)
    until(stack, "rule-sum", "OutOfSync")
    every = yaml.safe_dump({"jsonPointers": ["/metadata/annotations/by"]})
    old = {"ignoreDifferences": yaml.safe_dump({"jsonPointers": ["/metadata/annotations/old"]})}
    with setting(
        stack,
        "argocd-cm",
        **{"resource.customizations.ignoreDifferences.all": every},
        **{"resource.customizations": yaml.safe_dump({"apps/Deployment": old})},
    ):
        until(stack, "rule-sum", "Synced")
    until(stack, "rule-sum", "OutOfSync")


def test_an_endless_expression_is_left_out_and_told(stack: Stack) -> None:
    endless = {"kind": "ConfigMap", "jqPathExpressions": ["until(false; .)"]}
    key = "controller.ignore.normalizer.jq.timeout"
    with setting(stack, "argocd-cmd-params-cm", **{key: "200ms"}):
        synced(stack, "rule-endless", config_map("settings", a="1"), ignoreDifferences=[endless])
        stack.kube.merge("ConfigMap", "rule-endless", "settings", {"data": {"a": "2"}})
        until(stack, "rule-endless", "OutOfSync")
        assert "until(false; .)" in stack.log_tail(400)


def test_the_server_is_asked_for_all_but_who_refuses(stack: Stack) -> None:
    synced(stack, "rule-server", config_map("settings", a="1"))
    refuses = {"argocd.argoproj.io/compare-options": "ServerSideDiff=false"}
    synced(stack, "rule-own", config_map("settings", refuses, a="1"))
    stack.kube.merge("Application", NAMESPACE, "rule-own", {"metadata": {"annotations": refuses}})
    mark = stack.audit_offset()
    with setting(stack, "argocd-cmd-params-cm", **{"controller.diff.server.side": "true"}):
        stack.until("it is asked", lambda: dry_runs(stack, "rule-server", mark))
        for name in ("rule-server", "rule-own"):
            stack.kube.merge("ConfigMap", name, "settings", {"data": {"a": "2"}})
            until(stack, name, "OutOfSync")
    assert dry_runs(stack, "rule-own", mark) == 0


def test_what_nobody_applied_is_compared_by_what_is_wanted(stack: Stack) -> None:
    name = "rule-two"
    repo = stack.repo(f"{name}.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    mine = {"argocd.argoproj.io/tracking-id": f"{name}:/ConfigMap:{name}/settings"}
    about = {"name": "settings", "namespace": name, "annotations": mine}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about}
    stack.kube.create({**made, "data": {"a": "1", "b": "2"}})
    stack.apply(name, repo, "app")
    stack.until_status(name, "Synced", "Healthy")
    stack.kube.merge("ConfigMap", name, "settings", {"data": {"a": "2"}})
    until(stack, name, "OutOfSync")


def test_what_is_too_much_by_permission_is_pruned_all_the_same(stack: Stack) -> None:
    name = "rule-extra"
    option = {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"}
    repo = stack.repo(f"{name}.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", option, a="1"))
    repo.commit()
    stack.apply(name, repo, "app")
    stack.ok("app", "sync", name)
    repo.remove("app/two.yaml")
    stack.until_compared(name, repo.commit())
    assert stack.status(name)[0] == "Synced"
    stack.ok("app", "sync", name, "--prune")
    assert stack.kube.get("ConfigMap", name, "two") is None
