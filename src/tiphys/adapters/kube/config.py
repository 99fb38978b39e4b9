"""How to reach an API server: a kubeconfig's context, or the service account of a pod.

Everything that starts a program or takes another way to the server (exec, auth-provider,
proxy-url) is refused by the field's name, for a kubeconfig may come from elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tiphys.adapters.kube.errors import KubeConfigError

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REFUSED_USER_FIELDS = (
    "exec",
    "auth-provider",
    "username",
    "password",
    "as",
    "as-uid",
    "as-groups",
    "as-user-extra",
)
_REFUSED_CLUSTER_FIELDS = ("proxy-url",)


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """Where an API server is and who we are to it. PEM parts are text, empty where not given.

    `token_file` is read again as the file changes, for mounted tokens are rotated.
    """

    server: str
    namespace: str = ""
    context: str = ""
    ca: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    insecure: bool = False
    tls_server_name: str = ""
    compression: bool = True

    def ssl_context(self) -> ssl.SSLContext | None:
        """None for plain http."""
        if not self.server.startswith("https://"):
            return None
        context = ssl.create_default_context(cadata=self.ca or None)
        # Private CAs of clusters often leave out what strict RFC 5280 checking asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate:
            self._load_client_certificate(context)
        return context

    def _load_client_certificate(self, context: ssl.SSLContext) -> None:
        # The ssl module reads certificates from files only: mode 0600, gone right after.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
            pem.write(f"{self.client_certificate.rstrip()}\n{self.client_key}")
            pem.flush()
            try:
                context.load_cert_chain(pem.name)
            except ssl.SSLError as error:
                raise KubeConfigError(
                    f"the client certificate or key cannot be read: {error.reason}",
                    field="client-certificate-data",
                ) from None


def load_kubeconfig(paths: Sequence[Path], context: str = "") -> KubeConfig:
    """The named context, or the current one, of merged kubeconfigs: the first to name wins.

    Relative file names are relative to the kubeconfig that holds them.
    """
    clusters: dict[str, Mapping[str, Any]] = {}
    users: dict[str, Mapping[str, Any]] = {}
    contexts: dict[str, Mapping[str, Any]] = {}
    current = context
    read = [path for path in paths if path.exists()]
    if not read:
        raise KubeConfigError(f"no kubeconfig at {', '.join(map(str, paths)) or 'any path'}")
    for path in read:
        document = _read_yaml(path)
        current = current or str(document.get("current-context") or "")
        for target, plural, singular in (
            (clusters, "clusters", "cluster"),
            (users, "users", "user"),
            (contexts, "contexts", "context"),
        ):
            for entry in document.get(plural) or ():
                body = entry.get(singular) or {}
                target.setdefault(str(entry.get("name")), {**body, "": path.parent})
    return _resolve(current, clusters, users, contexts)


def in_cluster_config(
    environ: Mapping[str, str], service_account: Path = _SERVICE_ACCOUNT
) -> KubeConfig:
    """The service account that Kubernetes mounts into a pod."""
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    token = service_account / "token"
    if not host or not token.exists():
        raise KubeConfigError("not in a pod with a service account, and no kubeconfig is named")
    namespace = service_account / "namespace"
    return KubeConfig(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace.read_text().strip() if namespace.exists() else "",
        ca=(service_account / "ca.crt").read_text(),
        token_file=str(token),
    )


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text()) or {}
    except (yaml.YAMLError, OSError, UnicodeDecodeError):
        # The parser's text may quote the line, and the line may hold a token.
        raise KubeConfigError(f"{path}: not a readable kubeconfig") from None
    if not isinstance(document, dict):
        raise KubeConfigError(f"{path}: not a kubeconfig")
    return document


def _resolve(
    name: str,
    clusters: Mapping[str, Mapping[str, Any]],
    users: Mapping[str, Mapping[str, Any]],
    contexts: Mapping[str, Mapping[str, Any]],
) -> KubeConfig:
    if not name:
        raise KubeConfigError("the kubeconfig has no current context", field="current-context")
    context = contexts.get(name)
    if context is None:
        raise KubeConfigError(f"context {name} does not exist in kubeconfig", field="contexts")
    cluster_name = str(context.get("cluster") or "")
    user_name = str(context.get("user") or "")
    cluster = clusters.get(cluster_name)
    if cluster is None or not cluster.get("server"):
        raise KubeConfigError(
            f"cluster {cluster_name} of context {name} has no server", field="clusters"
        )
    user = users.get(user_name)
    if user is None and user_name:
        raise KubeConfigError(
            f"user {user_name} of context {name} does not exist in kubeconfig", field="users"
        )
    user = user or {}
    _refuse(cluster, f"clusters[{cluster_name}]", _REFUSED_CLUSTER_FIELDS)
    _refuse(user, f"users[{user_name}]", _REFUSED_USER_FIELDS)
    token_file = str(user.get("tokenFile") or "")
    return KubeConfig(
        server=str(cluster["server"]).rstrip("/"),
        namespace=str(context.get("namespace") or ""),
        context=name,
        ca=_pem(cluster, "certificate-authority"),
        client_certificate=_pem(user, "client-certificate"),
        client_key=_pem(user, "client-key"),
        token="" if token_file else str(user.get("token") or ""),
        token_file=str(user[""] / token_file) if token_file else "",
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        compression=not cluster.get("disable-compression"),
    )


def _refuse(entry: Mapping[str, Any], path: str, names: Sequence[str]) -> None:
    for name in names:
        if entry.get(name):
            raise KubeConfigError(
                f"{path}.{name} of the kubeconfig is not supported by this version of Tiphys",
                field=f"{path}.{name}",
            )


def _pem(entry: Mapping[str, Any], name: str) -> str:
    """`<name>-data`, in base64, else the content of the file `<name>`."""
    data = entry.get(f"{name}-data")
    try:
        if data:
            return base64.b64decode(str(data), validate=True).decode()
        if entry.get(name):
            return Path(entry[""] / str(entry[name])).read_text()
    except (binascii.Error, UnicodeDecodeError, OSError):
        raise KubeConfigError(f"{name} of the kubeconfig cannot be read", field=name) from None
    return ""
