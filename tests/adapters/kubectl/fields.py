"""The fields of built-in kinds that generated objects have, each with values to choose from.

A value is a constant, or a function of the random numbers for what has many forms. None leaves
the field out. Only fields that the API server lets change are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

Choice = Any
Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """`base` is what every object has, `fields` are paths with their choices."""

    api_version: str
    kind: str
    base: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    weight: int = 1


Part = Callable[[Random], Any]


def some(random: Random, pool: Mapping[str, Sequence[Choice]]) -> Json:
    """An object with some of the fields."""
    chosen = {name: chosen_of(random, values) for name, values in pool.items()}
    return {name: value for name, value in chosen.items() if value is not None}


def chosen_of(random: Random, values: Sequence[Choice]) -> Any:
    value = random.choice(values)
    return value(random) if callable(value) else value


def listed(pool: Sequence[Any], most: int) -> Part:
    """A list of some of the pool, in any order."""

    def make(random: Random) -> Any:
        items = random.sample(list(pool), random.randint(0, most))
        return [item(random) if callable(item) else item for item in items]

    return make


def mapped(pool: Mapping[str, Sequence[Any]]) -> Part:
    return lambda random: some(random, pool)


LABELS = mapped({"a": [None, "1", "2"], "b": [None, "1"], "x.io/c": [None, "", "3"]})
# One spelling for each value: kubectl shows, and writes, that a quantity is spelled otherwise.
QUANTITIES = mapped({"cpu": [None, "100m", "1"], "memory": [None, "64Mi", "1Gi"]})
PROBE = mapped(
    {"httpGet": [{"port": 80}, {"port": "http", "path": "/healthz", "scheme": "HTTP"}],
     "periodSeconds": [None, 0, 10, 20], "timeoutSeconds": [None, 1, 5],
     "failureThreshold": [None, 3, 6]}
)  # fmt: skip


def env(name: str) -> Part:
    def make(random: Random) -> Any:
        value = random.choice(["", "1", "a=b", None])
        if value is None:
            return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        return {"name": name, "value": value}

    return make


def container(name: str) -> Part:
    return lambda random: {"name": name, **some(random, CONTAINER)}


def init(name: str) -> Part:
    """A container that runs before the others, which may not be probed."""
    fields = {path: values for path, values in CONTAINER.items() if path != "livenessProbe"}
    return lambda random: {"name": name, **some(random, fields)}


CONTAINER: Mapping[str, Sequence[Choice]] = {
    "image": ["registry.example.com/web:1", "registry.example.com/web", "other:2"],
    "imagePullPolicy": [None, None, "", "Always", "IfNotPresent"],
    "command": [None, ["sh"], ["sh", "-c"]],
    "args": [None, [], ["a"], ["b", "a"]],
    "env": [None, listed([env("A"), env("B"), env("C")], 3)],
    "ports": [
        None,
        [{"containerPort": 80}],
        [{"containerPort": 80, "name": "http"}, {"containerPort": 443, "protocol": "TCP"}],
        [{"containerPort": 443}, {"containerPort": 80, "protocol": "TCP"}],
    ],
    "resources": [None, {}, mapped({"limits": [None, QUANTITIES]})],
    "livenessProbe": [None, PROBE],
    "stdin": [None, False, True],
    "terminationMessagePolicy": [None, "File", "FallbackToLogsOnError"],
    "securityContext": [None, {}, {"runAsUser": 0}, {"privileged": False}],
    "workingDir": [None, "", "/tmp"],  # noqa: S108 - a text in a manifest
}


def volume(name: str) -> Part:
    sources: Sequence[Json] = (
        {"emptyDir": {}},
        {"emptyDir": {"sizeLimit": "1Gi"}},
        {"configMap": {"name": "c"}},
        {"configMap": {"name": "c", "items": [{"key": "a", "path": "b"}], "defaultMode": 420}},
        {"secret": {"secretName": "s", "optional": False}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"hostPath": {"path": "/x", "type": ""}},
    )
    return lambda random: {"name": name, **random.choice(sources)}


def containers(random: Random) -> Any:
    names = random.sample(["a", "b", "c"], random.randint(1, 3))
    return [container(name)(random) for name in names]


POD: Mapping[str, Sequence[Choice]] = {
    "containers": [containers],
    "initContainers": [None, None, listed([init("i"), init("j")], 2)],
    "volumes": [None, listed([volume("v"), volume("w"), volume("u")], 3)],
    "nodeSelector": [None, {}, {"a": "1"}, {"b": "1"}],
    "tolerations": [
        None, [{"key": "a", "operator": "Exists"}],
        [{"key": "b", "value": "1", "effect": "NoSchedule"}, {"operator": "Exists"}],
    ],
    "terminationGracePeriodSeconds": [None, 30, 0, 5],
    # It is never removed: kubectl brings it back from its old name, which we do not.
    "serviceAccountName": ["api", "web"],
    "dnsPolicy": [None, "", "ClusterFirst", "Default"],
    "hostNetwork": [None, False],
    "enableServiceLinks": [None, True, False],
    "securityContext": [None, {}, {"fsGroup": 1}, {"runAsNonRoot": True, "runAsUser": 1}],
    "hostAliases": [None, [{"ip": "1.2.3.4", "hostnames": ["a"]}]],
    "imagePullSecrets": [None, [{"name": "a"}], [{"name": "b"}, {"name": "a"}]],
    "topologySpreadConstraints": [
        None,
        [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
        [{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
         {"maxSkew": 1, "topologyKey": "host", "whenUnsatisfiable": "ScheduleAnyway"}],
    ],
    "affinity": [
        None, {},
        {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}},
        {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "zone"}}]}},
    ],
}  # fmt: skip


def template(prefix: str = "spec.template", **without: Any) -> dict[str, Sequence[Choice]]:
    fields = {f"{prefix}.spec.{name}": values for name, values in POD.items()}
    return {**fields, f"{prefix}.metadata.annotations": [None, {}, LABELS], **without}


APP = {"matchLabels": {"app": "x"}}
WORKLOAD: Json = {"selector": APP, "template": {"metadata": {"labels": {"app": "x"}}}}
CLAIM: Json = {"metadata": {"name": "data"}, "spec": {
    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}  # fmt: skip
UPDATES = [None, {}, {"type": "RollingUpdate"}, {"type": "OnDelete"}]


def service_ports(random: Random) -> Any:
    pool = [{"name": "http", "port": 80}, {"name": "https", "port": 443, "targetPort": 8443},
            {"name": "dns", "port": 53, "protocol": "UDP"},
            {"name": "grpc", "port": 90, "appProtocol": "grpc", "targetPort": "grpc"}]  # fmt: skip
    return random.sample(pool, random.randint(1, 3))


def rules(random: Random) -> Any:
    pool = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"],
             "verbs": ["get"]}]  # fmt: skip
    return random.sample(pool, random.randint(0, 3))


def subjects(random: Random) -> Any:
    group = "rbac.authorization.k8s.io"
    pool: list[Json] = [
        {"kind": "User", "name": "jane"},
        {"kind": "User", "name": "jane", "apiGroup": group},
        {"kind": "ServiceAccount", "name": "web", "namespace": "default"},
        {"kind": "Group", "name": "ops", "apiGroup": group}]  # fmt: skip
    return random.sample(pool, random.randint(0, 2))


def backend(name: str, port: int | str) -> Json:
    at = {"number": port} if isinstance(port, int) else {"name": port}
    return {"service": {"name": name, "port": at}}


def path(route: str, name: str) -> Json:
    return {"path": route, "pathType": "Prefix", "backend": backend(name, 80)}
