"""Controllers, scheduler and simulated nodes bring objects to the state that a cluster brings."""

from __future__ import annotations

import time
from typing import Any

from tests.devcluster.api import Api, condition, eventually
from tests.devcluster.manifests import claim, deployment, job, pod, pod_template

FAIL = {"tiphys.dev/pod-behaviour": "fail"}
HANG = {"tiphys.dev/pod-behaviour": "hang"}
SLOW = {"tiphys.dev/pod-behaviour": "slow"}


def apps(namespace: str, kind: str, name: str = "") -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/{kind}/{name}".rstrip("/")


def core(namespace: str, kind: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/{kind}/{name}".rstrip("/")


def jobs(namespace: str, name: str = "") -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}".rstrip("/")


def test_the_versions_are_stamped(api: Api) -> None:
    version = api.get("/version")
    assert (version["gitVersion"], version["major"], version["minor"]) == ("v1.36.3", "1", "36")
    for node in api.get("/api/v1/nodes")["items"]:
        assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.3"


def test_a_deployment_becomes_available(api: Api, namespace: str) -> None:
    api.create(apps(namespace, "deployments"), deployment("web", replicas=3))
    eventually(
        lambda: (
            condition(api.get(apps(namespace, "deployments", "web")), "Available") == "True"
            and api.get(apps(namespace, "deployments", "web"))["status"]["readyReplicas"] == 3
        )
    )
    pods = api.get(core(namespace, "pods"))["items"]
    assert len({found["status"]["podIP"] for found in pods}) == 3
    assert {found["spec"]["nodeName"] for found in pods} == {"tiphys-node-1", "tiphys-node-2"}


def test_a_job_completes(api: Api, namespace: str) -> None:
    api.create(jobs(namespace), job("work"))
    eventually(lambda: condition(api.get(jobs(namespace, "work")), "Complete") == "True")


def test_a_pod_that_is_not_restarted_succeeds(api: Api, namespace: str) -> None:
    api.create(core(namespace, "pods"), pod("hook", restart="Never"))
    _await_phase(api, namespace, "hook", "Succeeded")


def test_a_job_told_to_fail_fails(api: Api, namespace: str) -> None:
    api.create(jobs(namespace), job("work", FAIL))
    eventually(lambda: condition(api.get(jobs(namespace, "work")), "Failed") == "True")


def test_a_deployment_told_to_fail_crashes_again_and_again(api: Api, namespace: str) -> None:
    api.create(apps(namespace, "deployments"), deployment("web", FAIL))

    def waiting() -> Any:
        for found in api.get(core(namespace, "pods"))["items"]:
            for container in found["status"].get("containerStatuses", []):
                return container["state"].get("waiting", {}).get("reason")
        return None

    assert eventually(waiting) == "CrashLoopBackOff"
    assert condition(api.get(apps(namespace, "deployments", "web")), "Available") == "False"


def test_pods_told_to_hang_run_and_are_never_ready(api: Api, namespace: str) -> None:
    api.create(core(namespace, "pods"), pod("server", HANG, restart="Always"))
    api.create(core(namespace, "pods"), pod("task", HANG, restart="Never"))
    for name in ("server", "task"):
        _await_phase(api, namespace, name, "Running")
    # Others that were created later are done: these two would be, too.
    api.create(core(namespace, "pods"), pod("other", restart="Never"))
    _await_phase(api, namespace, "other", "Succeeded")
    for name in ("server", "task"):
        found = api.get(core(namespace, "pods", name))
        assert (found["status"]["phase"], condition(found, "Ready")) == ("Running", "False")


def test_slow_and_delayed_pods_take_their_time(api: Api, namespace: str) -> None:
    start = time.monotonic()
    api.create(core(namespace, "pods"), pod("slow", SLOW, restart="Always"))
    delayed = {"tiphys.dev/pod-delay": "2s"}
    api.create(core(namespace, "pods"), pod("server", delayed, restart="Always"))
    api.create(core(namespace, "pods"), pod("task", delayed, restart="OnFailure"))
    eventually(
        lambda: (
            condition(api.get(core(namespace, "pods", "server")), "Ready") == "True"
            and _phase(api, namespace, "task") == "Succeeded"
        )
    )
    assert 2 <= time.monotonic() - start < 5
    eventually(lambda: condition(api.get(core(namespace, "pods", "slow")), "Ready") == "True")
    assert time.monotonic() - start >= 5


def test_a_deleted_pod_goes_but_for_the_finalizers_of_others(api: Api, namespace: str) -> None:
    held = pod("held", restart="Always")
    held["metadata"]["finalizers"] = ["example.test/hold"]
    api.create(core(namespace, "pods"), held)
    api.create(core(namespace, "pods"), pod("free", restart="Always"))
    for name in ("held", "free"):
        _await_phase(api, namespace, name, "Running")
        api.delete(core(namespace, "pods", name))
    eventually(lambda: api.absent(core(namespace, "pods", "free")))
    eventually(
        lambda: (
            api.get(core(namespace, "pods", "held"))["metadata"]["deletionGracePeriodSeconds"] == 0
        )
    )
    assert api.get(core(namespace, "pods", "held"))["metadata"]["finalizers"] == [
        "example.test/hold"
    ]
    api.merge(core(namespace, "pods", "held"), {"metadata": {"finalizers": None}})
    eventually(lambda: api.absent(core(namespace, "pods", "held")))


def test_claims_are_bound_and_their_volumes_go_with_them(api: Api, namespace: str) -> None:
    api.create(core(namespace, "persistentvolumeclaims"), claim("data"))
    path = core(namespace, "persistentvolumeclaims", "data")
    eventually(lambda: api.get(path)["status"]["phase"] == "Bound")
    volume = "/api/v1/persistentvolumes/" + api.get(path)["spec"]["volumeName"]
    time.sleep(1.5)  # longer than the volume controller's own interval
    assert api.get(path)["status"] == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
    }
    api.delete(path)
    eventually(lambda: api.absent(volume))


def test_a_claim_of_another_class_stays_pending(api: Api, namespace: str) -> None:
    other = claim("other")
    other["spec"]["storageClassName"] = "elsewhere"
    api.create(core(namespace, "persistentvolumeclaims"), other)
    api.create(core(namespace, "persistentvolumeclaims"), claim("data"))
    eventually(
        lambda: (
            api.get(core(namespace, "persistentvolumeclaims", "data"))["status"]["phase"] == "Bound"
        )
    )
    found = api.get(core(namespace, "persistentvolumeclaims", "other"))
    assert found["status"]["phase"] == "Pending"


def test_stateful_sets_and_daemon_sets_become_ready(api: Api, namespace: str) -> None:
    selector = {"matchLabels": {"app": "web"}}
    sets = {"selector": selector, "template": pod_template()}
    stateful = {**sets, "serviceName": "web", "replicas": 2, "volumeClaimTemplates": [claim("d")]}
    api.create(apps(namespace, "statefulsets"), {"metadata": {"name": "store"}, "spec": stateful})
    api.create(apps(namespace, "daemonsets"), {"metadata": {"name": "agent"}, "spec": sets})
    eventually(
        lambda: (
            api.get(apps(namespace, "statefulsets", "store"))["status"].get("readyReplicas") == 2
            and api.get(apps(namespace, "daemonsets", "agent"))["status"]["numberReady"] == 2
        )
    )


def test_load_balancers_and_ingresses_get_an_address(api: Api, namespace: str) -> None:
    api.create(
        core(namespace, "services"),
        {"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}},
    )
    api.create(
        core(namespace, "services"),
        {"metadata": {"name": "inner"}, "spec": {"ports": [{"port": 80}]}},
    )
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingresses = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"
    api.create(ingresses, {"metadata": {"name": "web"}, "spec": {"defaultBackend": backend}})

    def addresses(path: str) -> Any:
        found = api.get(path)["status"]["loadBalancer"].get("ingress", [])
        return [one["ip"] for one in found]

    assert eventually(lambda: addresses(core(namespace, "services", "web"))) == ["192.0.2.10"]
    assert eventually(lambda: addresses(f"{ingresses}/web")) == ["192.0.2.20"]
    assert addresses(core(namespace, "services", "inner")) == []


def _phase(api: Api, namespace: str, name: str) -> str:
    return str(api.get(core(namespace, "pods", name))["status"]["phase"])


def _await_phase(api: Api, namespace: str, name: str, phase: str) -> None:
    eventually(lambda: _phase(api, namespace, name) == phase)
