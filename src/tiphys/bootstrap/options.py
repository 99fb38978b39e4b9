"""What a controller process is told when it is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.adapters.kube import KubeConfig, in_cluster_config, load_kubeconfig
from tiphys.bootstrap.access import with_access
from tiphys.cli.ports import KubeAccess
from tiphys.model.errors import TiphysError

if TYPE_CHECKING:
    from tiphys.adapters.redis import RedisOptions
    from tiphys.bootstrap.serverflags import Given


class OptionsError(TiphysError):
    """A flag names what cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the API server is reached that holds the Applications; empty means the usual.

    Without `kubeconfig`: KUBECONFIG, the ServiceAccount of the pod, or the one at home. `access`
    beats what a kubeconfig says.
    """

    kubeconfig: str = ""
    context: str = ""
    access: KubeAccess = field(default_factory=KubeAccess)

    def config(self, environment: Mapping[str, str]) -> KubeConfig:
        """Raises KubeConfigError and FatalError."""
        return with_access(self._base(environment), self.access)

    def _base(self, environment: Mapping[str, str]) -> KubeConfig:
        if self.kubeconfig:
            return self._load([Path(self.kubeconfig)])
        if self.access.server:
            return KubeConfig(self.access.server)
        if named := environment.get("KUBECONFIG", ""):
            return self._load([Path(part) for part in named.split(os.pathsep) if part])
        home = Path(environment.get("HOME", "")) / ".kube" / "config"
        if not environment.get("KUBERNETES_SERVICE_HOST") and home.is_file():
            return self._load([home])
        return in_cluster_config(environment)

    def _load(self, paths: list[Path]) -> KubeConfig:
        access = self.access
        return load_kubeconfig(paths, self.context, cluster=access.cluster, user=access.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderProcess:
    """Where the process is that renders: `host:port`. The files are in PEM form; those that are
    not there are what our own authority makes. `seconds` bounds a call.
    """

    address: str
    plaintext: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCache:
    """Where renders are kept beside the process that made them; `lifetime` in seconds."""

    redis: RedisOptions
    compress: bool = True
    lifetime: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerOptions:
    """`namespace` empty: the one that the connection names. `data` holds repositories.

    `general` and `params` are laid over the ConfigMaps. `events` are reasons, `all` or `none`.
    A metrics port that is `optional` may be taken by another process. With `api` the API is
    answered too, as those flags say. An API server elsewhere asks at the `live_address` for
    what is live; empty where none does.
    """

    connection: Connection
    namespace: str
    data: Path
    general: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ("all",)
    metrics_address: str = "127.0.0.1"
    metrics_port: int = 8082
    metrics_optional: bool = False
    observe: bool = False
    take_over: bool = False
    renders: RenderProcess | None = None
    cache: RedisCache | None = None
    api: Given | None = None
    live_address: str = ""
    live_port: int = 8085
