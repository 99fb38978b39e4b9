"""Whose an object is: the tracking annotation, copies of it, and two who want the same."""

from __future__ import annotations

from tests.e2e.manifests import config_map
from tests.e2e.stack import Stack

TRACKING = "argocd.argoproj.io/tracking-id"


def copy_of(stack: Stack, namespace: str, name: str, new: str) -> dict[str, object]:
    original = stack.kube.get("ConfigMap", namespace, name)
    assert original is not None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": new,
            "namespace": namespace,
            "annotations": original["metadata"]["annotations"],
        },
    }


def test_objects_carry_the_id_of_their_application(stack: Stack) -> None:
    repo = stack.repo("tracked.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("tracked", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("tracked")
    live = stack.kube.get("ConfigMap", "tracked", "settings")
    assert live is not None
    assert live["metadata"]["annotations"][TRACKING] == "tracked:/ConfigMap:tracked/settings"
    assert "labels" not in live["metadata"]
    # The namespace that was made for it is nobody's.
    namespace = stack.kube.get("Namespace", "", "tracked")
    assert namespace is not None
    assert TRACKING not in namespace["metadata"].get("annotations", {})


def test_a_copied_annotation_makes_no_owner(stack: Stack) -> None:
    repo = stack.repo("selfcheck.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("selfcheck", repo, "app", syncPolicy={"automated": {"prune": True}})
    stack.until_done("selfcheck")
    stack.kube.create(copy_of(stack, "selfcheck", "settings", "copy"))
    stack.until("it is seen", lambda: "copy" in stack.resources("selfcheck"))
    # It is listed without a status, and neither makes OutOfSync nor is pruned.
    seen = stack.resources("selfcheck")["copy"]
    assert "status" not in seen
    assert "requiresPruning" not in seen
    assert stack.status("selfcheck") == ("Synced", "Healthy")

    mark = stack.audit_offset()
    stack.ok("app", "sync", "selfcheck", "--prune")
    assert stack.kube.get("ConfigMap", "selfcheck", "copy") is not None
    assert "copy" not in stack.results("selfcheck")
    # Nor does it go with the application.
    stack.ok("app", "delete", "selfcheck", "--yes", "--wait")
    assert stack.kube.get("ConfigMap", "selfcheck", "settings") is None
    assert stack.kube.get("ConfigMap", "selfcheck", "copy") is not None
    touched = [e["verb"] for e in stack.audit("selfcheck", mark) if _name(e) == "copy"]
    assert touched == []


def _name(event: dict[str, object]) -> object:
    reference = event["objectRef"]
    assert isinstance(reference, dict)
    return reference.get("name")


def test_an_extra_object_with_its_own_id_is_pruned(stack: Stack) -> None:
    repo = stack.repo("extra.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("extra", repo, "app")
    stack.ok("app", "sync", "extra")
    stray = copy_of(stack, "extra", "settings", "stray")
    stray["metadata"]["annotations"] = {TRACKING: "extra:/ConfigMap:extra/stray"}  # type: ignore[index]
    stack.kube.create(stray)
    stack.until_status("extra", "OutOfSync", "Healthy")
    assert stack.resources("extra")["stray"]["requiresPruning"] is True
    refused = stack.cli("app", "sync", "extra")
    assert refused.code == 1
    assert "1 resources require pruning" in refused.err
    assert stack.results("extra")["stray"]["status"] == "PruneSkipped"
    assert stack.results("extra")["stray"]["message"] == "ignored (requires pruning)"
    stack.ok("app", "sync", "extra", "--prune")
    assert stack.kube.get("ConfigMap", "extra", "stray") is None
    assert stack.results("extra")["stray"]["status"] == "Pruned"
    assert stack.results("extra")["stray"]["message"] == "pruned"
    stack.until_status("extra", "Synced", "Healthy")


def test_an_owned_object_is_never_extra(stack: Stack) -> None:
    repo = stack.repo("owned.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("owned", repo, "app", syncPolicy={"automated": {"prune": True}})
    stack.until_done("owned")
    owner = stack.kube.get("ConfigMap", "owned", "settings")
    assert owner is not None
    child = copy_of(stack, "owned", "settings", "child")
    child["metadata"] |= {  # type: ignore[operator]
        "annotations": {TRACKING: "owned:/ConfigMap:owned/child"},
        "ownerReferences": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "settings",
                "uid": owner["metadata"]["uid"],
            }
        ],
    }
    stack.kube.create(child)
    stack.ok("app", "get", "owned", "--hard-refresh")
    assert set(stack.resources("owned")) == {"settings"}
    assert stack.status("owned") == ("Synced", "Healthy")
    assert stack.kube.get("ConfigMap", "owned", "child") is not None


def test_what_two_applications_want_is_said_to_be_shared(stack: Stack) -> None:
    repo = stack.repo("shared.git")
    repo.write("one/cm.yaml", config_map("settings", a="1"))
    repo.write("two/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    place = {"name": "in-cluster", "namespace": "shared"}
    stack.apply("shared-one", repo, "one", destination=place, syncPolicy={"automated": {}})
    stack.until_done("shared-one")
    stack.apply("shared-two", repo, "two", destination=place)
    stack.until("it is compared", lambda: stack.status("shared-two")[0])
    assert stack.conditions("shared-two") == {
        "SharedResourceWarning": (
            "ConfigMap/settings is part of applications argocd/shared-two and shared-one"
        )
    }
    # Its tracking id is the other's, so it differs.
    assert stack.status("shared-two") == ("OutOfSync", "Healthy")
    assert "SharedResourceWarning" not in stack.conditions("shared-one")
    # Whoever syncs last has it; then the first one says so.
    stack.ok("app", "sync", "shared-two")
    live = stack.kube.get("ConfigMap", "shared", "settings")
    assert live is not None
    assert live["metadata"]["annotations"][TRACKING] == "shared-two:/ConfigMap:shared/settings"
    stack.until(
        "the first one warns",
        lambda: (
            stack.conditions("shared-one").get("SharedResourceWarning")
            == "ConfigMap/settings is part of applications argocd/shared-one and shared-two"
        ),
    )


def test_an_object_that_is_named_twice_is_warned_of(stack: Stack) -> None:
    repo = stack.repo("twice.git")
    repo.write("app/a.yaml", config_map("settings", a="1"))
    repo.write("app/b.yaml", config_map("settings", a="2"))
    repo.commit()
    stack.apply("twice", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("twice")
    assert stack.conditions("twice") == {
        "RepeatedResourceWarning": (
            "Resource /ConfigMap/twice/settings appeared 2 times among application resources."
        )
    }
    # The last one wins.
    live = stack.kube.get("ConfigMap", "twice", "settings")
    assert live is not None
    assert live["data"] == {"a": "2"}
