"""What a request to an API server asks for, read from its path: for whoever counts requests."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.model.traffic import KubeRequest, KubeVerb

_VERBS = {
    "POST": KubeVerb.CREATE,
    "PUT": KubeVerb.UPDATE,
    "PATCH": KubeVerb.PATCH,
    "DELETE": KubeVerb.DELETE,
}


def describe(
    server: str,
    method: str,
    path: str,
    query: Mapping[str, str],
    *,
    code: int,
    seconds: float,
    sent: int = 0,
    received: int = 0,
) -> KubeRequest:
    """`/api/v1/namespaces/demo/pods/web` is a Get of pods in demo."""
    resource, namespace, name = _parts(path)
    return KubeRequest(
        server,
        method,
        _verb(method, resource, name, query),
        resource,
        namespace,
        code,
        seconds,
        sent=sent,
        received=received,
        dry_run="dryRun" in query,
    )


def _parts(path: str) -> tuple[str, str, str]:
    """Plural, namespace and name; empty where the path does not name them."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:] if parts[0] == "apis" else []
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    return (rest[0] if rest else ""), namespace, (rest[1] if len(rest) > 1 else "")


def _verb(method: str, resource: str, name: str, query: Mapping[str, str]) -> KubeVerb:
    if method != "GET":
        return _VERBS.get(method, KubeVerb.UNKNOWN)
    if "watch" in query:
        return KubeVerb.WATCH
    if not resource:
        return KubeVerb.UNKNOWN
    return KubeVerb.GET if name else KubeVerb.LIST
