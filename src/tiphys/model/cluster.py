"""A cluster that applications are deployed to, and how it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecProvider:
    """A program that prints an ExecCredential of client.authentication.k8s.io.

    `cluster_info`: it wants to be told which cluster it is for.
    """

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_version: str = "client.authentication.k8s.io/v1beta1"
    install_hint: str = ""
    cluster_info: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAuth:
    """EKS by an IAM role, asked of the program `argocd-k8s-auth aws` or `aws-iam-authenticator`."""

    cluster_name: str
    role_arn: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """The Secret's `config`. What is secret in it is never shown, not even by repr.

    Certificates and keys are PEM. `username` and `password` are for basic authentication.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    insecure: bool = False
    server_name: str = ""
    ca_data: bytes = b""
    cert_data: bytes = field(default=b"", repr=False)
    key_data: bytes = field(default=b"", repr=False)
    aws: AwsAuth | None = None
    exec_provider: ExecProvider | None = None
    disable_compression: bool = False
    proxy_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster Secret as values, or the cluster that Tiphys runs in.

    `namespaces` empty: the whole cluster; otherwise only these are managed, and cluster-scoped
    kinds only with `cluster_resources`. `shard` None: wherever. `project` empty: for all.
    `skipped`: the Secret asks that applications on it are left alone.
    """

    server: str
    name: str
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = False
    shard: int | None = None
    project: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    config: ClusterConfig = field(default_factory=ClusterConfig)
    secret: str = ""
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeContext:
    """A context of a kubeconfig."""

    name: str
    cluster: str
    server: str
    current: bool


class ConnectionStatus(StrEnum):
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How the connection fares; `since` is when it became so, RFC 3339, empty for Unknown."""

    status: ConnectionStatus = ConnectionStatus.UNKNOWN
    message: str = ""
    since: str = ""
