"""How to reach an API server: a kubeconfig's context, or the service account of a pod.

What is not done (auth-provider, which Kubernetes has removed) is refused by the field's name.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tiphys.adapters.kube.errors import KubeConfigError
from tiphys.model.cluster import ExecProvider, KubeContext

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REFUSED_USER_FIELDS = ("auth-provider", "as-user-extra")
_PROXIES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """Where an API server is and who we are to it. PEM parts are text, empty where not given.

    `token_file` is read again as the file changes, for mounted tokens are rotated. Of token,
    program and username the first one that is there counts. `acting_as` are headers that say for
    whom requests are made.
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
    username: str = ""
    password: str = field(default="", repr=False)
    exec_provider: ExecProvider | None = None
    proxy_url: str = field(default="", repr=False)
    acting_as: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.proxy_url and not self.proxy_url.startswith(_PROXIES):
            raise KubeConfigError(
                "proxy-url: only http and https proxies are supported by this version of Tiphys",
                field="proxy-url",
            )

    def ssl_context(self, certificate: tuple[str, str] | None = None) -> ssl.SSLContext | None:
        """None for plain http. `certificate` and its key stand in for the configured ones."""
        if not self.server.startswith("https://"):
            return None
        try:
            context = ssl.create_default_context(cadata=self.ca or None)
        except ssl.SSLError:
            raise KubeConfigError(
                "the certificate authority cannot be read", field="certificate-authority-data"
            ) from None
        # Private CAs of clusters often leave out what strict RFC 5280 checking asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        chosen = certificate or (self.client_certificate, self.client_key)
        if chosen[0]:
            _load_client_certificate(context, *chosen)
        return context


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        with _private_file(f"{certificate.rstrip()}\n{key}".encode()) as path:
            context.load_cert_chain(path)
    except ssl.SSLError as error:
        raise KubeConfigError(
            f"the client certificate or key cannot be read: {error.reason}",
            field="client-certificate-data",
        ) from None


@contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """A path to read it from: the ssl module reads certificates from files only.

    In memory where the system has that, so that no key reaches a disk; else a file that only we
    may read and that is gone right after.
    """
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("pem", os.MFD_CLOEXEC), "wb") as memory:
            memory.write(content)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile("wb", suffix=".pem") as pem:
            pem.write(content)
            pem.flush()
            yield pem.name


def load_kubeconfig(
    paths: Sequence[Path], context: str = "", *, cluster: str = "", user: str = ""
) -> KubeConfig:
    """The named context, or the current one, of merged kubeconfigs: the first to name wins.

    `cluster` and `user` stand in for those that the context names. Relative file names are
    relative to the kubeconfig that holds them.
    """
    current, clusters, users, contexts = _merged(paths)
    name = context or current
    if name in contexts:
        stands_in = {key: given for key, given in (("cluster", cluster), ("user", user)) if given}
        contexts = {**contexts, name: {**contexts[name], **stands_in}}
    return _resolve(name, clusters, users, contexts)


def list_contexts(paths: Sequence[Path]) -> Sequence[KubeContext]:
    """All contexts of merged kubeconfigs, by name."""
    current, clusters, _, contexts = _merged(paths)
    found = []
    for name in sorted(contexts):
        cluster = str(contexts[name].get("cluster") or "")
        server = str((clusters.get(cluster) or {}).get("server") or "")
        found.append(
            KubeContext(name=name, cluster=cluster, server=server, current=name == current)
        )
    return found


_Entries = dict[str, Mapping[str, Any]]


def _merged(paths: Sequence[Path]) -> tuple[str, _Entries, _Entries, _Entries]:
    """The current context, clusters, users and contexts."""
    clusters: dict[str, Mapping[str, Any]] = {}
    users: dict[str, Mapping[str, Any]] = {}
    contexts: dict[str, Mapping[str, Any]] = {}
    current = ""
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
    return current, clusters, users, contexts


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
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        exec_provider=_program(user, f"users[{user_name}].exec"),
        proxy_url=str(cluster.get("proxy-url") or ""),
        acting_as=acting_as(
            str(user.get("as") or ""), user.get("as-groups") or (), str(user.get("as-uid") or "")
        ),
    )


def acting_as(user: str, groups: Sequence[str] = (), uid: str = "") -> tuple[tuple[str, str], ...]:
    """The headers of a request in somebody else's name."""
    named = [("Impersonate-User", user)] if user else []
    named += [("Impersonate-Group", str(group)) for group in groups]
    return tuple(named + ([("Impersonate-Uid", uid)] if uid else []))


def _program(user: Mapping[str, Any], path: str) -> ExecProvider | None:
    body = user.get("exec")
    if not body:
        return None
    if body.get("interactiveMode") == "Always":
        raise KubeConfigError(
            f"{path}.interactiveMode Always is not supported by this version of Tiphys",
            field=f"{path}.interactiveMode",
        )
    command = str(body.get("command") or "")
    if not command:
        raise KubeConfigError(f"{path}.command is missing", field=f"{path}.command")
    if "/" in command:
        # As with all files that a kubeconfig names.
        command = str(user[""] / command)
    return ExecProvider(
        command=command,
        args=tuple(str(one) for one in body.get("args") or ()),
        env={str(one["name"]): str(one["value"]) for one in body.get("env") or ()},
        api_version=str(body.get("apiVersion") or ""),
        install_hint=str(body.get("installHint") or ""),
        cluster_info=bool(body.get("provideClusterInfo")),
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
