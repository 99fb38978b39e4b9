"""Cases of what is kept in Secrets and ConfigMaps: clusters, repositories, keys."""

from __future__ import annotations

from typing import Any

from tests.e2e.calls import base64_of
from tests.e2e.method_cases import IN_CLUSTER, Case
from tests.e2e.stack import NAMESPACE, Stack
from tiphys.model.errors import ApiCode


def _stored(stack: Stack, text: str) -> bool:
    """Whether a Secret of the control plane's says so."""
    wanted = base64_of(text.encode())
    return any(
        wanted in (secret.get("data") or {}).values()
        for secret in stack.kube.list("Secret", NAMESPACE)
    )


def clusters(server: str, config: dict[str, Any]) -> list[Case]:
    service = "cluster.ClusterService"
    cluster = {"server": server, "name": "calls-{p}", "config": config}
    by_server = {"id": {"value": server}}
    made = Case(f"{service}/Create", {"cluster": {**cluster, "name": "named-{p}"}})
    return [
        Case(f"{service}/List", {"server": IN_CLUSTER}),
        Case(f"{service}/Get", {"id": {"value": "in-cluster", "type": "name"}}),
        Case(f"{service}/Get", {"id": {"value": "missing"}}, ApiCode.PERMISSION_DENIED),
        Case(f"{service}/Create", {"cluster": cluster, "upsert": True},
             apart=("connectionState", "info"),
             effect=lambda stack, own: _stored(stack, f"calls-{own}")),
        Case(f"{service}/Update",
             {**by_server, "cluster": {"server": server, "name": "named-{p}"},
              "updatedFields": ["name"]}, apart=("connectionState", "info"),
             effect=lambda stack, own: _stored(stack, f"named-{own}")),
        Case(f"{service}/InvalidateCache", by_server, apart=("connectionState", "info")),
        Case(f"{service}/RotateAuth", by_server, ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/Delete", by_server, before=made,
             effect=lambda stack, own: not _stored(stack, f"named-{own}")),
        Case(f"{service}/Delete", {"id": {"value": "missing"}}, ApiCode.PERMISSION_DENIED),
    ]  # fmt: skip


HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def trusted() -> list[Case]:
    service = "certificate.CertificateService"
    host = "{p}.calls.example.com"
    given = {
        "serverName": host,
        "certType": "ssh",
        "certSubType": "ssh-ed25519",
        "certData": base64_of(HOST_KEY.encode()),
    }
    keys = "gpgkey.GPGKeyService"
    return [
        Case(f"{service}/CreateCertificate", {"certificates": {"items": [given]}},
             effect=lambda stack, own: f"{own}.calls" in _known_hosts(stack)),
        Case(f"{service}/ListCertificates", {"hostNamePattern": host}),
        Case(f"{service}/ListCertificates", {"hostNamePattern": "nobody"}),
        Case(f"{service}/DeleteCertificate",
             {"hostNamePattern": host, "certType": "ssh", "certSubType": "ssh-ed25519"},
             effect=lambda stack, own: f"{own}.calls" not in _known_hosts(stack)),
        Case(f"{keys}/List", {}),
        Case(f"{keys}/Get", {"keyID": "0123456789ABCDEF"}, ApiCode.UNKNOWN),
        Case(f"{keys}/Create", {"publickey": {"keyData": ""}}, ApiCode.UNKNOWN),
        Case(f"{keys}/Delete", {"keyID": "0123456789ABCDEF"}, ApiCode.UNKNOWN),
    ]  # fmt: skip


def _known_hosts(stack: Stack) -> str:
    found = stack.kube.get("ConfigMap", NAMESPACE, "argocd-ssh-known-hosts-cm") or {}
    return str((found.get("data") or {}).get("ssh_known_hosts", ""))


def repositories(url: str, app: str) -> list[Case]:
    service = "repository.RepositoryService"
    flat = "nowhere"
    write = ApiCode.UNIMPLEMENTED
    repo = {"repo": url, "name": "calls-{p}"}
    made = Case(f"{service}/CreateRepository", {"repo": {**repo, "name": "named-{p}"}})
    source = {"repoURL": url, "path": "app"}
    listed = {"repo": url, "appName": app, "appProject": "default"}
    return [
        Case(f"{service}/CreateRepository", {"repo": repo, "upsert": True},
             effect=lambda stack, own: _stored(stack, f"calls-{own}")),
        Case(f"{service}/Create", {"repo": repo, "upsert": True}),
        Case(f"{service}/CreateRepository", {}, ApiCode.INVALID_ARGUMENT),
        Case(f"{service}/UpdateRepository", {"repo": {**repo, "name": "named-{p}"}},
             effect=lambda stack, own: _stored(stack, f"named-{own}")),
        Case(f"{service}/Update", {"repo": {**repo, "name": "named-{p}"}}),
        Case(f"{service}/List", {}, apart=("connectionState",)),
        Case(f"{service}/ListRepositories", {}, apart=("connectionState",)),
        Case(f"{service}/Get", {"repo": url}, apart=("connectionState",)),
        Case(f"{service}/Get", {"repo": "https://missing.example.com"}, ApiCode.PERMISSION_DENIED),
        Case(f"{service}/ListRefs", {"repo": url}),
        Case(f"{service}/ListOCITags", {"repo": url}, ApiCode.UNKNOWN),
        Case(f"{service}/ListApps", listed),
        Case(f"{service}/GetAppDetails", {"source": source, "appName": app,
                                          "appProject": "default"}),
        Case(f"{service}/GetHelmCharts", {"repo": url}, ApiCode.UNKNOWN),
        # REST takes what is escaped in this path literally, so that no URL can stand there.
        Case(f"{service}/ValidateAccess", {"repo": url}, rest=False),
        Case(f"{service}/ValidateAccess", {"repo": flat}, ApiCode.UNKNOWN),
        Case(f"{service}/DeleteRepository", {"repo": url}, before=made,
             effect=lambda stack, own: not _stored(stack, f"named-{own}")),
        Case(f"{service}/Delete", {"repo": url}, ApiCode.PERMISSION_DENIED),
        Case(f"{service}/GetWrite", {"repo": flat}, write),
        Case(f"{service}/ListWriteRepositories", {}, write),
        Case(f"{service}/CreateWriteRepository", {"repo": {"repo": flat}}, write),
        Case(f"{service}/UpdateWriteRepository", {"repo": {"repo": flat}}, write),
        Case(f"{service}/DeleteWriteRepository", {"repo": flat}, write),
        Case(f"{service}/ValidateWriteAccess", {"repo": flat}, write),
        *_credentials(""),
        *_credentials("Write"),
    ]  # fmt: skip


def _credentials(write: str) -> list[Case]:
    """Those to read with, or to push with."""
    service = "repocreds.RepoCredsService"
    # Without a slash: the paths of updates take what is escaped literally.
    url = f"{{p}}{write.lower()}.calls.example.com"
    template = {"url": url, "username": "someone", "password": "secret-{p}"}
    made = Case(f"{service}/Create{write}RepositoryCredentials", {"creds": template})
    return [
        Case(f"{service}/Create{write}RepositoryCredentials", {"creds": template},
             effect=lambda stack, own: _stored(stack, url.replace("{p}", own))),
        Case(f"{service}/List{write}RepositoryCredentials", {}),
        Case(f"{service}/Update{write}RepositoryCredentials",
             {"creds": {**template, "username": "other-{p}"}},
             effect=lambda stack, own: _stored(stack, f"other-{own}")),
        Case(f"{service}/Delete{write}RepositoryCredentials", {"url": url}, before=made,
             effect=lambda stack, own: not _stored(stack, url.replace("{p}", own))),
        Case(f"{service}/Delete{write}RepositoryCredentials", {"url": "none.example.com"},
             ApiCode.NOT_FOUND),
    ]  # fmt: skip


def later() -> list[Case]:
    sets = "applicationset.ApplicationSetService"
    told = "notification.NotificationService"
    no = ApiCode.UNIMPLEMENTED
    return [
        Case(f"{sets}/Get", {"name": "a"}, no),
        Case(f"{sets}/Generate", {"applicationSet": {"metadata": {"name": "a"}}}, no),
        Case(f"{sets}/List", {}, no),
        Case(f"{sets}/Watch", {}, no),
        Case(f"{sets}/Create", {"applicationset": {"metadata": {"name": "a"}}}, no),
        Case(f"{sets}/Delete", {"name": "a"}, no),
        Case(f"{sets}/ResourceTree", {"name": "a"}, no),
        Case(f"{sets}/ListResourceEvents", {"name": "a"}, no),
        Case(f"{told}/ListTriggers", {}, no),
        Case(f"{told}/ListServices", {}, no),
        Case(f"{told}/ListTemplates", {}, no),
    ]
