"""Cluster Secrets as values, and which cluster a destination means.

What cannot be read is said with the names of the Secret and its key, never with a value.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tiphys.model.appspec import ApplicationDestination
from tiphys.model.cluster import AwsAuth, Cluster, ClusterConfig, ExecProvider
from tiphys.model.errors import DestinationError, SettingsError
from tiphys.model.names import (
    ANNOTATION_LAST_APPLIED,
    ANNOTATION_SKIP_RECONCILE,
    IN_CLUSTER_NAME,
    IN_CLUSTER_SERVER,
    LABEL_SECRET_TYPE,
)
from tiphys.model.resource import Manifest, ResourceKey

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_ANNOTATION_MANAGED_BY = "managed-by"
_HIDDEN_ANNOTATIONS = frozenset({_ANNOTATION_MANAGED_BY, ANNOTATION_LAST_APPLIED})
_LONGEST_NUMBER = 9

IN_CLUSTER = Cluster(server=IN_CLUSTER_SERVER, name=IN_CLUSTER_NAME)
"""The cluster that Tiphys runs in, where no Secret says more of it."""


@dataclass(frozen=True, slots=True)
class BrokenCluster:
    """A cluster Secret that cannot be used. `server` and `name` are empty where unreadable."""

    secret: str
    server: str
    name: str
    problem: str


def is_cluster_secret(manifest: Manifest) -> bool:
    return (manifest["metadata"].get("labels") or {}).get(LABEL_SECRET_TYPE) == "cluster"


def normal_server(server: str) -> str:
    return server.strip().rstrip("/")


def read_cluster(secret: Manifest) -> Cluster | BrokenCluster:
    """What a cluster Secret says, or what is wrong with it."""
    name = str(secret["metadata"]["name"])
    try:
        return cluster_of(secret)
    except SettingsError as error:
        known = {}
        for key in ("server", "name"):
            try:
                known[key] = _Data(secret).text(key)
            except SettingsError:
                known[key] = ""
        server = normal_server(known["server"])
        return BrokenCluster(name, server, known["name"] or server, str(error))


def cluster_of(secret: Manifest) -> Cluster:
    """Raises SettingsError naming the Secret and its key."""
    metadata = secret["metadata"]
    data = _Data(secret)
    server = normal_server(data.text("server"))
    if not server:
        raise data.error("server", "is missing")
    labels = dict(metadata.get("labels") or {})
    labels.pop(LABEL_SECRET_TYPE, None)
    annotations = dict(metadata.get("annotations") or {})
    return Cluster(
        server=server,
        name=data.text("name") or server,
        namespaces=tuple(
            part for one in data.text("namespaces").split(",") if (part := one.strip())
        ),
        cluster_resources=data.text("clusterResources") == "true",
        shard=data.number("shard"),
        project=data.text("project"),
        labels=labels,
        annotations={k: v for k, v in annotations.items() if k not in _HIDDEN_ANNOTATIONS},
        config=_config(data),
        secret=str(metadata["name"]),
        skipped=annotations.get(ANNOTATION_SKIP_RECONCILE, "") in _TRUE,
    )


class _Data:
    """The Secret's data, decoded key by key."""

    def __init__(self, secret: Manifest) -> None:
        self._name = str(secret["metadata"]["name"])
        self._data: Mapping[str, Any] = secret.get("data") or {}

    def error(self, key: str, problem: str) -> SettingsError:
        return SettingsError(f"Secret {self._name}: {key} {problem}", key=key)

    def text(self, key: str) -> str:
        try:
            return base64.b64decode(str(self._data.get(key) or ""), validate=True).decode().strip()
        except (binascii.Error, UnicodeDecodeError):
            raise self.error(key, "cannot be read") from None

    def number(self, key: str) -> int | None:
        text = self.text(key)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
            raise self.error(key, "is not a whole number")
        return int(text)


def _config(data: _Data) -> ClusterConfig:
    text = data.text("config")
    try:
        parsed = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise data.error("config", "is not JSON") from None
    return _Config(data, parsed, "config").read()


class _Config:
    """A JSON object of the Secret; `path` is where it stands."""

    def __init__(self, data: _Data, body: Any, path: str) -> None:
        if not isinstance(body, dict):
            raise data.error(path, "is not an object")
        self._data = data
        self._body: Mapping[str, Any] = body
        self._path = path

    def read(self) -> ClusterConfig:
        tls = self.part("tlsClientConfig") or _Config(self._data, {}, self._path)
        config = ClusterConfig(
            username=self.text("username"),
            password=self.text("password"),
            bearer_token=self.text("bearerToken"),
            insecure=tls.flag("insecure"),
            server_name=tls.text("serverName"),
            ca_data=tls.pem("caData"),
            cert_data=tls.pem("certData"),
            key_data=tls.pem("keyData"),
            aws=self._aws(),
            exec_provider=self._exec(),
            disable_compression=self.flag("disableCompression"),
            proxy_url=self.text("proxyUrl"),
        )
        if config.insecure and config.ca_data:
            raise tls.error("insecure", "cannot be true beside caData")
        if bool(config.cert_data) != bool(config.key_data):
            raise tls.error("certData", "and keyData belong together")
        return config

    def _aws(self) -> AwsAuth | None:
        part = self.part("awsAuthConfig")
        if part is None:
            return None
        return AwsAuth(
            cluster_name=part.text("clusterName"),
            role_arn=part.text("roleARN"),
            profile=part.text("profile"),
        )

    def _exec(self) -> ExecProvider | None:
        part = self.part("execProviderConfig")
        if part is None:
            return None
        command = part.text("command")
        if not command:
            raise part.error("command", "is missing")
        return ExecProvider(
            command=command,
            args=part.texts("args"),
            env=part.pairs("env"),
            api_version=part.text("apiVersion") or ExecProvider(command="").api_version,
            install_hint=part.text("installHint"),
        )

    def error(self, key: str, problem: str) -> SettingsError:
        return self._data.error(f"{self._path}.{key}", problem)

    def part(self, key: str) -> _Config | None:
        body = self._body.get(key)
        return None if body is None else _Config(self._data, body, f"{self._path}.{key}")

    def text(self, key: str) -> str:
        value = self._body.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(key, "is not a text")
        return value

    def flag(self, key: str) -> bool:
        value = self._body.get(key, False)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.error(key, "is neither true nor false")
        return value

    def pem(self, key: str) -> bytes:
        try:
            return base64.b64decode(self.text(key), validate=True)
        except (binascii.Error, ValueError):
            raise self.error(key, "is not base64") from None

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._body.get(key) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.error(key, "is not a list of texts")
        return tuple(value)

    def pairs(self, key: str) -> Mapping[str, str]:
        value = self._body.get(key) or {}
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise self.error(key, "is not an object of texts")
        return value


@dataclass(frozen=True)
class ClusterTable:
    """The clusters that are known, found by server and by name."""

    by_server: Mapping[str, Cluster | BrokenCluster] = field(default_factory=dict)
    by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    in_cluster: bool = True

    @classmethod
    def of(
        cls, secrets: Iterable[Cluster | BrokenCluster], *, in_cluster: bool = True
    ) -> ClusterTable:
        """Of several Secrets for one server the first by name holds.

        `in_cluster`: whether the cluster that Tiphys runs in is a destination.
        """
        servers: dict[str, Cluster | BrokenCluster] = {}
        for one in sorted(secrets, key=lambda found: found.secret):
            if one.server and (in_cluster or one.server != IN_CLUSTER_SERVER):
                servers.setdefault(one.server, one)
        if in_cluster:
            servers.setdefault(IN_CLUSTER_SERVER, IN_CLUSTER)
        names: dict[str, set[str]] = {}
        for one in servers.values():
            names.setdefault(one.name, set()).add(one.server)
        if in_cluster:
            # It keeps its usual name where a Secret gives it another.
            names.setdefault(IN_CLUSTER_NAME, set()).add(IN_CLUSTER_SERVER)
        by_name = {name: tuple(sorted(found)) for name, found in names.items()}
        return cls(servers, by_name, in_cluster)

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Those that can be used, by server."""
        found = (self.by_server[server] for server in sorted(self.by_server))
        return tuple(one for one in found if isinstance(one, Cluster))

    def resolve(self, destination: ApplicationDestination) -> Cluster:
        """Raises DestinationError with the contract's text."""
        server, name = destination.server, destination.name
        if server and name:
            raise DestinationError(
                f"application destination can't have both name and server defined: {name} {server}"
            )
        if name:
            server = self._named(name)
        if not server:
            raise DestinationError("Destination server missing from app spec")
        return self._at(server)

    def _named(self, name: str) -> str:
        servers = self.by_name.get(name, ())
        if not servers:
            raise DestinationError(f"there are no clusters with this name: {name}")
        if len(servers) > 1:
            raise DestinationError(
                f"there are {len(servers)} clusters with the same name: [{' '.join(servers)}]",
                exists=True,
            )
        return servers[0]

    def _at(self, server: str) -> Cluster:
        asked = normal_server(server)
        found = self.by_server.get(asked)
        if isinstance(found, Cluster):
            return found
        if found is not None:
            problem = found.problem
        elif asked == IN_CLUSTER_SERVER:
            problem = f'rpc error: code = NotFound desc = cluster "{server}" is disabled'
        else:
            problem = f'rpc error: code = NotFound desc = cluster "{server}" not found'
        text = f'error getting cluster by server "{server}": {problem}'
        raise DestinationError(text, exists=found is not None)


def not_managed(cluster: Cluster, key: ResourceKey, *, namespaced: bool) -> str:
    """Why an object is out of bounds on a cluster of which only some namespaces are managed."""
    if not cluster.namespaces:
        return ""
    if not namespaced:
        if cluster.cluster_resources:
            return ""
        return f'cluster level {key.kind} "{key.name}" can not be managed when in namespaced mode'
    if key.namespace in cluster.namespaces:
        return ""
    return f'namespace "{key.namespace}" for {key.kind} "{key.name}" is not managed'
