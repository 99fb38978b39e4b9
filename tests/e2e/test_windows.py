"""Projects where their rules meet: windows that combine, lists that are empty, who is asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_projects import ALWAYS, AUTOMATED, NEVER, OPEN, SERVER, change, windows


def blocked(stack: Stack, name: str, project: str) -> None:
    repo = stack.repo(f"{name}.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply(name, repo, "app", project=project, syncPolicy=AUTOMATED)


def test_windows_combine_what_they_name(stack: Stack) -> None:
    """All stay shut until the window that shuts them is no longer theirs."""
    stack.ok("proj", "create", "w-and", *OPEN)
    both: dict[str, Any] = {
        "kind": "deny", **ALWAYS, "applications": ["w-and-*"], "namespaces": ["w-and-two"],
    }  # fmt: skip
    windows(stack, "w-and", both)
    for name in ("w-and-one", "w-and-two"):
        blocked(stack, name, "w-and")
    # One list is enough to be meant, unless all have to agree.
    stack.until_status("w-and-one", "OutOfSync", "Missing")
    stack.until_status("w-and-two", "OutOfSync", "Missing")
    windows(stack, "w-and", {**both, "andOperator": True})
    stack.until_status("w-and-one", "Synced", "Healthy")
    assert stack.status("w-and-two") == ("OutOfSync", "Missing")
    # Clusters are meant as the application writes them.
    windows(stack, "w-and", {"kind": "deny", **ALWAYS, "applications": [], "clusters": [SERVER]})
    stack.until_status("w-and-two", "Synced", "Healthy")


def test_a_person_passes_only_where_every_window_lets_them(stack: Stack) -> None:
    stack.ok("proj", "create", "w-manual", *OPEN)
    lets, not_so = {"kind": "deny", **ALWAYS, "manualSync": True}, {"kind": "deny", **ALWAYS}
    windows(stack, "w-manual", lets, not_so)
    blocked(stack, "w-manual", "w-manual")
    stack.until_status("w-manual", "OutOfSync", "Missing")
    ran = stack.cli("app", "sync", "w-manual")
    assert (ran.code, "blocked by sync window" in ran.err) == (20, True)
    # One that denies goes before one that allows.
    windows(stack, "w-manual", lets, {"kind": "allow", **ALWAYS})
    stack.ok("app", "sync", "w-manual")
    stack.until_status("w-manual", "Synced", "Healthy")


def test_a_zone_that_is_none_is_utc(stack: Stack) -> None:
    now = datetime.now(UTC) - timedelta(minutes=1)
    window = {
        "kind": "deny", "schedule": f"{now.minute} {now.hour} * * *", "duration": "20m",
        "applications": ["*"], "timeZone": "Nowhere/None",
    }  # fmt: skip
    stack.ok("proj", "create", "w-zone", *OPEN)
    windows(stack, "w-zone", window)
    blocked(stack, "w-zone", "w-zone")
    stack.until_status("w-zone", "OutOfSync", "Missing")
    assert "Sync Denied" in stack.ok("app", "get", "w-zone")
    windows(stack, "w-zone", {**window, **NEVER})
    stack.until_status("w-zone", "Synced", "Healthy")


def test_an_empty_list_of_kinds_permits_none(stack: Stack) -> None:
    stack.ok("proj", "create", "w-none", *OPEN)
    blocked(stack, "w-none", "w-none")
    stack.until_status("w-none", "Synced", "Healthy")
    # No list permits all, an empty one nothing.
    change(stack, "w-none", namespaceResourceWhitelist=[])
    stack.until(
        "its kind is not permitted",
        lambda: stack.resources("w-none").get("settings", {}).get("status") == "Unknown",
    )
    assert stack.kube.get("ConfigMap", "w-none", "settings") is not None
    change(stack, "w-none", namespaceResourceWhitelist=[{"group": "", "kind": "Config*"}])
    stack.until_status("w-none", "Synced", "Healthy")


def test_orphans_are_shown_though_nobody_is_warned(stack: Stack) -> None:
    stack.ok("proj", "create", "w-orphans", *OPEN, "--orphaned-resources")
    blocked(stack, "w-orphans", "w-orphans")
    stack.until_status("w-orphans", "Synced", "Healthy")
    about = {"name": "left", "namespace": "w-orphans"}
    stack.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about})
    shown = stack.until(
        "it is shown",
        lambda: [
            line.split()
            for line in stack.ok("app", "resources", "w-orphans", "--orphaned").splitlines()
            if "left" in line
        ],
    )
    # Those that every namespace has are nobody's orphans.
    assert shown == [["ConfigMap", "w-orphans", "left", "Yes"]]
    assert "kube-root-ca.crt" not in stack.ok("app", "resources", "w-orphans", "--orphaned")
    stack.ok("app", "get", "w-orphans", "--refresh")
    assert stack.conditions("w-orphans") == {}


def test_a_role_speaks_of_its_own_project_only(stack: Stack) -> None:
    stack.ok("proj", "create", "w-role")
    stack.ok("proj", "role", "create", "w-role", "ci")
    stack.ok("proj", "role", "add-policy", "w-role", "ci", "-a", "get", "-o", "*")
    found = stack.kube.get("AppProject", NAMESPACE, "w-role")
    assert found is not None
    (role,) = found["spec"]["roles"]
    assert role["policies"] == ["p, proj:w-role:ci, applications, get, w-role/*, allow"]
    role["policies"].append("p, proj:w-role:ci, applications, get, default/*, allow")
    file = stack.folder / "w-role.json"
    file.write_text(json.dumps({k: found[k] for k in ("apiVersion", "kind", "metadata", "spec")}))
    ran = stack.cli("proj", "create", "-f", str(file), "--upsert")
    assert ran.code == 20
    assert "default/*" in ran.err
