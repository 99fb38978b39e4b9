"""The live view over the fakes of reconciliation."""

from __future__ import annotations

from typing import Any

from tests.services.reconcile.world import World
from tiphys.services.compare import Comparisons, Eraser
from tiphys.services.liveview.managed import ManagedObjects
from tiphys.services.liveview.pushing import TreePushes
from tiphys.services.liveview.trees import Trees
from tiphys.services.liveview.view import IndexView
from tiphys.services.reconcile.judging import Judging
from tiphys.services.reconcile.orphans import Orphans

TRACKING = "argocd.argoproj.io/tracking-id"


def view_of(here: World) -> IndexView:
    """As the controller wires it."""
    orphans = Orphans(here.store, here.clusters, here.rules)
    comparisons = Comparisons(Eraser(here.evaluator))
    trees = Trees(here.store, here.clusters, here.rules, orphans, lambda: here.settings)
    managed = ManagedObjects(
        here.store,
        here.memories,
        here.clusters,
        here.rules,
        Judging(comparisons, lambda: here.settings),
        comparisons,
        lambda: here.settings,
    )
    pushes = TreePushes(trees.tree, orphans.place)
    here.clusters.follow(pushes.live_changed)
    return IndexView(trees, managed, pushes, here.clusters, lambda: here.time)


def config_map(name: str, *, tracked: bool = True, **meta: Any) -> dict[str, Any]:
    notes = {TRACKING: f"web:/ConfigMap:demo/{name}"} if tracked else {}
    metadata = {"name": name, "namespace": "demo", "uid": f"uid-{name}", "annotations": notes}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, **meta},
        "data": {"a": "1"},
    }


def pod(name: str, owner: dict[str, Any], **meta: Any) -> dict[str, Any]:
    reference = {
        "apiVersion": "v1",
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    metadata = {"name": name, "namespace": "demo", "uid": f"uid-{name}"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "ownerReferences": [reference], **meta},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}],
        },
        "status": {"phase": "Running"},
    }
