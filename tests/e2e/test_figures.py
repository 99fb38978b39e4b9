"""Metrics that are told only where somebody asks for them, and the health of the process."""

from __future__ import annotations

import json
import urllib.request

from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_controller import page, sample
from tests.e2e.test_ignore import setting
from tests.e2e.test_projects import OPEN, scoped_cluster


def test_labels_conditions_and_orphans(stack: Stack) -> None:
    repo = stack.repo("fig.git")
    repo.write("app/a.yaml", config_map("settings", a="1"))
    repo.write("app/b.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.ok("proj", "create", "fig", *OPEN, "--orphaned-resources")
    stack.apply("fig", repo, "app", project="fig", syncPolicy={"automated": {}})
    labels = {"metadata": {"labels": {"team-name": "a", "other": "b"}}}
    stack.kube.merge("Application", NAMESPACE, "fig", labels)
    stack.until_status("fig", "Synced", "Healthy")
    about = {"name": "left", "namespace": "fig"}
    stack.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about})
    app = {"namespace": NAMESPACE, "name": "fig", "project": "fig"}
    count = "argocd_app_orphaned_resources_count"
    stack.until("it is counted", lambda: sample(page(stack), count, **app) == 1.0)
    text = page(stack)
    assert "argocd_app_labels{" not in text
    assert "argocd_app_condition{" not in text
    secret = scoped_cluster(stack, "fig-far", "")
    del secret["stringData"]["project"]
    secret["metadata"]["labels"]["region"] = "eu"
    stack.kube.create(secret)
    asked = {
        "controller.metrics.application.labels": "team-name",
        "controller.metrics.application.conditions": "RepeatedResourceWarning",
        "controller.metrics.cluster.labels": "region",
    }
    try:
        with setting(stack, "argocd-cmd-params-cm", **asked):
            labelled = {**app, "label_team_name": "a"}
            stack.until(
                "they are told",
                lambda: sample(page(stack), "argocd_app_labels", **labelled) == 1.0,
            )
            text = page(stack)
            warned = {**app, "condition": "RepeatedResourceWarning"}
            assert sample(text, "argocd_app_condition", **warned) == 1.0
            far = {"name": "fig-far", "label_region": "eu"}
            assert sample(text, "argocd_cluster_labels", **far) == 1.0
            assert "label_other" not in text
    finally:
        stack.kube.delete("Secret", NAMESPACE, "fig-far")


def test_the_process_says_that_it_is_well(stack: Stack) -> None:
    lines = (stack.folder / "tiphys.log").read_text().splitlines()
    ports = [json.loads(line)["port"] for line in lines if '"serving metrics"' in line]
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}/healthz", timeout=10) as answer:
        assert answer.status == 200
