"""What a controller process is told when it is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tiphys.adapters.kube import KubeConfig, in_cluster_config, load_kubeconfig
from tiphys.model.errors import TiphysError


class OptionsError(TiphysError):
    """A flag names what cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the API server is reached that holds the Applications; empty means the usual.

    Without `kubeconfig`: KUBECONFIG, the ServiceAccount of the pod, or the one at home. The rest
    beats what a kubeconfig says. Names of files; `request_timeout` in seconds, 0 for the usual one.
    """

    kubeconfig: str = ""
    context: str = ""
    server: str = ""
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    token: str = field(default="", repr=False)
    tls_server_name: str = ""
    insecure: bool = False
    disable_compression: bool = False
    acting_as: str = ""
    request_timeout: float = 0.0

    def config(self, environment: Mapping[str, str]) -> KubeConfig:
        """Raises KubeConfigError and OptionsError."""
        base = self._base(environment)
        return replace(
            base,
            server=self.server.rstrip("/") or base.server,
            ca=_file(self.certificate_authority) or base.ca,
            client_certificate=_file(self.client_certificate) or base.client_certificate,
            client_key=_file(self.client_key) or base.client_key,
            token=self.token or base.token,
            token_file="" if self.token else base.token_file,
            tls_server_name=self.tls_server_name or base.tls_server_name,
            insecure=self.insecure or base.insecure,
            compression=base.compression and not self.disable_compression,
        )

    def _base(self, environment: Mapping[str, str]) -> KubeConfig:
        if self.kubeconfig:
            return load_kubeconfig([Path(self.kubeconfig)], self.context)
        if self.server:
            return KubeConfig(self.server)
        if named := environment.get("KUBECONFIG", ""):
            paths = [Path(part) for part in named.split(os.pathsep) if part]
            return load_kubeconfig(paths, self.context)
        home = Path(environment.get("HOME", "")) / ".kube" / "config"
        if not environment.get("KUBERNETES_SERVICE_HOST") and home.is_file():
            return load_kubeconfig([home], self.context)
        return in_cluster_config(environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerOptions:
    """`namespace` empty: the one that the connection names. `data` holds repositories.

    `general` and `params` are laid over the ConfigMaps. `events` are reasons, `all` or `none`.
    A metrics port that is `optional` may be taken by another process.
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


def _file(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        raise OptionsError(f"{path} cannot be read") from None
