"""How objects are written, where an apply alone does not do."""

from __future__ import annotations

import textwrap
import time

import pytest
import yaml

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_order import writes

OPTIONS = "argocd.argoproj.io/sync-options"


def immutable(value: str) -> str:
    return config_map("settings", a=value) + "immutable: true\n"


def test_what_cannot_be_changed_is_made_anew_by_force(stack: Stack) -> None:
    repo = stack.repo("force.git")
    repo.write("app/cm.yaml", immutable("1"))
    repo.write("app/hook.yaml", job("post", hook="PostSync"))
    repo.commit()
    stack.create("force", repo, "app")
    stack.ok("app", "sync", "force")
    first = stack.kube.get("ConfigMap", "force", "settings")
    repo.write("app/cm.yaml", immutable("2"))
    repo.commit()
    ran = stack.cli("app", "sync", "force")
    assert ran.code == 1
    assert "field is immutable when `immutable` is set" in ran.out
    said = stack.ok("app", "sync", "force", "--force", "--strategy", "apply")
    assert "configmap/settings configured" in said
    second = stack.kube.get("ConfigMap", "force", "settings")
    assert first is not None
    assert second is not None
    assert second["data"] == {"a": "2"}
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    stack.until_status("force", "Synced", "Healthy")


def test_flags_replace_and_apply_by_the_server(stack: Stack) -> None:
    repo = stack.repo("flags.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("flags", repo, "app")
    stack.ok("app", "sync", "flags")
    assert "configmap/settings replaced" in stack.ok("app", "sync", "flags", "--replace")
    said = stack.ok("app", "sync", "flags", "--server-side")
    assert "configmap/settings serverside-applied" in said
    ran = stack.cli("app", "sync", "flags", "--server-side", "--force")
    assert ran.code == 1
    assert "error validating options: --force cannot be used with --server-side" in ran.out
    stack.until_status("flags", "Synced", "Healthy")


def test_the_server_takes_over_what_was_applied_before(stack: Stack) -> None:
    repo = stack.repo("takeover.git")
    repo.write("app/cm.yaml", config_map("settings", a="1", b="1"))
    repo.commit()
    stack.create("takeover", repo, "app")
    stack.ok("app", "sync", "takeover")
    option = {"spec": {"syncPolicy": {"syncOptions": ["ServerSideApply=true"]}}}
    stack.kube.merge("Application", NAMESPACE, "takeover", option)
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    repo.commit()
    stack.ok("app", "sync", "takeover")
    live = stack.kube.get("ConfigMap", "takeover", "settings")
    assert live is not None
    assert live["data"] == {"a": "2"}
    managers = [(one["manager"], one["operation"]) for one in live["metadata"]["managedFields"]]
    assert managers == [("argocd-controller", "Apply")]
    stack.until_status("takeover", "Synced", "Healthy")


@pytest.mark.parametrize("migrated", [True, False])
def test_another_manager_is_taken_over_where_it_is_named(stack: Stack, *, migrated: bool) -> None:
    name = f"migrated-{str(migrated).lower()}"
    repo = stack.repo(f"{name}.git")
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    repo.commit()
    stack.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    before = yaml.safe_load(config_map("settings", a="1", b="1"))
    stack.kube.create({**before, "metadata": {"name": "settings", "namespace": name}})
    stack.apply(name, repo, "app", syncPolicy={"syncOptions": ["ServerSideApply=true"]})
    if migrated:
        # The API server takes the name of a manager from that of the client.
        note = {"argocd.argoproj.io/client-side-apply-migration-manager": "e2e-test"}
        stack.kube.merge("Application", NAMESPACE, name, {"metadata": {"annotations": note}})
    stack.ok("app", "sync", name)
    live = stack.kube.get("ConfigMap", name, "settings")
    assert live is not None
    assert live["data"] == ({"a": "2"} if migrated else {"a": "2", "b": "1"})


def test_what_does_not_fit_its_annotation_goes_by_the_server(stack: Stack) -> None:
    repo = stack.repo("large.git")
    repo.write("app/cm.yaml", config_map("large", a="x" * 300_000))
    repo.commit()
    stack.create("large", repo, "app", "--sync-policy", "auto", "--self-heal")
    stack.until_done("large")
    assert stack.results("large")["large"]["message"] == "configmap/large serverside-applied"
    stack.until_status("large", "Synced", "Healthy")


def binding(role: str) -> str:
    group = "rbac.authorization.k8s.io"
    return yaml.safe_dump(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "readers"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "reader"}],
        }
    ).replace("kind: ServiceAccount\n", "kind: ServiceAccount\n  namespace: bindings\n")


def test_a_binding_of_another_role_is_made_anew(stack: Stack) -> None:
    repo = stack.repo("bindings.git")
    repo.write("app/binding.yaml", binding("one"))
    repo.commit()
    stack.create("bindings", repo, "app")
    stack.ok("app", "sync", "bindings")
    name = "rolebinding.rbac.authorization.k8s.io/readers"
    message = stack.results("bindings")["readers"]["message"]
    assert message.startswith(f"{name} reconciled. reconciliation required create\n")
    assert message.endswith(f"{name} created")
    repo.write("app/binding.yaml", binding("two"))
    repo.commit()
    stack.ok("app", "sync", "bindings")
    message = stack.results("bindings")["readers"]["message"]
    assert "reconciliation required recreate" in message
    stack.until_status("bindings", "Synced", "Healthy")


def test_what_the_server_warns_of_is_told(stack: Stack) -> None:
    repo = stack.repo("warned.git")
    text = textwrap.dedent(
        """\
        apiVersion: batch/v1
        kind: Job
        metadata: {name: old}
        spec:
          template:
            spec:
              restartPolicy: Never
              nodeSelector: {beta.kubernetes.io/os: linux}
              containers: [{name: c, image: "registry.example.com/job:1"}]
        """
    )
    repo.write("app/job.yaml", text)
    repo.commit()
    stack.create("warned", repo, "app")
    said = stack.ok("app", "sync", "warned")
    assert "job.batch/old created. Warning: " in said
    assert "beta.kubernetes.io/os" in said


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.written.example.com}
spec:
  group: written.example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def test_a_definition_is_written_before_its_objects(stack: Stack) -> None:
    repo = stack.repo("gadgets.git")
    early = "annotations: {argocd.argoproj.io/sync-wave: '-5'}"
    gadget = f"apiVersion: written.example.com/v1\nkind: Gadget\nmetadata: {{name: g, {early}}}\n"
    repo.write("app/a-gadget.yaml", gadget)
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/z-definition.yaml", DEFINITION)
    repo.commit()
    mark = stack.audit_offset()
    stack.create("gadgets", repo, "app")
    stack.ok("app", "sync", "gadgets")
    time.sleep(0.5)
    created = [
        event["objectRef"]["resource"]
        for event in stack.audit(since=mark)
        if event["verb"] == "create" and event["objectRef"].get("namespace") != NAMESPACE
    ]
    assert created == ["namespaces", "customresourcedefinitions", "gadgets", "configmaps"]
    assert ("create", "g") in writes(stack, "gadgets", mark)
    stack.kube.delete("CustomResourceDefinition", "", "gadgets.written.example.com")
