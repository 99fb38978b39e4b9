"""The health of each kind that is judged, and what an application makes of several.

The pods do what their annotation tells them; all else is said by the real controllers.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.manifests import as_yaml, config_map, deployment, job, pod, workload
from tests.e2e.stack import Stack


@dataclass(frozen=True)
class Case:
    """One object, the health that its application has by it, and the cause that it names."""

    text: str
    health: str
    cause: str = ""


INGRESS = as_yaml(
    "Ingress",
    "x",
    {
        "rules": [
            {
                "host": "x.example.com",
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "x", "port": {"number": 80}}},
                        }
                    ]
                },
            }
        ]
    },
    api_version="networking.k8s.io/v1",
)
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
BALANCED = {"type": "LoadBalancer", "selector": {"app": "x"}, "ports": [{"port": 80}]}
SUSPENDED_JOB = textwrap.dedent(
    """\
    apiVersion: batch/v1
    kind: Job
    metadata: {name: x}
    spec:
      suspend: true
      template:
        spec:
          restartPolicy: Never
          containers: [{name: c, image: registry.example.com/job:1}]
    """
)
NOBODY: dict[str, Any] = {
    "template": {
        "metadata": {"labels": {"app": "x"}},
        "spec": {
            "serviceAccountName": "nobody",
            "containers": [{"name": "c", "image": "registry.example.com/web:1"}],
        },
    }
}
AUTOSCALER = as_yaml(
    "HorizontalPodAutoscaler",
    "x",
    {
        "maxReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none-such"},
    },
    api_version="autoscaling/v2",
)


def cron_job(**spec: Any) -> str:
    container = {"name": "c", "image": "registry.example.com/job:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    never = {"schedule": "0 0 31 12 *", "jobTemplate": {"spec": {"template": template}}}
    return as_yaml("CronJob", "x", {**never, **spec}, api_version="batch/v1")


CASES = {
    "deployment": Case(workload("Deployment", "x", replicas=2), "Healthy"),
    "deployment-hangs": Case(
        workload("Deployment", "x", behaviour="hang"), "Progressing", "apps/Deployment"
    ),
    "deployment-late": Case(
        workload("Deployment", "x", behaviour="hang", progressDeadlineSeconds=1),
        "Degraded",
        "apps/Deployment",
    ),
    "deployment-paused": Case(
        workload("Deployment", "x", paused=True), "Suspended", "apps/Deployment"
    ),
    "statefulset": Case(workload("StatefulSet", "x", replicas=2), "Healthy"),
    "statefulset-hangs": Case(
        workload("StatefulSet", "x", behaviour="hang"), "Progressing", "apps/StatefulSet"
    ),
    "daemonset": Case(workload("DaemonSet", "x"), "Healthy"),
    "daemonset-hangs": Case(
        workload("DaemonSet", "x", behaviour="hang"), "Progressing", "apps/DaemonSet"
    ),
    "replicaset": Case(workload("ReplicaSet", "x"), "Healthy"),
    "replicaset-hangs": Case(
        workload("ReplicaSet", "x", behaviour="hang"), "Progressing", "apps/ReplicaSet"
    ),
    "replicaset-fails": Case(workload("ReplicaSet", "x", **NOBODY), "Degraded", "apps/ReplicaSet"),
    "pod": Case(pod("x"), "Healthy"),
    "pod-hangs": Case(pod("x", behaviour="hang"), "Progressing", "Pod"),
    "pod-crashes": Case(pod("x", behaviour="fail"), "Degraded", "Pod"),
    "pod-failed": Case(pod("x", behaviour="fail", restart="Never"), "Degraded", "Pod"),
    "pod-done": Case(pod("x", restart="Never"), "Healthy"),
    "job": Case(job("x"), "Healthy"),
    "job-hangs": Case(job("x", behaviour="hang"), "Progressing", "batch/Job"),
    "job-fails": Case(job("x", behaviour="fail"), "Degraded", "batch/Job"),
    "job-suspended": Case(SUSPENDED_JOB, "Suspended", "batch/Job"),
    "service": Case(as_yaml("Service", "x", {"ports": [{"port": 80}]}), "Healthy"),
    "service-balanced": Case(as_yaml("Service", "x", BALANCED), "Healthy"),
    "ingress": Case(INGRESS, "Healthy"),
    "claim": Case(as_yaml("PersistentVolumeClaim", "x", CLAIM), "Healthy"),
    "claim-pending": Case(
        as_yaml("PersistentVolumeClaim", "x", {**CLAIM, "storageClassName": "none-such"}),
        "Progressing",
        "PersistentVolumeClaim",
    ),
    "cronjob": Case(cron_job(), "Healthy"),
    "cronjob-suspended": Case(cron_job(suspend=True), "Suspended", "batch/CronJob"),
    # What it is to scale is not there, so that its controller says that it cannot.
    "autoscaler": Case(AUTOSCALER, "Degraded", "autoscaling/HorizontalPodAutoscaler"),
    "configmap": Case(config_map("x", a="1"), "Healthy"),
}


@pytest.fixture(scope="module")
def applications(stack: Stack) -> None:
    """All cases at once, so that what takes time takes it together."""
    repo = stack.repo("health.git")
    for name, case in CASES.items():
        repo.write(f"{name}/x.yaml", case.text)
    repo.commit()
    for name in CASES:
        stack.apply(f"h-{name}", repo, name, syncPolicy={"automated": {}})


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("applications")
def test_the_health_of_a_kind(stack: Stack, name: str) -> None:
    case = CASES[name]
    app = f"h-{name}"
    stack.until_done(app)
    stack.until_status(app, "Synced", case.health)
    health = stack.app(app)["status"]["health"]
    wanted = f"Caused by {case.cause}:{app}/x" if case.cause else ""
    assert health.get("message", "") == wanted


def test_the_worst_object_makes_the_application(stack: Stack) -> None:
    repo = stack.repo("worst.git")
    repo.write("app/web.yaml", deployment("web"))
    repo.write("app/slow.yaml", deployment("slow", behaviour="hang"))
    repo.write("app/bad.yaml", pod("bad", behaviour="fail"))
    repo.commit()
    stack.apply("h-worst", repo, "app", syncPolicy={"automated": {"prune": True}})
    stack.until_status("h-worst", "Synced", "Degraded")
    said = stack.ok("app", "get", "h-worst")
    shown = next(line for line in said.splitlines() if line.startswith("Health Status:"))
    assert shown == "Health Status:      Degraded"
    assert stack.app("h-worst")["status"]["health"]["message"] == "Caused by Pod:h-worst/bad"

    repo.remove("app/bad.yaml")
    repo.commit()
    stack.until_status("h-worst", "Synced", "Progressing")
    # As long as the status is the same, so is its message: the pod may be named yet.
    assert "apps/Deployment:h-worst/slow" in stack.app("h-worst")["status"]["health"]["message"]
    repo.write("app/slow.yaml", deployment("slow"))
    repo.commit()
    stack.until_status("h-worst", "Synced", "Healthy")
    assert "message" not in stack.app("h-worst")["status"]["health"]


def test_more_than_three_causes_are_counted(stack: Stack) -> None:
    repo = stack.repo("causes.git")
    for name in "abcde":
        repo.write(f"app/{name}.yaml", pod(name, behaviour="hang"))
    repo.commit()
    stack.apply("h-causes", repo, "app", syncPolicy={"automated": {}})
    stack.until_status("h-causes", "Synced", "Progressing")
    stack.until(
        "five causes",
        lambda: (
            stack.app("h-causes")["status"]["health"].get("message")
            == "Caused by Pod:h-causes/a, Pod:h-causes/b, Pod:h-causes/c and 2 more"
        ),
    )


def test_health_that_is_to_be_ignored_is(stack: Stack) -> None:
    repo = stack.repo("excused.git")
    excused = {"argocd.argoproj.io/ignore-healthcheck": "true"}
    repo.write("app/slow.yaml", deployment("slow", behaviour="hang", annotations=excused))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("h-excused", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("h-excused")
    stack.until_status("h-excused", "Synced", "Healthy")


def test_an_object_on_its_way_out_is_progressing(stack: Stack) -> None:
    repo = stack.repo("leaving.git")
    repo.write("app/web.yaml", deployment("web"))
    repo.commit()
    stack.apply("h-leaving", repo, "app", syncPolicy={"automated": {}})
    stack.until_status("h-leaving", "Synced", "Healthy")
    stack.kube.merge(
        "Deployment", "h-leaving", "web", {"metadata": {"finalizers": ["example.com/hold"]}}
    )
    stack.kube.delete("Deployment", "h-leaving", "web")
    stack.until("Progressing", lambda: stack.status("h-leaving")[1] == "Progressing")
    stack.kube.merge("Deployment", "h-leaving", "web", {"metadata": {"finalizers": None}})
    stack.until_status("h-leaving", "OutOfSync", "Missing")


def test_health_moves_with_the_pods(stack: Stack) -> None:
    repo = stack.repo("moves.git")
    repo.write("app/slow.yaml", deployment("slow", behaviour="slow"))
    repo.commit()
    stack.create("h-moves", repo, "app")
    # `app sync` waits for the operation, `app wait` for the pods.
    stack.ok("app", "sync", "h-moves")
    assert stack.status("h-moves") == ("Synced", "Progressing")
    stack.ok("app", "wait", "h-moves", "--health", "--timeout", "30")
    assert stack.status("h-moves") == ("Synced", "Healthy")
    before = stack.app("h-moves")["status"]["health"]["lastTransitionTime"]
    stack.ok("app", "get", "h-moves", "--refresh")
    assert stack.app("h-moves")["status"]["health"]["lastTransitionTime"] == before


def test_an_api_service_waits_for_its_server(stack: Stack) -> None:
    """Of a group that nobody else uses; it goes again, for it disturbs discovery."""
    name = "v1.health.e2e.example.com"
    spec = {
        "group": "health.e2e.example.com",
        "version": "v1",
        "groupPriorityMinimum": 10,
        "versionPriority": 10,
        "insecureSkipTLSVerify": True,
        "service": {"name": "none-such", "namespace": "default"},
    }
    repo = stack.repo("apiservice.git")
    repo.write(
        "app/x.yaml", as_yaml("APIService", name, spec, api_version="apiregistration.k8s.io/v1")
    )
    repo.commit()
    stack.apply("h-apiservice", repo, "app", syncPolicy={"automated": {}})
    try:
        stack.until_status("h-apiservice", "Synced", "Progressing")
        said = stack.app("h-apiservice")["status"]["health"]["message"]
        assert said == f"Caused by apiregistration.k8s.io/APIService:{name}"
    finally:
        stack.kube.call("DELETE", f"/apis/apiregistration.k8s.io/v1/apiservices/{name}")
