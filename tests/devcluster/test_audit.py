"""The audit log holds every answered request, so that tests can count them."""

from __future__ import annotations

import json
from typing import Any

from tests.devcluster.api import Api, eventually
from tiphys.adapters.devcluster import DevCluster


def events(cluster: DevCluster, agent: str) -> list[dict[str, Any]]:
    parsed = map(json.loads, cluster.audit_log.read_text().splitlines())
    return [event for event in parsed if event.get("userAgent") == agent]


def test_requests_are_counted_by_user_agent(devcluster: DevCluster, namespace: str) -> None:
    api = Api(devcluster, agent="counted/1.0")
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.create(path, {"metadata": {"name": "one"}, "data": {"key": "a value"}})
    api.merge(f"{path}/one", {"data": {"key": "another"}})
    api.get(f"{path}/one")
    api.get(path)
    api.delete(f"{path}/one")
    eventually(lambda: len(events(devcluster, "counted/1.0")) >= 5)
    found = events(devcluster, "counted/1.0")
    assert [event["verb"] for event in found] == ["create", "patch", "get", "list", "delete"]
    assert {event["stage"] for event in found} == {"ResponseComplete"}
    assert {event["user"]["username"] for event in found} == {"tiphys-admin"}
    assert found[0]["objectRef"] | {"uid": ""} == {
        "apiVersion": "v1",
        "name": "one",
        "namespace": namespace,
        "resource": "configmaps",
        "uid": "",
    }
    assert [event["responseStatus"]["code"] for event in found] == [201, 200, 200, 200, 200]


def test_no_content_is_logged(devcluster: DevCluster, namespace: str) -> None:
    api = Api(devcluster, agent="secretive/1.0")
    path = f"/api/v1/namespaces/{namespace}/secrets"
    api.create(path, {"metadata": {"name": "one"}, "stringData": {"key": "s3cr3t-of-the-audit"}})
    eventually(lambda: events(devcluster, "secretive/1.0"))
    text = devcluster.audit_log.read_text()
    assert "s3cr3t-of-the-audit" not in text
    assert "requestObject" not in text
    assert "responseObject" not in text


def test_components_name_themselves(devcluster: DevCluster) -> None:
    agents = {
        json.loads(line).get("userAgent", "").split(" ")[0]
        for line in devcluster.audit_log.read_text().splitlines()
    }
    assert {"kube-controller-manager/v1.36.3", "kube-scheduler/v1.36.3", "kwok/v0.8.0"} <= agents
