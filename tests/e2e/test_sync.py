"""Manual syncs: what they try first, what they are limited to, and how they end."""

from __future__ import annotations

import textwrap
import time

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_order import writes

OPTIONS = "argocd.argoproj.io/sync-options"


def test_a_dry_run_writes_nothing(stack: Stack) -> None:
    repo = stack.repo("dry.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/hook.yaml", job("pre", hook="PreSync"))
    repo.commit()
    # The namespace of CreateNamespace is made even by a dry run.
    stack.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dry"}})
    stack.create("dry", repo, "app")
    stack.until_status("dry", "OutOfSync", "Missing")
    mark = stack.audit_offset()
    said = stack.ok("app", "sync", "dry", "--dry-run")
    assert "configmap/settings created (dry run)" in said
    assert "Message:            successfully synced (no more tasks)" in said
    assert writes(stack, "dry", mark) == []
    assert stack.kube.get("ConfigMap", "dry", "settings") is None
    assert stack.results("dry")["settings"]["message"] == "configmap/settings created (dry run)"
    assert stack.results("dry")["settings"]["hookPhase"] == "Succeeded"
    assert not stack.app("dry")["status"].get("history")
    assert stack.status("dry") == ("OutOfSync", "Missing")

    stack.ok("app", "sync", "dry")
    repo.remove("app/cm.yaml")
    repo.write("app/other.yaml", config_map("other", a="1"))
    repo.commit()
    mark = stack.audit_offset()
    stack.ok("app", "sync", "dry", "--dry-run", "--prune")
    assert stack.results("dry")["settings"]["message"] == "pruned (dry run)"
    assert writes(stack, "dry", mark) == []
    assert stack.kube.get("ConfigMap", "dry", "settings") is not None


def test_what_fails_the_dry_run_is_not_begun(stack: Stack) -> None:
    repo = stack.repo("nameless.git")
    repo.write("app/a.yaml", config_map("settings", a="1"))
    repo.write("app/b.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {generateName: token-}\n")
    repo.commit()
    stack.apply("nameless", repo, "app")
    ran = stack.cli("app", "sync", "nameless")
    assert ran.code == 1
    assert "Operation has completed with phase: Failed" in ran.err
    state = stack.operation("nameless")
    assert state["message"] == "one or more objects failed to apply (dry run)"
    failed = [one for one in state["syncResult"]["resources"] if one["status"] == "SyncFailed"]
    assert [one["message"] for one in failed] == [
        "from token-: cannot use generate name with apply"
    ]
    assert stack.kube.get("ConfigMap", "nameless", "settings") is None
    assert stack.kube.list("Secret", "nameless") == []


def test_a_field_that_does_not_exist_fails_unless_validation_is_off(stack: Stack) -> None:
    repo = stack.repo("strict.git")
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\nfoo: bar\n"
    repo.write("app/cm.yaml", text)
    repo.commit()
    stack.apply("strict", repo, "app")
    assert stack.cli("app", "sync", "strict").code == 1
    assert stack.operation("strict")["phase"] == "Failed"
    assert "unknown field" in stack.results("strict")["settings"]["message"]
    assert stack.results("strict")["settings"]["status"] == "SyncFailed"
    assert stack.kube.get("ConfigMap", "strict", "settings") is None

    policy = {"syncOptions": ["CreateNamespace=true", "Validate=false"]}
    stack.kube.merge("Application", NAMESPACE, "strict", {"spec": {"syncPolicy": policy}})
    stack.ok("app", "sync", "strict")
    assert stack.kube.get("ConfigMap", "strict", "settings") is not None


def test_a_selective_sync_touches_what_was_chosen(stack: Stack) -> None:
    repo = stack.repo("selective.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.write("app/hook.yaml", job("pre", hook="PreSync"))
    repo.commit()
    stack.create("selective", repo, "app")
    stack.until_status("selective", "OutOfSync", "Missing")
    said = stack.ok("app", "sync", "selective", "--resource", ":ConfigMap:one")
    assert "configmap/one created" in said
    assert set(stack.results("selective")) == {"selective", "one"}
    assert stack.kube.get("ConfigMap", "selective", "two") is None
    assert stack.kube.get("Job", "selective", "pre") is None
    assert not stack.app("selective")["status"].get("history")
    stack.until_status("selective", "OutOfSync", "Healthy")

    none = stack.cli("app", "sync", "selective", "--resource", "apps:Deployment:one")
    assert none.code == 1
    assert "No matching app resources found for resource filter: apps:Deployment:one" in none.err
    stack.ok("app", "sync", "selective", "--resource", "!:ConfigMap:one")
    assert set(stack.results("selective")) == {"two"}


def test_only_what_is_out_of_sync_is_applied_when_asked(stack: Stack) -> None:
    repo = stack.repo("only.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.commit()
    stack.apply("only", repo, "app")
    stack.ok("app", "sync", "only")
    repo.write("app/two.yaml", config_map("two", a="2"))
    repo.commit()
    mark = stack.audit_offset()
    stack.ok("app", "sync", "only", "--apply-out-of-sync-only")
    assert writes(stack, "only", mark) == [("patch", "two")]
    # Unlike a selective sync it is remembered.
    assert len(stack.app("only")["status"]["history"]) == 2


def test_the_history_has_its_limit(stack: Stack) -> None:
    repo = stack.repo("history.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("history", repo, "app", "--revision-history-limit", "2")
    commits = []
    for number in "123":
        repo.write("app/cm.yaml", config_map("settings", a=number))
        commits.append(repo.commit())
        stack.ok("app", "sync", "history")
    entries = stack.app("history")["status"]["history"]
    assert [(entry["id"], entry["revision"]) for entry in entries] == [
        (1, commits[1]),
        (2, commits[2]),
    ]
    for entry in entries:
        assert entry["source"] == {"repoURL": repo.url, "path": "app"}
        assert entry["deployStartedAt"] <= entry["deployedAt"]


def test_a_sync_to_another_revision(stack: Stack) -> None:
    repo = stack.repo("revision.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    first = repo.commit()
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    repo.commit()
    stack.apply("revision", repo, "app")
    stack.ok("app", "sync", "revision", "--revision", first)
    live = stack.kube.get("ConfigMap", "revision", "settings")
    assert live is not None
    assert live["data"] == {"a": "1"}
    assert stack.operation("revision")["syncResult"]["revision"] == first
    # It is compared with what the target names.
    stack.until_status("revision", "OutOfSync", "Healthy")


def test_retries_wait_longer_each_time_and_are_counted(stack: Stack) -> None:
    repo = stack.repo("retries.git")
    repo.write("app/bad.yaml", config_map("Not_A_Name", a="1"))
    repo.commit()
    stack.create(
        "retries", repo, "app",
        "--sync-retry-limit", "2", "--sync-retry-backoff-duration", "1s",
        "--sync-retry-backoff-factor", "2",
    )  # fmt: skip
    began = time.monotonic()
    stack.ok("app", "sync", "retries", "--async")

    def waits() -> bool:
        state = stack.operation("retries")
        assert state.get("retryCount") == 1
        # Between attempts it is running, with the end of the last one.
        assert state["phase"] == "Running"
        assert ". Retrying attempt #1 at " in state["message"], state
        return "finishedAt" in state

    stack.until("the first retry is announced", waits)
    state = stack.until_done("retries", phase="Failed")
    # The count is raised before the wait: 2 s, then 4 s, each from an end in whole seconds.
    assert time.monotonic() - began >= 4
    assert state["retryCount"] == 2
    assert state["message"].startswith("one or more objects failed to apply")
    assert state["message"].endswith(" (retried 2 times).")


def test_a_hanging_sync_is_terminated(stack: Stack) -> None:
    repo = stack.repo("hanging.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="hang"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/fail.yaml", job("cleanup", hook="SyncFail"))
    repo.commit()
    stack.create("hanging", repo, "app")
    stack.ok("app", "sync", "hanging", "--async")
    stack.until(
        "the hook is waited for",
        lambda: (
            stack.operation("hanging").get("message")
            == "waiting for completion of hook batch/Job/pre"
        ),
    )
    second = stack.cli("app", "sync", "hanging", "--async")
    assert second.code == 20
    assert "another operation is already in progress" in second.err
    stack.kube.merge(
        "Application",
        NAMESPACE,
        "hanging",
        {"status": {"operationState": {"phase": "Terminating"}}},
    )
    state = stack.until_done("hanging", phase="Failed")
    assert state["message"] == "Operation terminated"
    # A hook that runs is deleted; what comes after a failure does not run.
    stack.until("the hook is gone", lambda: stack.kube.get("Job", "hanging", "pre") is None)
    assert stack.results("hanging")["pre"]["hookPhase"] == "Failed"
    assert stack.results("hanging")["pre"]["message"] == "Terminated"
    assert stack.kube.get("Job", "hanging", "cleanup") is None
    assert stack.kube.get("ConfigMap", "hanging", "settings") is None


def test_a_sync_that_takes_too_long_is_ended(stack: Stack) -> None:
    repo = stack.repo("toolong.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="hang"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("toolong", repo, "app")
    stack.configure(**{"controller.sync.timeout.seconds": "3"})
    try:
        stack.ok("app", "sync", "toolong", "--async")
        state = stack.until_done("toolong", phase="Failed", seconds=45)
    finally:
        stack.configure(**{"controller.sync.timeout.seconds": None})
    assert state["message"] == "Operation terminated, triggered by controller sync timeout"


def test_an_unknown_kind_is_named(stack: Stack) -> None:
    repo = stack.repo("unknown.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    text = "apiVersion: nowhere.example.com/v1\nkind: Gadget\nmetadata: {name: one}\n"
    repo.write("app/gadget.yaml", text)
    repo.commit()
    stack.apply("unknown", repo, "app")
    stack.until_status("unknown", "OutOfSync", "Missing")
    assert stack.cli("app", "sync", "unknown").code == 1
    state = stack.operation("unknown")
    reason = (
        "The Kubernetes API could not find nowhere.example.com/Gadget for requested resource "
        'unknown/one. Make sure the "Gadget" CRD is installed on the destination cluster.'
    )
    assert state["phase"] == "Failed"
    assert state["message"] == f"one or more synchronization tasks are not valid: {reason}"
    assert stack.results("unknown")["one"]["message"] == reason
    assert stack.results("unknown")["one"]["status"] == "SyncFailed"
    assert stack.kube.get("ConfigMap", "unknown", "settings") is None


def test_a_version_that_is_not_served_is_named(stack: Stack) -> None:
    repo = stack.repo("oldversion.git")
    text = "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: web}\nspec: {}\n"
    repo.write("app/web.yaml", text)
    repo.commit()
    stack.apply("oldversion", repo, "app")
    assert stack.cli("app", "sync", "oldversion").code == 1
    assert stack.results("oldversion")["web"]["message"] == (
        'The Kubernetes API could not find version "v1beta1" of apps/Deployment for requested '
        'resource oldversion/web. Version "v1" of apps/Deployment is installed on the '
        "destination cluster."
    )


DEFINITION = textwrap.dedent(
    """\
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata:
      name: widgets.e2e.example.com
    spec:
      group: e2e.example.com
      scope: Namespaced
      names: {plural: widgets, singular: widget, kind: Widget}
      versions:
        - name: v1
          served: true
          storage: true
          schema:
            openAPIV3Schema:
              type: object
              properties:
                spec:
                  type: object
                  properties:
                    size: {type: integer}
                    colour: {type: string, default: grey}
    """
)
WIDGET = "apiVersion: e2e.example.com/v1\nkind: Widget\nmetadata: {name: one}\nspec: {size: 2}\n"


def test_a_definition_and_its_object_in_one_sync(stack: Stack) -> None:
    repo = stack.repo("widgets.git")
    # The object's file comes first, the definition is found all the same.
    repo.write("app/a-widget.yaml", WIDGET)
    repo.write("app/z-definition.yaml", DEFINITION)
    repo.commit()
    stack.apply("widgets", repo, "app", syncPolicy={"automated": {"selfHeal": True}})
    stack.until_done("widgets")
    stack.until_status("widgets", "Synced", "Healthy")
    live = stack.kube.get("Widget", "widgets", "one")
    assert live is not None
    assert live["spec"]["size"] == 2
    assert set(stack.resources("widgets")) == {"one", "widgets.e2e.example.com"}

    # Custom resources are watched like all others: what is changed by hand is healed.
    stack.kube.merge("Widget", "widgets", "one", {"spec": {"size": 5}})

    def healed() -> bool:
        found = stack.kube.get("Widget", "widgets", "one")
        return found is not None and found["spec"]["size"] == 2

    stack.until("it is healed", healed)
    # A definition outlives the application, its objects do not. In the background, for the
    # cluster's garbage collector takes half a minute to hear of a new kind.
    stack.ok("app", "delete", "widgets", "--yes", "--wait", "--propagation-policy", "background")
    assert stack.kube.get("Widget", "widgets", "one") is None
    name = "widgets.e2e.example.com"
    assert stack.kube.get("CustomResourceDefinition", "", name) is not None
    stack.kube.delete("CustomResourceDefinition", "", name)


def test_an_object_of_a_kind_to_come_does_not_stop_the_rest(stack: Stack) -> None:
    repo = stack.repo("tocome.git")
    text = (
        "apiVersion: tocome.example.com/v1\nkind: Thing\n"
        f"metadata: {{name: one, annotations: {{{OPTIONS}: SkipDryRunOnMissingResource=true}}}}\n"
    )
    repo.write("app/thing.yaml", text)
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("tocome", repo, "app")
    assert stack.cli("app", "sync", "tocome").code == 1
    state = stack.operation("tocome")
    assert state["phase"] == "Failed"
    assert state["message"].startswith("one or more objects failed to apply")
    assert "(dry run)" not in state["message"]
    assert stack.kube.get("ConfigMap", "tocome", "settings") is not None
