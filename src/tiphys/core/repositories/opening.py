"""From a record to the value that whoever reads the repository holds.

Which credentials count follows from what the record has: the first kind that is set wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tiphys.core.repositories.record import Record, shielded
from tiphys.core.source.url import normal_form
from tiphys.model.repository import (
    Anonymous,
    AzureServicePrincipal,
    AzureWorkloadIdentity,
    BasicLogin,
    BearerLogin,
    ClientCertificate,
    Credentials,
    CredentialTemplate,
    GitHubApp,
    GoogleServiceAccount,
    Proxy,
    Repository,
    RepositoryKind,
    SshKey,
    Trust,
)

_SSH_FORM = re.compile(r"(?P<scheme>ssh://)?(?P<user>[^/:]*?)@[^@]+")
_TOKEN_USER = "x-access-token"  # noqa: S105 - the name of a user
_WITH_CERTIFICATE = (BasicLogin, BearerLogin, GitHubApp)
_KINDS = frozenset(RepositoryKind)


def kind_of(record: Record) -> RepositoryKind | None:
    """None for a type that there is not."""
    if record.type:
        return RepositoryKind(record.type) if record.type in _KINDS else None
    return RepositoryKind.OCI if is_oci(record.url) else RepositoryKind.GIT


def is_oci(url: str) -> bool:
    return url.strip().lower().startswith("oci://")


def is_ssh(url: str) -> bool:
    return _SSH_FORM.fullmatch(url.strip()) is not None


def host_of(url: str) -> str:
    """The host without user and port, as certificates are known by; empty where there is none."""
    text = url.strip()
    if "://" not in text and is_ssh(text):
        return text.partition("@")[2].partition(":")[0].lower()
    authority = re.split(r"[/?#]", text.partition("://")[2] if "://" in text else text)[0]
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def opened(
    record: Record, kind: RepositoryKind, certificates: Mapping[str, str], known_hosts: str
) -> Repository:
    """`certificates` are PEM texts by host."""
    credentials = credentials_of(record, kind)
    return Repository(
        url=shielded(record.url.strip()),
        kind=kind,
        name=record.name,
        project=record.project,
        credentials=credentials,
        client_certificate=_client_certificate(record, kind, credentials),
        trust=_trust(record, kind, certificates, known_hosts),
        proxy=Proxy(record.proxy, record.no_proxy),
        oci=record.oci,
        plain_http=record.force_http,
        lfs=record.lfs,
        depth=max(record.depth, 0),
        inherited=record.inherited,
        warms=not record.cold,
    )


def template_of(
    record: Record, kind: RepositoryKind, certificates: Mapping[str, str], known_hosts: str
) -> CredentialTemplate:
    """The same for a template, which may serve a chart as well as a Git repository."""
    like = opened(record, kind, certificates, known_hosts)
    if record.certificate and record.certificate_key:
        certificate = ClientCertificate(record.certificate, record.certificate_key)
        like = replace(like, client_certificate=certificate)
    return CredentialTemplate(like)


def credentials_of(record: Record, kind: RepositoryKind) -> Credentials:
    if kind is RepositoryKind.GIT:
        return _git_credentials(record)
    if record.azure_workload:
        return AzureWorkloadIdentity()
    if record.username or record.password:
        return BasicLogin(record.username, record.password, record.force_basic)
    return Anonymous()


def _git_credentials(record: Record) -> Credentials:
    if record.bearer_token:
        return BearerLogin(record.bearer_token)
    if record.password:
        return BasicLogin(record.username or _TOKEN_USER, record.password, record.force_basic)
    if record.ssh_private_key:
        return SshKey(record.ssh_private_key)
    if record.github_key and record.github_app:
        return GitHubApp(
            record.github_app, record.github_key, record.github_installation, record.github_url
        )
    return _cloud_credentials(record)


def _cloud_credentials(record: Record) -> Credentials:
    if record.google_key:
        return GoogleServiceAccount(record.google_key)
    if record.azure_workload:
        return AzureWorkloadIdentity()
    if record.azure_tenant and record.azure_client and record.azure_secret:
        return AzureServicePrincipal(
            record.azure_tenant, record.azure_client, record.azure_secret, record.azure_endpoint
        )
    return Anonymous()


def _client_certificate(
    record: Record, kind: RepositoryKind, credentials: Credentials
) -> ClientCertificate | None:
    """Git gets one only beside a login."""
    if not (record.certificate and record.certificate_key):
        return None
    if kind is RepositoryKind.GIT and not isinstance(credentials, _WITH_CERTIFICATE):
        return None
    return ClientCertificate(record.certificate, record.certificate_key)


def _trust(
    record: Record, kind: RepositoryKind, certificates: Mapping[str, str], known_hosts: str
) -> Trust:
    """A URL without a scheme gets both: it is one of Git over ssh, or that of a registry."""
    git = kind is RepositoryKind.GIT
    scheme, separator, _ = record.url.strip().partition("://")
    by_scheme = bool(separator) and scheme.lower() == "ssh"
    over_ssh = git and (by_scheme or is_ssh(record.url))
    insecure = record.insecure
    if git:
        insecure = record.insecure or record.insecure_host_key or record.force_http
    return Trust(
        insecure=insecure,
        certificates="" if over_ssh else certificates.get(host_of(record.url), ""),
        known_hosts=known_hosts if git and (by_scheme or not separator) else "",
    )


def place_of(url: str, project: str) -> tuple[str, str]:
    """What a repository is looked up by."""
    return normal_form(url), project
