"""What Pods ask of nodes."""

from __future__ import annotations

from typing import Any

from tiphys.core.tree.requests import host_of, pod_requests


def container(cpu: str, memory: str = "0", **parts: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}, **parts}


def asked(**spec: Any) -> dict[str, int]:
    return dict(pod_requests({"spec": spec}))


def test_containers_together() -> None:
    assert asked(containers=[container("100m", "1Ki"), container("1"), {}]) == {
        "cpu": 1100,
        "memory": 1_024_000,
    }
    assert asked() == {"cpu": 0, "memory": 0}


def test_an_init_container_counts_where_it_asks_for_more() -> None:
    containers = [container("1")]
    assert asked(containers=containers, initContainers=[container("3")])["cpu"] == 3000
    assert asked(containers=containers, initContainers=[container("500m")])["cpu"] == 1000


def test_one_that_goes_on_counts_beside_both() -> None:
    stays = container("200m", restartPolicy="Always")
    assert asked(containers=[container("1")], initContainers=[stays])["cpu"] == 1200
    init = [stays, container("3")]
    assert asked(containers=[container("1")], initContainers=init)["cpu"] == 3200


def test_the_pod_itself_and_storage() -> None:
    disk = {"resources": {"requests": {"storage": "1", "cpu": "nonsense"}}}
    found = asked(containers=[disk], overhead={"cpu": "50m"})
    assert found == {"cpu": 50, "memory": 0, "storage": 1000}


def test_finished_pods_ask_for_nothing() -> None:
    for phase in ("Succeeded", "Failed"):
        pod = {"spec": {"containers": [container("1")]}, "status": {"phase": phase}}
        assert pod_requests(pod) == ()


def test_what_a_node_has() -> None:
    node = {
        "metadata": {"name": "n1", "labels": {"zone": "a"}},
        "status": {"capacity": {"cpu": "4", "memory": "1Ki"}, "nodeInfo": {"osImage": "x"}},
    }
    host = host_of(node)
    assert host.capacity == (("cpu", 4000), ("memory", 1_024_000))
    assert (host.system, host.labels) == ({"osImage": "x"}, {"zone": "a"})
    assert host_of({"metadata": {"name": "n1"}}).capacity == ()
