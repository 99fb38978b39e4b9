"""Where a live object can be reached, and what it leads to, as the resource tree shows it.

The values have the contract's JSON shape. Objects are what somebody wrote, so that a part of an
unforeseen shape says nothing instead of ending the watch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tiphys.core.manifest.annotations import annotations_of
from tiphys.model.names import API_GROUP
from tiphys.model.resource import GroupKind, Manifest, ResourceKey

LINK_PREFIX: Final = "link.argocd.argoproj.io/"
_NO_LINKS: Final = "argocd.argoproj.io/ignore-default-links"
_MANAGED_BY: Final = "argocd.argoproj.io/managed-by-url"

Network = dict[str, Any]


def network_of(key: ResourceKey, manifest: Manifest) -> Network | None:
    """None where there is nothing to be told."""
    read = _READERS.get(key.group_kind)
    found = read(key, manifest) if read is not None else {}
    if annotations_of(manifest).get(_NO_LINKS) == "true":
        found.pop("externalURLs", None)
    urls = {*found.pop("externalURLs", ()), *links(annotations_of(manifest))}
    if urls:
        found["externalURLs"] = sorted(urls)
    shown = {name: value for name, value in found.items() if value}
    return shown or None


def links(annotations: Mapping[str, Any]) -> Iterator[str]:
    """The values of link annotations, with their titles, where they lead to a web page."""
    for name, value in annotations.items():
        if name.startswith(LINK_PREFIX) and isinstance(value, str):
            title, bar, url = value.partition("|")
            if is_web(url if bar else title):
                yield value


def is_web(url: str) -> bool:
    """Whether a browser may be sent there."""
    try:
        parts = urlsplit(url.strip())
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _pod(_: ResourceKey, manifest: Manifest) -> Network:
    return {"labels": _texts(_map(manifest, "metadata", "labels"))}


def _service(_: ResourceKey, manifest: Manifest) -> Network:
    spec = _map(manifest, "spec")
    ingress = _balancers(manifest) if spec.get("type") == "LoadBalancer" else []
    return {"targetLabels": _texts(_map(spec, "selector")), "ingress": ingress}


def _ingress(key: ResourceKey, manifest: Manifest) -> Network:
    spec = _map(manifest, "spec")
    balancers = _balancers(manifest)
    secure = any(one.get("secretName") for one in _maps(spec.get("tls")))
    scheme = "https" if secure else "http"
    targets = [_backend(key, _map(spec, name)) for name in ("backend", "defaultBackend")]
    urls = []
    first = balancers[0] if balancers else {}
    for rule in _maps(spec.get("rules")):
        host = rule.get("host") or first.get("hostname") or first.get("ip")
        for path in _maps(_map(rule, "http").get("paths")):
            targets.append(_backend(key, _map(path, "backend")))
            below = str(path.get("path") or "").removesuffix("*")
            if host and is_web(f"{scheme}://{host}{below}"):
                urls.append(f"{scheme}://{host}{below}")
    return {"targetRefs": _distinct(targets), "ingress": balancers, "externalURLs": urls}


def _backend(key: ResourceKey, backend: Mapping[str, Any]) -> Network | None:
    name = backend.get("serviceName") or _map(backend, "service").get("name")
    return _ref("", "Service", key.namespace, name)


def _virtual_service(key: ResourceKey, manifest: Manifest) -> Network:
    targets = []
    for http in _maps(_map(manifest, "spec").get("http")):
        for route in _maps(http.get("route")):
            host = str(_map(route, "destination").get("host") or "")
            name, *rest = host.split(".")
            targets.append(_ref("", "Service", rest[0] if rest else key.namespace, name))
    return {"targetRefs": _distinct(targets)}


def _service_entry(_: ResourceKey, manifest: Manifest) -> Network:
    selector = _map(manifest, "spec", "workloadSelector")
    return {"targetLabels": _texts(_map(selector, "labels"))}


def _route(key: ResourceKey, manifest: Manifest) -> Network:
    spec = _map(manifest, "spec")
    targets = [
        _gateway_ref(key, one, "Gateway", key.group) for one in _maps(spec.get("parentRefs"))
    ]
    for rule in _maps(spec.get("rules")):
        targets += [_gateway_ref(key, one, "Service", "") for one in _maps(rule.get("backendRefs"))]
    return {"targetRefs": _distinct(targets)}


def _gateway_ref(
    key: ResourceKey, reference: Mapping[str, Any], kind: str, group: str
) -> Network | None:
    namespace = str(reference.get("namespace") or key.namespace)
    group = str(reference["group"]) if reference.get("group") is not None else group
    return _ref(group, str(reference.get("kind") or kind), namespace, reference.get("name"))


def _gateway(_: ResourceKey, manifest: Manifest) -> Network:
    addresses = _maps(_map(manifest, "status").get("addresses"))
    ingress, urls = [], []
    for address in addresses:
        value = str(address.get("value") or "")
        name = "hostname" if address.get("type") == "Hostname" else "ip"
        if value:
            ingress.append({name: value})
    for listener in _maps(_map(manifest, "spec").get("listeners")):
        scheme = {"HTTP": "http", "HTTPS": "https"}.get(str(listener.get("protocol")))
        first = ingress[0] if ingress else {}
        host = str(listener.get("hostname") or first.get("hostname") or first.get("ip") or "")
        if scheme and host and "*" not in host:
            port = listener.get("port")
            usual = port in (None, {"http": 80, "https": 443}[scheme])
            urls.append(f"{scheme}://{host}" if usual else f"{scheme}://{host}:{port}")
    return {"ingress": ingress, "externalURLs": [url for url in urls if is_web(url)]}


def _application(_: ResourceKey, manifest: Manifest) -> Network:
    url = annotations_of(manifest).get(_MANAGED_BY)
    return {"externalURLs": [url] if isinstance(url, str) and is_web(url) else []}


_READERS: Final[Mapping[GroupKind, Callable[[ResourceKey, Manifest], Network]]] = {
    GroupKind("", "Pod"): _pod,
    GroupKind("", "Service"): _service,
    GroupKind("extensions", "Ingress"): _ingress,
    GroupKind("networking.k8s.io", "Ingress"): _ingress,
    GroupKind("networking.istio.io", "VirtualService"): _virtual_service,
    GroupKind("networking.istio.io", "ServiceEntry"): _service_entry,
    GroupKind("gateway.networking.k8s.io", "Gateway"): _gateway,
    **{
        GroupKind("gateway.networking.k8s.io", f"{kind}Route"): _route
        for kind in ("HTTP", "GRPC", "TCP", "TLS", "UDP")
    },
    GroupKind(API_GROUP, "Application"): _application,
}


def _ref(group: str, kind: str, namespace: str, name: Any) -> Network | None:
    if not isinstance(name, str) or not name:
        return None
    found = {"group": group, "kind": kind, "namespace": namespace, "name": name}
    return {field: value for field, value in found.items() if value}


def _balancers(manifest: Manifest) -> list[Network]:
    found = _map(manifest, "status", "loadBalancer").get("ingress")
    return [
        {name: one[name] for name in ("ip", "hostname") if isinstance(one.get(name), str)}
        for one in _maps(found)
    ]


def _distinct(targets: Iterable[Network | None]) -> list[Network]:
    found: list[Network] = []
    for target in targets:
        if target is not None and target not in found:
            found.append(target)
    return found


def _map(value: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The mapping that the names lead to; empty where there is none."""
    for name in names:
        below = value.get(name)
        if not isinstance(below, Mapping):
            return {}
        value = below
    return value


def _maps(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in value if isinstance(value, list | tuple) else ():
        if isinstance(one, Mapping):
            yield one


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in value.items() if isinstance(text, str)}
