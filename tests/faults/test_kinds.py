"""Kinds and revisions come and go under a running Tiphys; it recovers by itself."""

from __future__ import annotations

from tests.e2e.manifests import config_map
from tests.faults.rig import Rig

GADGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gadgets.faults.example.com
spec:
  group: faults.example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
GADGET = """
apiVersion: faults.example.com/v1
kind: Gadget
metadata:
  name: one
spec: {size: 1}
"""


def test_a_definition_deleted_while_its_kind_is_watched(rig: Rig) -> None:
    """Its objects go with it, by the API server; both are made anew and nothing else is touched."""
    repo = rig.stack.repo("kinds.git")
    repo.write("app/definition.yaml", GADGETS)
    repo.write("app/gadget.yaml", GADGET)
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    rig.application("kinds", repo, policy={"automated": {"prune": True, "selfHeal": True}})
    rig.until_live("kinds", commit)
    rig.stack.until_status("kinds", "Synced", "Healthy")
    live = rig.kube.get("Gadget", "kinds", "one")
    assert live is not None
    first = live["metadata"]["uid"]
    mark = rig.stack.audit_offset()

    rig.kube.delete("CustomResourceDefinition", "", "gadgets.faults.example.com")

    def made_anew() -> bool:
        definition = rig.kube.get("CustomResourceDefinition", "", "gadgets.faults.example.com")
        assert definition is not None
        assert "deletionTimestamp" not in definition["metadata"]
        found = rig.kube.get("Gadget", "kinds", "one")
        return found is not None and found["metadata"]["uid"] != first

    rig.stack.until("the gadget is made anew", made_anew, 90)
    rig.stack.until_status("kinds", "Synced", "Healthy")
    assert rig.deleted("kinds", mark) == set()
    assert rig.audited("kinds", mark, "create") == {"gadgets/one": 1}
    rig.remove("kinds")
    rig.kube.delete("CustomResourceDefinition", "", "gadgets.faults.example.com")


def test_a_revision_that_is_missing_and_then_pushed(rig: Rig) -> None:
    repo = rig.stack.repo("missing.git")
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    rig.application("missing", repo, policy={"automated": {"prune": True}})
    rig.until_live("missing", commit)
    mark = rig.stack.audit_offset()

    rig.kube.merge(
        "Application",
        "argocd",
        "missing",
        {"spec": {"source": {"targetRevision": "not-yet"}}},
    )
    rig.until_condition("missing", "ComparisonError", "not-yet")
    assert rig.stack.status("missing")[0] == "Unknown"
    assert rig.deleted("missing", mark) == set()

    repo.write("app/settings.yaml", config_map("settings", a="2"))
    second = repo.commit()
    repo.git("branch", "not-yet")
    rig.until_live("missing", second)
    rig.stack.until_status("missing", "Synced", "Healthy")
    assert "ComparisonError" not in rig.stack.conditions("missing")
    rig.remove("missing")
