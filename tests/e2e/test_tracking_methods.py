"""Other ways to say whose an object is, taken up while Tiphys runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.manifests import config_map, deployment
from tests.e2e.stack import NAMESPACE, Stack

TRACKING = "argocd.argoproj.io/tracking-id"
INSTALLATION = "argocd.argoproj.io/installation-id"
LABEL = "app.kubernetes.io/instance"
LEGACY = "applications.argoproj.io/app-name"
METHOD = "application.resourceTrackingMethod"
KEYS = (METHOD, "installationID", "application.instanceLabelKey")


def configure(stack: Stack, **data: str | None) -> None:
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": data})


@pytest.fixture(autouse=True)
def method(stack: Stack) -> Iterator[None]:
    yield
    configure(stack, **dict.fromkeys(KEYS))


def metadata(stack: Stack, kind: str, namespace: str, name: str) -> dict[str, Any]:
    live = stack.kube.get(kind, namespace, name)
    assert live is not None
    found: dict[str, Any] = live["metadata"]
    return found


def marks(stack: Stack, namespace: str, name: str) -> tuple[str, str]:
    """The instance by label, and the id."""
    found = metadata(stack, "ConfigMap", namespace, name)
    return (
        (found.get("labels") or {}).get(LABEL, ""),
        (found.get("annotations") or {}).get(TRACKING, ""),
    )


def stray(namespace: str, name: str, **parts: dict[str, str]) -> dict[str, Any]:
    about = {"name": name, "namespace": namespace, **parts}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about}


def synced(stack: Stack, name: str, text: str, **spec: Any) -> None:
    repo = stack.repo(f"{name}.git")
    repo.write("app/object.yaml", text)
    repo.commit()
    stack.apply(name, repo, "app", syncPolicy={"automated": {}}, **spec)
    stack.until_done(name)
    stack.until_status(name, "Synced", "Healthy")


def test_by_label_alone(stack: Stack) -> None:
    configure(stack, **{METHOD: "label"})
    synced(stack, "by-label", config_map("settings", a="1"))
    assert marks(stack, "by-label", "settings") == ("by-label", "")
    # A label says nothing about which object it was meant for: a copy is ours.
    stack.kube.create(stray("by-label", "copy", labels={LABEL: "by-label"}))
    stack.until_status("by-label", "OutOfSync", "Healthy")
    assert stack.resources("by-label")["copy"]["requiresPruning"] is True
    stack.ok("app", "sync", "by-label", "--prune")
    assert stack.kube.get("ConfigMap", "by-label", "copy") is None
    # An id counts for nothing here.
    named = {TRACKING: "by-label:/ConfigMap:by-label/named"}
    stack.kube.create(stray("by-label", "named", annotations=named))
    stack.ok("app", "get", "by-label", "--refresh")
    assert set(stack.resources("by-label")) == {"settings"}

    # The method changes while all runs: the id is missing, the label too much.
    configure(stack, **{METHOD: None})
    stack.until("both methods differ", lambda: "named" in stack.resources("by-label"))
    assert stack.status("by-label") == ("OutOfSync", "Healthy")
    stack.ok("app", "sync", "by-label", "--prune")
    assert stack.kube.get("ConfigMap", "by-label", "named") is None
    assert marks(stack, "by-label", "settings") == ("", "by-label:/ConfigMap:by-label/settings")
    stack.ok("app", "delete", "by-label", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "by-label", "settings") is None


def test_what_is_labelled_goes_with_its_application(stack: Stack) -> None:
    configure(stack, **{METHOD: "label"})
    synced(stack, "label-goes", config_map("settings", a="1"))
    stack.ok("app", "delete", "label-goes", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "label-goes", "settings") is None


def test_by_both_a_long_name_is_cut_on_the_label(stack: Stack) -> None:
    configure(stack, **{METHOD: "annotation+label"})
    name = "long-" + "n" * 57 + ".tail"
    synced(
        stack,
        name,
        config_map("settings", a="1"),
        destination={"name": "in-cluster", "namespace": "by-both"},
    )
    assert marks(stack, "by-both", "settings") == (
        "long-" + "n" * 57,
        f"{name}:/ConfigMap:by-both/settings",
    )
    # The id decides: a copy with both marks is nobody's.
    found = metadata(stack, "ConfigMap", "by-both", "settings")
    copied = {key: found[key] for key in ("labels", "annotations")}
    stack.kube.create(stray("by-both", "copy", **copied))
    stack.until("it is seen", lambda: "copy" in stack.resources(name))
    assert "requiresPruning" not in stack.resources(name)["copy"]


def test_the_old_label_goes_on_pods(stack: Stack) -> None:
    configure(stack, **{METHOD: "label", "application.instanceLabelKey": LEGACY})
    synced(stack, "by-legacy", deployment("web"))
    live = stack.kube.get("Deployment", "by-legacy", "web")
    assert live is not None
    assert live["metadata"]["labels"] == {LEGACY: "by-legacy"}
    labels = live["spec"]["template"]["metadata"]["labels"]
    assert labels == {"app": "web", LEGACY: "by-legacy"}


def test_another_installation_s_objects_are_not_ours(stack: Stack) -> None:
    configure(stack, installationID="one")
    synced(stack, "installed", config_map("settings", a="1"))
    found = metadata(stack, "ConfigMap", "installed", "settings")["annotations"]
    assert found[INSTALLATION] == "one"
    theirs = {TRACKING: "installed:/ConfigMap:installed/theirs", INSTALLATION: "two"}
    unmarked = {TRACKING: "installed:/ConfigMap:installed/unmarked"}
    stack.kube.create(stray("installed", "theirs", annotations=theirs))
    stack.kube.create(stray("installed", "unmarked", annotations=unmarked))
    stack.ok("app", "get", "installed", "--hard-refresh")
    assert set(stack.resources("installed")) == {"settings"}
    stack.ok("app", "sync", "installed", "--prune")
    assert stack.kube.get("ConfigMap", "installed", "theirs") is not None

    # Another id of our own, and we are the others.
    configure(stack, installationID="two")
    stack.until("theirs is ours", lambda: "theirs" in stack.resources("installed"))
    assert "unmarked" not in stack.resources("installed")
    stack.ok("app", "sync", "installed", "--prune")
    assert stack.kube.get("ConfigMap", "installed", "theirs") is None
    assert stack.kube.get("ConfigMap", "installed", "unmarked") is not None
    found = metadata(stack, "ConfigMap", "installed", "settings")["annotations"]
    assert found[INSTALLATION] == "two"


def test_a_method_that_nobody_knows_is_the_default(stack: Stack) -> None:
    configure(stack, **{METHOD: "by-heart"})
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "by-heart"},
        "rules": [],
    }
    synced(stack, "by-heart", yaml.safe_dump(role))
    found = metadata(stack, "ClusterRole", "", "by-heart")
    # What has no namespace is named with the destination's.
    identity = "by-heart:rbac.authorization.k8s.io/ClusterRole:by-heart/by-heart"
    assert found["annotations"][TRACKING] == identity
    assert "labels" not in found
