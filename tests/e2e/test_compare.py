"""What counts as a difference: what Git says and said before, and nothing that others add."""

from __future__ import annotations

from typing import Any

import yaml

from tests.e2e.manifests import config_map, deployment
from tests.e2e.stack import NAMESPACE, Stack

AUTO: dict[str, Any] = {"automated": {}}


def live(stack: Stack, kind: str, namespace: str, name: str) -> dict[str, Any]:
    found = stack.kube.get(kind, namespace, name)
    assert found is not None
    return found


def compared(stack: Stack, name: str) -> tuple[str, str]:
    stack.ok("app", "get", name, "--hard-refresh")
    return stack.status(name)


def test_what_others_add_is_no_difference(stack: Stack) -> None:
    repo = stack.repo("added.git")
    document = yaml.safe_load(deployment("web"))
    del document["spec"]["replicas"]
    repo.write("app/web.yaml", yaml.safe_dump(document))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("cmp-added", repo, "app", syncPolicy={"automated": {"selfHeal": True}})
    stack.until_status("cmp-added", "Synced", "Healthy")
    stack.until_done("cmp-added")
    mark = stack.audit_offset()
    # A label, an annotation, a key, a number of replicas that Git leaves open, a sidecar.
    extra = {"labels": {"by": "hand"}, "annotations": {"by": "hand"}}
    stack.kube.merge("ConfigMap", "cmp-added", "settings", {"metadata": extra, "data": {"b": "2"}})
    before = live(stack, "Deployment", "cmp-added", "web")["spec"]["template"]["spec"]
    sidecar = {"name": "sidecar", "image": "registry.example.com/side:1"}
    changed = {"template": {"spec": {"containers": [*before["containers"], sidecar]}}}
    stack.kube.merge("Deployment", "cmp-added", "web", {"spec": {"replicas": 2, **changed}})
    assert compared(stack, "cmp-added")[0] == "Synced"
    stack.until_status("cmp-added", "Synced", "Healthy")
    written = [e["verb"] for e in stack.audit("cmp-added", mark)]
    assert written == []
    assert live(stack, "Deployment", "cmp-added", "web")["spec"]["replicas"] == 2


def test_what_git_takes_back_is_removed_and_the_rest_stays(stack: Stack) -> None:
    repo = stack.repo("taken.git")
    repo.write("app/cm.yaml", config_map("settings", {"note": "x"}, a="1", b="2"))
    repo.commit()
    stack.apply("cmp-taken", repo, "app", syncPolicy=AUTO)
    stack.until_done("cmp-taken")
    stack.kube.merge("ConfigMap", "cmp-taken", "settings", {"data": {"c": "3"}})
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    stack.until_done("cmp-taken", commit)
    found = live(stack, "ConfigMap", "cmp-taken", "settings")
    assert found["data"] == {"a": "1", "c": "3"}
    assert "note" not in found["metadata"]["annotations"]
    stack.until_status("cmp-taken", "Synced", "Healthy")


def test_lists_are_merged_by_their_keys(stack: Stack) -> None:
    repo = stack.repo("merged.git")
    document = yaml.safe_load(deployment("web"))
    container = document["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    container["ports"] = [{"containerPort": 80}]
    repo.write("app/web.yaml", yaml.safe_dump(document))
    repo.commit()
    stack.apply("cmp-merged", repo, "app", syncPolicy=AUTO)
    stack.until_status("cmp-merged", "Synced", "Healthy")
    stack.until_done("cmp-merged")
    # Git turns the order round and changes one of them; somebody else added a third.
    found = live(stack, "Deployment", "cmp-merged", "web")["spec"]["template"]["spec"]
    env = [*found["containers"][0]["env"], {"name": "C", "value": "3"}]
    containers = [{**found["containers"][0], "env": env}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    stack.kube.merge("Deployment", "cmp-merged", "web", patch)
    container["env"] = [{"name": "B", "value": "9"}, {"name": "A", "value": "1"}]
    repo.write("app/web.yaml", yaml.safe_dump(document))
    commit = repo.commit()
    stack.until_done("cmp-merged", commit)
    stack.until_status("cmp-merged", "Synced", "Healthy")
    after = live(stack, "Deployment", "cmp-merged", "web")["spec"]["template"]["spec"]
    values = {one["name"]: one["value"] for one in after["containers"][0]["env"]}
    assert values == {"A": "1", "B": "9", "C": "3"}


def test_secrets_are_compared_and_never_shown(stack: Stack) -> None:
    repo = stack.repo("secrets.git")
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {key: hushed}\n"
    repo.write("app/secret.yaml", text)
    repo.commit()
    stack.apply("cmp-secret", repo, "app", syncPolicy=AUTO)
    stack.until_done("cmp-secret")
    stack.until_status("cmp-secret", "Synced", "Healthy")
    assert live(stack, "Secret", "cmp-secret", "token")["data"] == {"key": "aHVzaGVk"}

    stack.kube.merge("Secret", "cmp-secret", "token", {"data": {"key": "bG91ZGVy"}})
    stack.until_status("cmp-secret", "OutOfSync", "Healthy")
    shown = stack.ok("app", "get", "cmp-secret") + stack.ok(
        "app", "get", "cmp-secret", "-o", "json"
    )
    log = (stack.folder / "tiphys.log").read_text()
    for word in ("hushed", "aHVzaGVk", "louder", "bG91ZGVy"):
        assert word not in shown
        assert word not in log
    # Which field it is may be said.
    assert "data.key" in shown


def test_an_extra_object_may_be_no_reason(stack: Stack) -> None:
    repo = stack.repo("extraneous.git")
    option = {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"}
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", option, a="1"))
    repo.commit()
    stack.apply("cmp-extra", repo, "app", syncPolicy=AUTO)
    stack.until_done("cmp-extra")
    repo.remove("app/two.yaml")
    commit = repo.commit()
    stack.until_compared("cmp-extra", commit)
    assert stack.status("cmp-extra") == ("Synced", "Healthy")
    assert stack.resources("cmp-extra")["two"]["status"] == "OutOfSync"
    assert stack.resources("cmp-extra")["two"]["requiresPruning"] is True


def test_an_excluded_kind_is_warned_of_and_left_out(stack: Stack) -> None:
    repo = stack.repo("excluded.git")
    text = "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: own}\nspec: {}\n"
    repo.write("app/lease.yaml", text)
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("cmp-excluded", repo, "app", syncPolicy=AUTO)
    stack.until_done("cmp-excluded")
    stack.until_status("cmp-excluded", "Synced", "Healthy")
    assert stack.conditions("cmp-excluded") == {
        "ExcludedResourceWarning": (
            "Resource coordination.k8s.io/Lease own is excluded in the settings"
        )
    }
    assert set(stack.resources("cmp-excluded")) == {"settings"}


def test_objects_outside_of_the_destinations_namespace(stack: Stack) -> None:
    repo = stack.repo("outside.git")
    role = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
        "metadata: {name: cmp-outside, namespace: ignored}\nrules: []\n"
    )
    repo.write("app/role.yaml", role)
    elsewhere = yaml.safe_load(config_map("settings", a="1"))
    elsewhere["metadata"]["namespace"] = "default"
    repo.write("app/cm.yaml", yaml.safe_dump(elsewhere))
    repo.commit()
    stack.create("cmp-outside", repo, "app", "--sync-policy", "auto", "--auto-prune")
    stack.until_done("cmp-outside")
    stack.until_status("cmp-outside", "Synced", "Healthy")
    resources = stack.resources("cmp-outside")
    assert "namespace" not in resources["cmp-outside"]
    assert resources["settings"]["namespace"] == "default"
    # Its result names the destination's namespace all the same.
    assert stack.results("cmp-outside")["settings"]["namespace"] == "default"
    stack.ok("app", "delete", "cmp-outside", "--yes", "--wait")
    assert stack.kube.get("ClusterRole", "", "cmp-outside") is None
    assert stack.kube.get("ConfigMap", "default", "settings") is None


def test_a_source_that_is_wrong_is_told(stack: Stack) -> None:
    repo = stack.repo("wrong.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("broken/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n")
    repo.commit()
    stack.apply("cmp-path", repo, "none", syncPolicy=AUTO)
    stack.apply("cmp-broken", repo, "broken", syncPolicy=AUTO)
    lost = {"repoURL": repo.url, "path": "app", "targetRevision": "no-such-branch"}
    stack.apply("cmp-branch", repo, "app", source=lost, syncPolicy=AUTO)
    prefix = "Failed to load target state: failed to generate manifest for source 1 of 1: "
    for name, said in (
        ("cmp-path", "none: app path does not exist"),
        ("cmp-broken", 'Failed to unmarshal "cm.yaml": '),
        ("cmp-branch", "no-such-branch"),
    ):
        found = stack.until(
            f"{name} says why",
            lambda name=name: stack.conditions(name).get("ComparisonError"),  # type: ignore[misc]
        )
        assert found.startswith(prefix)
        assert said in found
        assert stack.status(name)[0] == "Unknown"
        assert not stack.operation(name)
    # It goes on as soon as the source is right.
    fixed = {"spec": {"source": {"path": "app"}}}
    stack.kube.merge("Application", NAMESPACE, "cmp-path", fixed)
    stack.until_status("cmp-path", "Synced", "Healthy")
    assert stack.conditions("cmp-path") == {}
    repo.git("branch", "no-such-branch")
    stack.until_status("cmp-branch", "Synced", "Healthy")


def test_a_render_that_fails_prunes_nothing(stack: Stack) -> None:
    repo = stack.repo("brittle.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.commit()
    policy = {"automated": {"prune": True, "selfHeal": True, "allowEmpty": True}}
    stack.apply("cmp-brittle", repo, "app", syncPolicy=policy)
    stack.until_done("cmp-brittle")
    stack.until_status("cmp-brittle", "Synced", "Healthy")
    mark = stack.audit_offset()
    repo.remove("app/two.yaml")
    repo.write("app/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n")
    repo.commit()
    stack.until("Unknown", lambda: stack.status("cmp-brittle")[0] == "Unknown")
    resources = stack.resources("cmp-brittle")
    assert {one.get("status") for one in resources.values()} <= {"Unknown"}
    assert not [one for one in resources.values() if one.get("requiresPruning")]
    assert [e["verb"] for e in stack.audit("cmp-brittle", mark)] == []
    assert stack.kube.get("ConfigMap", "cmp-brittle", "two") is not None
