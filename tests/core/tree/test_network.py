"""What the tree tells of where objects are reached."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.tree.network import is_web, links, network_of
from tiphys.model.resource import key_of


def network(kind: str, version: str = "v1", **parts: Any) -> Any:
    metadata = {"name": "web", "namespace": "shop", **parts.pop("metadata", {})}
    manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}
    return network_of(key_of(manifest), manifest)


def test_most_objects_have_nothing_to_tell() -> None:
    assert network("ConfigMap") is None
    assert network("Pod") is None


def test_a_pod_has_its_labels() -> None:
    assert network("Pod", metadata={"labels": {"app": "web", "odd": 1}}) == {
        "labels": {"app": "web"}
    }


def test_a_service_leads_to_pods() -> None:
    balanced = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}, "odd", {"hostname": "lb"}]}}
    assert network("Service", spec={"selector": {"app": "web"}}, status=balanced) == {
        "targetLabels": {"app": "web"}
    }
    assert network("Service", spec={"type": "LoadBalancer"}, status=balanced) == {
        "ingress": [{"ip": "10.0.0.1"}, {"hostname": "lb"}]
    }


def ingress(**spec: Any) -> dict[str, Any]:
    backend = {"service": {"name": "web"}}
    paths = [
        {"path": "/", "backend": backend},
        {"path": "/api/*", "backend": {"serviceName": "api"}},
        {"backend": {"resource": {"kind": "Bucket"}}},
    ]
    return {
        "rules": [{"host": "shop.example.com", "http": {"paths": paths}}, {"host": "bare"}],
        "defaultBackend": backend,
        **spec,
    }


def test_an_ingress_has_urls_and_targets() -> None:
    found = network("Ingress", "networking.k8s.io/v1", spec=ingress())
    assert found == {
        "targetRefs": [
            {"kind": "Service", "namespace": "shop", "name": "web"},
            {"kind": "Service", "namespace": "shop", "name": "api"},
        ],
        "externalURLs": [
            "http://shop.example.com",
            "http://shop.example.com/",
            "http://shop.example.com/api/",
        ],
    }


def test_an_ingress_with_a_certificate_is_reached_by_https() -> None:
    spec = ingress(tls=[{"hosts": ["shop.example.com"], "secretName": "tls"}])
    found = network("Ingress", "extensions/v1beta1", spec=spec)
    assert found["externalURLs"][0] == "https://shop.example.com"


def test_an_ingress_without_a_host_is_where_its_balancer_is() -> None:
    spec = {"rules": [{"http": {"paths": [{"path": "/x"}]}}]}
    balanced = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    found = network("Ingress", "networking.k8s.io/v1", spec=spec, status=balanced)
    assert found == {"ingress": [{"ip": "10.0.0.1"}], "externalURLs": ["http://10.0.0.1/x"]}
    assert network("Ingress", "networking.k8s.io/v1", spec=spec) is None


def test_links_of_an_ingress_can_be_left_out() -> None:
    metadata = {
        "annotations": {
            "argocd.argoproj.io/ignore-default-links": "true",
            "link.argocd.argoproj.io/docs": "Docs|https://docs.example.com",
        }
    }
    found = network("Ingress", "networking.k8s.io/v1", metadata=metadata, spec=ingress())
    assert found["externalURLs"] == ["Docs|https://docs.example.com"]


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "Repo|javascript:fetch('x')",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//no.scheme",
        "https://",
        "https://[",
        "Title|",
        3,
    ],
)
def test_links_lead_to_pages_alone(value: Any) -> None:
    assert list(links({"link.argocd.argoproj.io/x": value})) == []
    assert not is_web(str(value))


def test_other_annotations_are_no_links() -> None:
    assert list(links({"x": "https://a.example"})) == []
    assert list(links({"link.argocd.argoproj.io/x": "https://a.example"})) == ["https://a.example"]


def test_istio() -> None:
    routes = [
        {"destination": {"host": "api"}},
        {"destination": {"host": "db.data.svc.cluster.local"}},
        {},
    ]
    found = network("VirtualService", "networking.istio.io/v1", spec={"http": [{"route": routes}]})
    assert found["targetRefs"] == [
        {"kind": "Service", "namespace": "shop", "name": "api"},
        {"kind": "Service", "namespace": "data", "name": "db"},
    ]
    selector = {"workloadSelector": {"labels": {"app": "web"}}}
    assert network("ServiceEntry", "networking.istio.io/v1", spec=selector) == {
        "targetLabels": {"app": "web"}
    }


def test_routes_of_the_gateway_api() -> None:
    spec = {
        "parentRefs": [{"name": "front", "namespace": "infra"}],
        "rules": [{"backendRefs": [{"name": "web"}, {"group": "x.io", "kind": "B", "name": "b"}]}],
    }
    found = network("HTTPRoute", "gateway.networking.k8s.io/v1", spec=spec)
    assert found["targetRefs"] == [
        {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "namespace": "infra",
            "name": "front",
        },
        {"kind": "Service", "namespace": "shop", "name": "web"},
        {"group": "x.io", "kind": "B", "namespace": "shop", "name": "b"},
    ]


def test_a_gateway() -> None:
    listeners = [
        {"protocol": "HTTP", "port": 80},
        {"protocol": "HTTPS", "port": 8443, "hostname": "shop.example.com"},
        {"protocol": "HTTPS", "port": 443, "hostname": "*.example.com"},
        {"protocol": "TCP", "port": 5},
    ]
    addresses = [{"value": "10.0.0.1"}, {"type": "Hostname", "value": "lb.example.com"}, {}]
    found = network(
        "Gateway",
        "gateway.networking.k8s.io/v1",
        spec={"listeners": listeners},
        status={"addresses": addresses},
    )
    assert found == {
        "ingress": [{"ip": "10.0.0.1"}, {"hostname": "lb.example.com"}],
        "externalURLs": ["http://10.0.0.1", "https://shop.example.com:8443"],
    }
    bare = {"listeners": [{"protocol": "HTTP", "port": 80}]}
    assert network("Gateway", "gateway.networking.k8s.io/v1", spec=bare) is None


def test_an_application_elsewhere() -> None:
    annotation = "argocd.argoproj.io/managed-by-url"
    version = "argoproj.io/v1alpha1"
    url = {"annotations": {annotation: "https://other.example.com"}}
    assert network("Application", version, metadata=url) == {
        "externalURLs": ["https://other.example.com"]
    }
    bad = {"annotations": {annotation: "javascript:x"}}
    assert network("Application", version, metadata=bad) is None


def test_what_is_oddly_shaped_says_nothing() -> None:
    assert network("Ingress", "networking.k8s.io/v1", spec={"rules": "x", "tls": 3}) is None
