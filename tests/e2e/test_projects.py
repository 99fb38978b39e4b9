"""Projects: what their applications may read, touch and when; and what they are told of."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import yaml
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE, Stack

SERVER = "https://kubernetes.default.svc"
OPEN = ("-s", "*", "-d", "*,*", "--allow-cluster-resource", "*/*")
AUTOMATED = {"automated": {"prune": True}}


def condition(stack: Stack, name: str, kind: str = "InvalidSpecError") -> str:
    found: str = stack.until(f"{name} has a {kind}", lambda: stack.conditions(name).get(kind))
    return found


def spec(stack: Stack, project: str) -> dict[str, Any]:
    found = stack.kube.get("AppProject", NAMESPACE, project)
    assert found is not None
    return dict(found["spec"])


def change(stack: Stack, project: str, **fields: Any) -> None:
    """As `kubectl patch` would; None takes a field away."""
    stack.kube.merge("AppProject", NAMESPACE, project, {"spec": fields})


def test_sources(stack: Stack) -> None:
    repo = stack.repo("src/allowed.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    elsewhere = f"{stack.git_url}/*"
    # A star does not go beyond a slash.
    stack.ok("proj", "create", "p-src", *OPEN[2:], "-s", elsewhere)
    stack.apply("p-src", repo, "app", project="p-src", syncPolicy=AUTOMATED)
    assert condition(stack, "p-src") == (
        f"application repo {repo.url} is not permitted in project 'p-src'"
    )
    assert stack.status("p-src") == ("Unknown", "Unknown")
    stack.ok("proj", "add-source", "p-src", f"{stack.git_url}/src/*")
    stack.until_status("p-src", "Synced", "Healthy")
    assert stack.conditions("p-src") == {}
    # A denial wins over what allows.
    change(stack, "p-src", sourceRepos=["*", f"!{repo.url}"])
    assert "is not permitted in project" in condition(stack, "p-src")
    # The command line says so before anything is stored.
    ran = stack.cli(
        "app", "create", "p-src-2", "--repo", repo.url, "--path", "app", "--project", "p-src",
        "--dest-server", SERVER, "--dest-namespace", "p-src-2",
    )  # fmt: skip
    assert ran.code == 20
    assert f"application repo {repo.url} is not permitted in project 'p-src'" in ran.err


def test_destinations(stack: Stack) -> None:
    repo = stack.repo("p-dest.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok("proj", "create", "p-dest", "-s", "*", "--allow-cluster-resource", "*/*",
             "-d", f"{SERVER},p-other")  # fmt: skip
    stack.apply("p-dest", repo, "app", project="p-dest", syncPolicy=AUTOMATED)
    assert condition(stack, "p-dest") == (
        "application destination server 'in-cluster' and namespace 'p-dest' "
        "do not match any of the allowed destinations in project 'p-dest'"
    )
    assert stack.kube.get("Namespace", "", "p-dest") is None
    stack.ok("proj", "add-destination", "p-dest", "in-cluster", "p-d*", "--name")
    stack.until_status("p-dest", "Synced", "Healthy")
    change(stack, "p-dest", destinations=[{"server": "*", "namespace": "!p-dest"}])
    assert "do not match any of the allowed destinations" in condition(stack, "p-dest")
    # What would take the destination from an application is refused.
    change(stack, "p-dest", destinations=[{"server": "*", "namespace": "*"}])
    ran = stack.cli("proj", "set", "p-dest", "-d", f"{SERVER},p-other")
    assert ran.code == 20
    assert "as a result of project update 1 applications destination became invalid" in ran.err


def test_namespaced_kinds(stack: Stack) -> None:
    repo = stack.repo("p-kinds.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.write("app/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: hidden}\n")
    repo.commit()
    stack.ok("proj", "create", "p-kinds", *OPEN, "--deny-namespaced-resource", "Secret")
    stack.apply("p-kinds", repo, "app", project="p-kinds")
    stack.until_status("p-kinds", "OutOfSync", "Missing")
    assert stack.resources("p-kinds")["settings"]["status"] == "OutOfSync"
    assert stack.resources("p-kinds")["hidden"]["status"] == "Unknown"
    assert stack.cli("app", "sync", "p-kinds").code == 1
    state = stack.operation("p-kinds")
    refused = "resource :Secret is not permitted in project p-kinds"
    assert state["phase"] == "Failed"
    assert state["message"] == f"one or more synchronization tasks are not valid: {refused}"
    assert stack.results("p-kinds")["hidden"]["message"] == refused
    assert stack.kube.get("ConfigMap", "p-kinds", "settings") is None
    assert stack.kube.get("Namespace", "", "p-kinds") is None
    stack.ok("proj", "allow-namespace-resource", "p-kinds", "", "Secret")
    stack.ok("app", "sync", "p-kinds")
    stack.until_status("p-kinds", "Synced", "Healthy")


def cluster_role(name: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": [],
        }
    )


def test_cluster_kinds_by_name(stack: Stack) -> None:
    repo = stack.repo("p-roles.git")
    repo.write("app/role.yaml", cluster_role("p-roles-reader"))
    repo.commit()
    stack.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "p-roles"}})
    stack.ok("proj", "create", "p-roles", *OPEN[:4])
    stack.apply("p-roles", repo, "app", project="p-roles", syncPolicy={"syncOptions": []})
    stack.kube.merge("Application", NAMESPACE, "p-roles", {"spec": {"syncPolicy": None}})
    assert stack.cli("app", "sync", "p-roles").code == 1
    group = "rbac.authorization.k8s.io"
    assert (
        f"resource {group}:ClusterRole is not permitted in project p-roles"
        in (stack.operation("p-roles")["message"])
    )
    stack.ok("proj", "allow-cluster-resource", "p-roles", group, "ClusterRole", "p-roles-*")
    stack.ok("app", "sync", "p-roles")
    assert stack.kube.get("ClusterRole", "", "p-roles-reader") is not None
    repo.write("app/role.yaml", cluster_role("other-reader"))
    repo.commit()
    stack.until("the new role is seen", lambda: "other-reader" in stack.resources("p-roles"))
    assert stack.cli("app", "sync", "p-roles", "--prune").code == 1
    assert stack.kube.get("ClusterRole", "", "other-reader") is None
    assert stack.kube.get("ClusterRole", "", "p-roles-reader") is not None


def test_orphans(stack: Stack) -> None:
    repo = stack.repo("p-orphans.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok("proj", "create", "p-orphans", *OPEN, "--orphaned-resources-warn")
    stack.apply("p-orphans", repo, "app", project="p-orphans", syncPolicy=AUTOMATED)
    stack.until_status("p-orphans", "Synced", "Healthy")
    assert "OrphanedResourceWarning" not in stack.conditions("p-orphans")
    for name in ("left", "over"):
        stack.kube.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "p-orphans"},
            }
        )
    told = "OrphanedResourceWarning"
    stack.until(
        "both are told of",
        lambda: stack.conditions("p-orphans").get(told) == "Application has 2 orphaned resources",
    )
    # They change nothing else.
    assert stack.status("p-orphans") == ("Synced", "Healthy")
    shown = stack.ok("app", "resources", "p-orphans", "--orphaned")
    assert {"left", "over"} <= set(shown.split())
    stack.ok("proj", "add-orphaned-ignore", "p-orphans", "", "ConfigMap", "--name", "l*")
    stack.until(
        "one is ignored",
        lambda: stack.conditions("p-orphans").get(told) == "Application has 1 orphaned resources",
    )
    stack.kube.delete("ConfigMap", "p-orphans", "over")
    stack.until("none is left", lambda: told not in stack.conditions("p-orphans"))
    assert stack.kube.get("ConfigMap", "p-orphans", "left") is not None


ALWAYS = {"schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
NEVER = {"schedule": "0 0 30 2 *", "duration": "1h", "applications": ["*"]}


def windows(stack: Stack, project: str, *found: dict[str, Any]) -> None:
    change(stack, project, syncWindows=list(found))


def test_a_denying_window(stack: Stack) -> None:
    repo = stack.repo("p-deny.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok("proj", "create", "p-deny", *OPEN)
    stack.ok("proj", "windows", "add", "p-deny", "-k", "deny", "--schedule", "* * * * *",
             "--duration", "1h", "--applications", "p-deny")  # fmt: skip
    assert "Active" in stack.ok("proj", "windows", "list", "p-deny")
    stack.apply("p-deny", repo, "app", project="p-deny", syncPolicy=AUTOMATED)
    stack.until_status("p-deny", "OutOfSync", "Missing")
    assert "SyncWindow:         Sync Denied" in stack.ok("app", "get", "p-deny")
    ran = stack.cli("app", "sync", "p-deny")
    assert ran.code == 20
    assert "blocked by sync window" in ran.err
    # Nor does an operation that is there already get through.
    mark = stack.audit_offset()
    options = ["CreateNamespace=true"]
    asked = {"sync": {"syncOptions": options}, "initiatedBy": {"username": "admin"}}
    stack.kube.merge("Application", NAMESPACE, "p-deny", {"operation": asked})
    stack.until(
        "the operation waits",
        lambda: (
            "Sync operation blocked by sync window" in stack.operation("p-deny").get("message", "")
        ),
    )
    assert stack.operation("p-deny")["phase"] == "Running"
    assert list(stack.audit("p-deny", mark)) == []
    # A manual sync passes where the window lets it; the operation that waits is one.
    stack.ok("proj", "windows", "enable-manual-sync", "p-deny", "0")
    stack.until_done("p-deny")
    stack.until_status("p-deny", "Synced", "Healthy")
    # Not so a sync that nobody asked for.
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    revision = repo.commit()
    stack.until_compared("p-deny", revision)
    stack.until_status("p-deny", "OutOfSync", "Healthy")
    windows(stack, "p-deny", {"kind": "deny", **NEVER})
    stack.until_status("p-deny", "Synced", "Healthy")


def test_an_allowing_window(stack: Stack) -> None:
    repo = stack.repo("p-allow.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok("proj", "create", "p-allow", *OPEN)
    windows(stack, "p-allow", {"kind": "allow", **NEVER})
    stack.apply("p-allow", repo, "app", project="p-allow", syncPolicy=AUTOMATED)
    stack.until_status("p-allow", "OutOfSync", "Missing")
    # It concerns another application only.
    windows(stack, "p-allow", {"kind": "allow", **NEVER, "applications": ["other"]})
    stack.until_status("p-allow", "Synced", "Healthy")
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    windows(stack, "p-allow", {"kind": "allow", **NEVER})
    stack.until_compared("p-allow", repo.commit())
    stack.until_status("p-allow", "OutOfSync", "Healthy")
    windows(stack, "p-allow", {"kind": "allow", **NEVER}, {"kind": "allow", **ALWAYS})
    stack.until_status("p-allow", "Synced", "Healthy")


def test_a_window_in_another_time_zone_opens_by_itself(stack: Stack) -> None:
    repo = stack.repo("p-zone.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok("proj", "create", "p-zone", *OPEN)
    # India is half an hour off the full hour.
    local = datetime.now(UTC) + timedelta(hours=5, minutes=30)
    schedule = f"{local.minute} {local.hour} * * *"
    window = {"kind": "allow", "schedule": schedule, "duration": "30m", "namespaces": ["p-z*"]}
    windows(stack, "p-zone", window)
    stack.apply("p-zone", repo, "app", project="p-zone", syncPolicy=AUTOMATED)
    stack.until_status("p-zone", "OutOfSync", "Missing")
    windows(stack, "p-zone", {**window, "timeZone": "Asia/Kolkata"})
    stack.until_status("p-zone", "Synced", "Healthy")


def test_a_window_that_closes_over_a_running_sync(stack: Stack) -> None:
    """One sync may run on, for its window lets it; the other stays where it is."""
    hook = yaml.safe_load(job("pre", hook="PreSync"))
    hook["spec"]["template"]["metadata"] = {"annotations": {"tiphys.dev/pod-delay": "25s"}}
    names = {"p-overrun": True, "p-cut": False}
    for name in names:
        repo = stack.repo(f"{name}.git")
        repo.write("app/pre.yaml", yaml.safe_dump(hook))
        repo.write("app/cm.yaml", config_map("settings", a="1"))
        repo.commit()
        stack.ok("proj", "create", name, *OPEN)
        stack.apply(name, repo, "app", project=name)
        stack.until_status(name, "OutOfSync", "Missing")
    # The syncs begin in the last seconds of a minute, and the windows with the next one.
    second = datetime.now(UTC).second
    time.sleep((42 - second) % 60)
    opens = datetime.now(UTC) + timedelta(minutes=1)
    for name, overrun in names.items():
        schedule = f"{opens.minute} {opens.hour} * * *"
        windows(
            stack, name, {"kind": "deny", **ALWAYS, "schedule": schedule, "syncOverrun": overrun}
        )
        asked = {"sync": {"syncOptions": ["CreateNamespace=true"]}}
        stack.kube.merge("Application", NAMESPACE, name, {"operation": asked})
    for name in names:
        stack.until("its hook runs", partial(stack.kube.get, "Job", name, "pre"))
    assert datetime.now(UTC).minute != opens.minute
    stack.until_done("p-overrun")
    assert stack.kube.get("ConfigMap", "p-overrun", "settings") is not None
    stack.until(
        "the rest is held up",
        lambda: "blocked by sync window" in stack.operation("p-cut").get("message", ""),
    )
    assert stack.operation("p-cut")["phase"] == "Running"
    assert stack.kube.get("ConfigMap", "p-cut", "settings") is None
    change(stack, "p-cut", syncWindows=None)
    stack.until_done("p-cut")


def test_global_projects(stack: Stack) -> None:
    repo = stack.repo("p-global.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok("proj", "create", "p-global")
    stack.ok("proj", "create", "p-wide", *OPEN)
    stack.kube.merge("AppProject", NAMESPACE, "p-global", {"metadata": {"labels": {"wide": "yes"}}})
    stack.apply("p-global", repo, "app", project="p-global", syncPolicy=AUTOMATED)
    assert "is not permitted in project 'p-global'" in condition(stack, "p-global")
    entry = [{"projectName": "p-wide", "labelSelector": {"matchLabels": {"wide": "yes"}}}]
    settings = {"data": {"globalProjects": yaml.safe_dump(entry)}}
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", settings)
    try:
        stack.until_status("p-global", "Synced", "Healthy")
        # What the global project forbids is forbidden here, too.
        stack.ok("proj", "deny-namespace-resource", "p-wide", "", "ConfigMap")
        stack.until(
            "its kind is not permitted",
            lambda: stack.resources("p-global")["settings"]["status"] == "Unknown",
        )
    finally:
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {"globalProjects": None}})


def writes(stack: Stack, namespace: str, since: int) -> list[tuple[str, str]]:
    return [
        (event["verb"], event["objectRef"].get("name", ""))
        for event in stack.audit(namespace, since)
    ]


def test_what_is_outside_the_project_is_never_touched(stack: Stack) -> None:
    """An application that had objects elsewhere may not prune, heal or delete them any more."""
    for namespace in ("p-in", "p-out"):
        stack.kube.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        )
    repo = stack.repo("p-in.git")
    outside = yaml.safe_load(config_map("outside", a="1"))
    outside["metadata"]["namespace"] = "p-out"
    repo.write("app/in.yaml", config_map("inside", a="1"))
    repo.write("app/out.yaml", yaml.safe_dump(outside))
    repo.write("app/role.yaml", cluster_role("p-in-role"))
    repo.commit()
    stack.ok("proj", "create", "p-in", *OPEN)
    heal = {"automated": {"prune": True, "selfHeal": True}, "retry": {"limit": 0}}
    stack.apply("p-in", repo, "app", project="p-in", syncPolicy=heal)
    stack.until_status("p-in", "Synced", "Healthy")
    assert stack.kube.get("ConfigMap", "p-out", "outside") is not None

    change(
        stack,
        "p-in",
        destinations=[{"server": SERVER, "namespace": "p-in"}],
        clusterResourceWhitelist=[{"group": "", "kind": "Namespace"}],
    )
    stack.until(
        "it is not its own any more",
        lambda: stack.resources("p-in")["p-in-role"]["status"] == "Unknown",
    )
    mark = stack.audit_offset()
    repo.remove("app/out.yaml")
    repo.remove("app/role.yaml")
    repo.write("app/in.yaml", config_map("inside", a="2"))
    revision = repo.commit()
    stack.until_compared("p-in", revision)
    stack.until_status("p-in", "Synced", "Healthy")
    assert set(stack.resources("p-in")) == {"inside"}
    stack.ok("app", "sync", "p-in", "--prune")
    assert writes(stack, "p-out", mark) == []

    stack.ok("app", "delete", "p-in", "--yes", "--wait")
    stack.until("what is inside is gone", lambda: not stack.kube.get("ConfigMap", "p-in", "inside"))
    assert stack.kube.get("ConfigMap", "p-out", "outside") is not None
    assert stack.kube.get("ClusterRole", "", "p-in-role") is not None
    assert writes(stack, "p-out", mark) == []
    assert "p-in-role" not in [event["objectRef"].get("name") for event in stack.audit(since=mark)]


def grant(stack: Stack, namespace: str, account: str, resources: list[str]) -> None:
    """Lets a service account do all with these kinds of the core group in its namespace."""
    meta = {"name": account, "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": resources, "verbs": ["*"]}]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    for manifest in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "subjects": [subject],
            "roleRef": {"apiGroup": group, "kind": "Role", "name": account},
        },
    ):
        stack.kube.create(manifest)


def test_a_sync_acts_as_the_account_of_its_destination(stack: Stack) -> None:
    repo = stack.repo("p-acts.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    grant(stack, "p-acts", "deployer", ["configmaps"])
    stack.ok("proj", "create", "p-acts", *OPEN)
    stack.apply("p-acts", repo, "app", project="p-acts")
    stack.kube.merge("Application", NAMESPACE, "p-acts", {"spec": {"syncPolicy": None}})
    switch = "application.sync.impersonation.enabled"
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {switch: "true"}})
    try:
        stack.until_status("p-acts", "OutOfSync", "Missing")
        assert stack.cli("app", "sync", "p-acts").code == 1
        assert (
            f"no matching service account found for destination server {SERVER} "
            "and namespace p-acts" in stack.operation("p-acts")["message"]
        )
        stack.ok("proj", "add-destination-service-account", "p-acts", SERVER, "p-*", "deployer")
        mark = stack.audit_offset()
        stack.ok("app", "sync", "p-acts")
        acting = [
            (event.get("impersonatedUser") or {}).get("username")
            for event in stack.audit("p-acts", mark)
            if event["objectRef"]["resource"] == "configmaps"
        ]
        assert set(acting) == {"system:serviceaccount:p-acts:deployer"}
        # It may do what the account may, and nothing else.
        repo.write("app/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: hidden}\n")
        stack.until_compared("p-acts", repo.commit())
        assert stack.cli("app", "sync", "p-acts").code == 1
        assert "403 Forbidden" in stack.results("p-acts")["hidden"]["message"]
        assert stack.kube.get("Secret", "p-acts", "hidden") is None
    finally:
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {switch: None}})


def test_applications_of_other_namespaces(stack: Stack) -> None:
    repo = stack.repo("p-space.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "p-space"}})
    stack.ok("proj", "create", "p-space", *OPEN)
    stack.configure(**{"application.namespaces": "p-sp*"})
    try:
        stack.kube.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": "web", "namespace": "p-space"},
                "spec": {
                    "project": "p-space",
                    "source": {"repoURL": repo.url, "path": "app"},
                    "destination": {"server": SERVER, "namespace": "p-space"},
                    "syncPolicy": AUTOMATED,
                },
            }
        )

        def status() -> dict[str, Any]:
            found = stack.kube.get("Application", "p-space", "web")
            return dict((found or {}).get("status") or {})

        def refusal() -> list[str]:
            return [
                one["message"]
                for one in status().get("conditions") or ()
                if one["type"] == "UnknownError"
            ]

        stack.until("it is refused", refusal)
        assert refusal() == [
            "application 'web' in namespace 'p-space' is not permitted to use project 'p-space'"
        ]
        assert stack.kube.get("ConfigMap", "p-space", "settings") is None
        stack.ok("proj", "add-source-namespace", "p-space", "/^p-spac./")
        stack.until("it is synced", lambda: (status().get("sync") or {}).get("status") == "Synced")
        made = stack.kube.get("ConfigMap", "p-space", "settings")
        assert made is not None
        assert made["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] == (
            "p-space_web:/ConfigMap:p-space/settings"
        )
    finally:
        stack.kube.delete("Application", "p-space", "web")
        stack.configure(**{"application.namespaces": None})


def scoped_cluster(stack: Stack, name: str, project: str) -> dict[str, Any]:
    """The same control plane, registered once more for one project alone."""
    config = yaml.safe_load(stack.cluster.kubeconfig.read_text())
    user = config["users"][0]["user"]
    tls = {
        "caData": config["clusters"][0]["cluster"]["certificate-authority-data"],
        "certData": user["client-certificate-data"],
        "keyData": user["client-key-data"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
        },
        "stringData": {
            "name": name,
            "server": stack.cluster.server,
            "project": project,
            "config": json.dumps({"tlsClientConfig": tls}),
        },
    }


def test_clusters_of_a_project(stack: Stack) -> None:
    repo = stack.repo("p-scoped.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    for name in ("p-scoped", "p-foreign"):
        stack.ok("proj", "create", name, "-s", "*", "--allow-cluster-resource", "*/*")
    stack.kube.create(scoped_cluster(stack, "p-own", "p-scoped"))
    there = {"name": "p-own", "namespace": "p-scoped"}
    try:
        stack.apply("p-foreign", repo, "app", project="p-foreign", destination=there)
        assert condition(stack, "p-foreign") == (
            "application destination server 'p-own' and namespace 'p-scoped' "
            "do not match any of the allowed destinations in project 'p-foreign'"
        )
        # To be the project's own is enough to be a destination.
        stack.apply(
            "p-scoped", repo, "app", project="p-scoped", destination=there, syncPolicy=AUTOMATED
        )
        stack.until_status("p-scoped", "Synced", "Healthy")
        shown = stack.ok("proj", "get", "p-scoped")
        assert f"Scoped Clusters:             {stack.cluster.server}\n" in shown
        # No other cluster will do where only these are permitted.
        stack.ok("proj", "add-destination", "p-scoped", "*", "*")
        stack.apply("p-home", repo, "app", project="p-scoped", syncPolicy=AUTOMATED)
        stack.until_status("p-home", "Synced", "Healthy")
        change(stack, "p-scoped", permitOnlyProjectScopedClusters=True)
        assert "do not match any of the allowed destinations" in condition(stack, "p-home")
        stack.until_status("p-scoped", "Synced", "Healthy")
    finally:
        stack.forget_applications()
        stack.kube.delete("Secret", NAMESPACE, "p-own")


def test_a_project_goes_with_its_last_application(stack: Stack) -> None:
    repo = stack.repo("p-last.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    finalizer = "resources-finalizer.argocd.argoproj.io"
    stack.ok("proj", "create", "p-last", *OPEN)
    stack.kube.merge("AppProject", NAMESPACE, "p-last", {"metadata": {"finalizers": [finalizer]}})
    stack.create("p-last", repo, "app", "--project", "p-last", "--set-finalizer")
    stack.ok("app", "sync", "p-last")
    ran = stack.cli("proj", "delete", "p-last")
    assert ran.code == 20
    assert "project is referenced by 1 applications" in ran.err
    stack.kube.delete("AppProject", NAMESPACE, "p-last")
    # It is still there to say what may be deleted with the application.
    stack.ok("app", "delete", "p-last", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "p-last", "settings") is None
    stack.until("it is gone", lambda: not stack.kube.get("AppProject", NAMESPACE, "p-last"))


def test_tokens_of_roles(stack: Stack) -> None:
    stack.ok("proj", "create", "p-token")
    stack.ok("proj", "role", "create", "p-token", "ci")
    stack.ok("proj", "role", "add-policy", "p-token", "ci", "-a", "sync", "-o", "*")
    token = stack.ok("proj", "role", "create-token", "p-token", "ci", "-e", "1h", "-t").strip()
    secret = stack.kube.get("Secret", NAMESPACE, "argocd-secret")
    assert secret is not None
    key = base64.b64decode(secret["data"]["server.secretkey"])
    claims = jwt.decode(token, OctKey.import_key(key)).claims
    assert claims["iss"] == "argocd"
    assert claims["sub"] == "proj:p-token:ci"
    assert claims["exp"] - claims["iat"] == 3600
    listed = {"id": claims["jti"], "iat": claims["iat"], "exp": claims["exp"]}
    found = stack.kube.get("AppProject", NAMESPACE, "p-token")
    assert found is not None
    assert found["spec"]["roles"][0]["jwtTokens"] == [listed]
    assert found["status"]["jwtTokensByRole"] == {"ci": {"items": [listed]}}
    stack.ok("proj", "role", "delete-token", "p-token", "ci", str(claims["iat"]))
    shown = stack.ok("proj", "role", "list-tokens", "p-token", "ci")
    assert shown == "No tokens for p-token.ci\n"


def test_the_default_project_comes_back(stack: Stack) -> None:
    assert stack.cli("proj", "delete", "default").code == 20
    stack.kube.delete("AppProject", NAMESPACE, "default")
    stack.kill_tiphys()
    stack.start_tiphys()
    stack.until("it is there", lambda: stack.kube.get("AppProject", NAMESPACE, "default"))
    assert json.loads(stack.ok("proj", "get", "default", "-o", "json"))["spec"] == {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
