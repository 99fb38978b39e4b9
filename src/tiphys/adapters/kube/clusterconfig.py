"""From what a cluster Secret says to how its API server is reached."""

from __future__ import annotations

import shutil

from tiphys.adapters.kube.config import KubeConfig
from tiphys.adapters.kube.errors import KubeConfigError
from tiphys.model.cluster import AwsAuth, Cluster, ExecProvider

_AWS_API = "client.authentication.k8s.io/v1beta1"


def cluster_config(cluster: Cluster) -> KubeConfig:
    """Raises KubeConfigError naming the Secret and its key."""
    config = cluster.config
    program = config.exec_provider
    if config.aws is not None:
        program = aws_program(config.aws)
    try:
        return KubeConfig(
            server=cluster.server,
            context=cluster.name,
            ca=_pem("caData", config.ca_data),
            client_certificate=_pem("certData", config.cert_data),
            client_key=_pem("keyData", config.key_data),
            token=config.bearer_token,
            insecure=config.insecure,
            tls_server_name=config.server_name,
            compression=not config.disable_compression,
            username=config.username,
            password=config.password,
            exec_provider=program,
            proxy_url=config.proxy_url,
        )
    except KubeConfigError as error:
        raise KubeConfigError(f"Secret {cluster.secret}: {error}", field=error.field) from None


def aws_program(aws: AwsAuth) -> ExecProvider:
    """The contract's own program where it is installed, else the one that EKS is known by."""
    if shutil.which("argocd-k8s-auth") is None and shutil.which("aws-iam-authenticator"):
        role = ("-r", aws.role_arn) if aws.role_arn else ()
        return ExecProvider(
            command="aws-iam-authenticator",
            args=("token", "-i", aws.cluster_name, *role),
            env={"AWS_PROFILE": aws.profile} if aws.profile else {},
            api_version=_AWS_API,
        )
    role = ("--role-arn", aws.role_arn) if aws.role_arn else ()
    profile = ("--profile", aws.profile) if aws.profile else ()
    return ExecProvider(
        command="argocd-k8s-auth",
        args=("aws", "--cluster-name", aws.cluster_name, *role, *profile),
        api_version=_AWS_API,
        install_hint="it has to be installed where Tiphys runs, or aws-iam-authenticator",
    )


def _pem(key: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        path = f"config.tlsClientConfig.{key}"
        raise KubeConfigError(f"{path} is not PEM", field=path) from None
