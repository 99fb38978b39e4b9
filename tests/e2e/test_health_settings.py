"""Where health is kept, and kinds whose health others decide."""

from __future__ import annotations

import yaml

from tests.e2e.manifests import config_map, pod
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_ignore import setting

WORKFLOWS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: workflows.argoproj.io
  annotations: {api-approved.kubernetes.io: "unapproved, for tests"}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {plural: workflows, singular: workflow, kind: Workflow}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def test_health_of_each_object_is_stored_where_that_is_asked_for(stack: Stack) -> None:
    repo = stack.repo("hs-stored.git")
    repo.write("app/bad.yaml", pod("bad", behaviour="fail"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("hs-stored", repo, "app", syncPolicy={"automated": {}})
    stack.until_status("hs-stored", "Synced", "Degraded")
    assert stack.app("hs-stored")["status"]["resourceHealthSource"] == "appTree"
    assert all("health" not in one for one in stack.resources("hs-stored").values())
    with setting(stack, "argocd-cmd-params-cm", **{"controller.resource.health.persist": "true"}):
        stack.until(
            "it is stored",
            lambda: (
                stack.resources("hs-stored")["bad"].get("health", {}).get("status") == "Degraded"
            ),
        )
        assert "resourceHealthSource" not in stack.app("hs-stored")["status"]
        # Nobody judges it, so that it has none.
        assert "health" not in stack.resources("hs-stored")["settings"]
    stack.until("it is not", lambda: "health" not in stack.resources("hs-stored")["bad"])


def test_a_workflow_is_what_its_phase_says(stack: Stack) -> None:
    stack.kube.create(yaml.safe_load(WORKFLOWS))
    try:
        repo = stack.repo("hs-flow.git")
        flow = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: x}\nspec: {}\n"
        repo.write("app/flow.yaml", flow)
        repo.commit()
        stack.apply("hs-flow", repo, "app", syncPolicy={"automated": {}})
        stack.until_status("hs-flow", "Synced", "Progressing")
        path = "/apis/argoproj.io/v1alpha1/namespaces/hs-flow/workflows/x"
        for phase, health in (
            ("Succeeded", "Healthy"),
            ("Running", "Progressing"),
            ("Error", "Degraded"),
        ):
            body = {"status": {"phase": phase}}
            stack.kube.call("PATCH", path, body, "application/merge-patch+json")
            stack.until_status("hs-flow", "Synced", health)
    finally:
        stack.kube.delete("CustomResourceDefinition", "", "workflows.argoproj.io")


def test_a_child_of_which_nothing_is_known_makes_nobody_worse(stack: Stack) -> None:
    children = stack.repo("hs-child.git")
    children.write("app/cm.yaml", config_map("settings", a="1"))
    children.commit()
    child = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "hs-child", "namespace": NAMESPACE},
        "spec": {
            "project": "default",
            "source": {"repoURL": children.url, "path": "app"},
            "destination": {"name": "in-cluster", "namespace": "hs-child"},
        },
    }
    repo = stack.repo("hs-parent.git")
    repo.write("app/child.yaml", yaml.safe_dump(child))
    repo.commit()
    key = "resource.customizations.health.argoproj.io_Application"
    script = "return {status = obj.status.health.status}"
    with setting(stack, "argocd-cm", **{key: script}):
        stack.apply("hs-parent", repo, "app", syncPolicy={"automated": {}})
        stack.until_status("hs-child", "OutOfSync", "Missing")
        stack.until_status("hs-parent", "Synced", "Healthy")
        missing = {"spec": {"project": "none-such"}}
        stack.kube.merge("Application", NAMESPACE, "hs-child", missing)
        stack.until_status("hs-child", "Unknown", "Unknown")
        stack.until_status("hs-parent", "OutOfSync", "Healthy")
