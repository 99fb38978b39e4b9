"""What the server fills in where that depends on other fields."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.diff.documents import schema_of
from tiphys.core.diff.defaults import following
from tiphys.core.diff.facts import default_of, home_of, unfilled_in

Json = dict[str, Any]
EVERYTHING = frozenset(
    {"apiGroup", "imagePullPolicy", "metrics", "policyTypes", "rollingUpdate", "type"}
)


def filled(name: str, **value: Any) -> Any:
    return following(name, value, EVERYTHING)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("registry.example.com:5000/web", "Always"),
        ("", "Always"),
        ("web:1", "IfNotPresent"),
        ("registry.example.com:5000/web:1", "IfNotPresent"),
        ("web@sha256:0", "IfNotPresent"),
    ],
)
def test_the_latest_image_is_pulled_always(image: str, policy: str) -> None:
    assert filled("Container", image=image) == {"imagePullPolicy": policy}
    assert filled("EphemeralContainer", image=image) == {"imagePullPolicy": policy}
    assert filled("Container", image=image, imagePullPolicy="Never") == {}


def test_a_network_policy_is_for_what_it_speaks_of() -> None:
    assert filled("NetworkPolicySpec") == {"policyTypes": ["Ingress"]}
    assert filled("NetworkPolicySpec", egress=[{}]) == {"policyTypes": ["Ingress", "Egress"]}
    assert filled("NetworkPolicySpec", policyTypes=["Egress"]) == {}


def test_an_autoscaler_looks_at_the_processor() -> None:
    (metric,) = filled("HorizontalPodAutoscalerSpec", metrics=[])["metrics"]
    assert metric["resource"]["name"] == "cpu"
    assert filled("HorizontalPodAutoscalerSpec", metrics=[{}]) == {}
    assert following("HorizontalPodAutoscalerSpec", {}, {"maxReplicas"}) == {}


@pytest.mark.parametrize(
    ("name", "value", "rolling"),
    [
        ("DeploymentStrategy", {}, {"maxSurge": "25%", "maxUnavailable": "25%"}),
        ("DeploymentStrategy", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
         {"maxSurge": 1, "maxUnavailable": "25%"}),
        ("DeploymentStrategy", {"type": "Recreate"}, None),
        ("DaemonSetUpdateStrategy", {"type": ""}, {"maxSurge": 0, "maxUnavailable": 1}),
        ("DaemonSetUpdateStrategy", {"type": "OnDelete"}, None),
        ("StatefulSetUpdateStrategy", {}, {"partition": 0}),
        ("StatefulSetUpdateStrategy", {"rollingUpdate": {"partition": 2}}, {"partition": 2}),
        ("StatefulSetUpdateStrategy", {"type": "RollingUpdate"}, None),
    ],
)  # fmt: skip
def test_bounds_of_rolling_updates(name: str, value: Json, rolling: Json | None) -> None:
    assert filled(name, **value).get("rollingUpdate") == rolling


def test_other_types_get_nothing() -> None:
    assert filled("PodSpec") == {}
    assert filled("Subject", kind="ServiceAccount") == {}


def test_packages_tell_types_of_one_name_apart() -> None:
    assert home_of("io.k8s.api.core.v1.EndpointPort") == "core.v1"
    assert default_of("core.v1", "EndpointPort.name") is None
    assert default_of("discovery.v1", "EndpointPort.name") == ""
    assert default_of("anything", "DeploymentSpec.replicas") == 1


def test_some_kinds_do_without_a_default() -> None:
    assert "PodSpec.enableServiceLinks" in unfilled_in("Deployment")
    assert "PodSpec.enableServiceLinks" not in unfilled_in("Pod")
    deployment = schema_of("Deployment").root.fields["spec"].type
    pod = deployment.fields["template"].type.fields["spec"].type
    assert pod.fields["enableServiceLinks"].default is None
    assert pod.fields["restartPolicy"].default == "Always"
