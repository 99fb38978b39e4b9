"""What can be said of a cluster: for `cluster add` and `admin cluster generate-spec`."""

from __future__ import annotations

from dataclasses import replace

from tiphys.cli.cluster.session import listed_pairs, pairs
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, text, texts, yes
from tiphys.model.cluster import AwsAuth, Cluster, ClusterConfig, ExecProvider
from tiphys.model.names import IN_CLUSTER_SERVER
from tiphys.services.clusters.target import ClusterTarget

ENDPOINTS = ("", "kubeconfig", "kube-public", "internal")

DESCRIPTION = (
    texts("annotation", "Annotate the cluster's Secret, key=value; may be repeated"),
    text("aws-cluster-name", "Log in to EKS: the name of the cluster there"),
    text("aws-profile", "Log in to EKS with this profile"),
    text("aws-role-arn", "Log in to EKS in this role"),
    text("cluster-endpoint", "Which address is stored: kubeconfig, kube-public or internal"),
    yes("cluster-resources", "Manage cluster-scoped kinds beside the namespaces that are named"),
    yes("disable-compression", "Do not ask the API server to compress"),
    text("exec-command", "A program that prints the credentials for the cluster"),
    text("exec-command-api-version", "The version of ExecCredential that it prints"),
    texts("exec-command-args", "An argument for it; may be repeated"),
    texts("exec-command-env", "An environment variable for it, key=value; may be repeated"),
    text("exec-command-install-hint", "What to say where the program is missing"),
    yes("in-cluster", "Store the address that is used inside of the cluster itself"),
    texts("label", "Label the cluster's Secret, key=value; may be repeated"),
    text("name", "Another name than the context's"),
    texts("namespace", "Manage only this namespace; may be repeated"),
    text("project", "Only for applications of this project"),
    Flag("shard", FlagKind.INTEGER, "Leave the cluster to this shard; -1: to any", default=-1),
    text("system-namespace", "The namespace of the account that is made", default="kube-system"),
)


def logs_in_otherwise(call: Call) -> bool:
    """Whether no account has to be made."""
    return bool(call.text("aws-cluster-name") or call.text("exec-command"))


def described(call: Call, context: str, target: ClusterTarget, token: str) -> Cluster:
    """The cluster of a context as the flags want it."""
    if call.text("cluster-endpoint") not in ENDPOINTS:
        raise FatalError(
            f"unknown cluster endpoint: {call.text('cluster-endpoint')}; "
            "it is one of kubeconfig, kube-public, internal",
            code=20,
        )
    config = target.config
    # A certificate is used before a token, so that a token beside it would never be.
    if not (config.cert_data and config.key_data):
        config = replace(config, bearer_token=token)
    config = replace(
        config,
        aws=_aws(call),
        exec_provider=_program(call),
        disable_compression=call.yes("disable-compression"),
        proxy_url=call.text("proxy-url") if call.owns("proxy-url") else "",
    )
    inside = call.yes("in-cluster") or call.text("cluster-endpoint") == "internal"
    shard = call.number("shard")
    return Cluster(
        server=IN_CLUSTER_SERVER if inside else target.server,
        name=call.text("name") or context,
        namespaces=call.texts("namespace"),
        cluster_resources=call.yes("cluster-resources"),
        shard=shard if shard >= 0 else None,
        project=call.text("project"),
        labels=pairs(call, "label"),
        annotations=pairs(call, "annotation"),
        config=config,
    )


async def published(call: Call, cluster: Cluster, target: ClusterTarget) -> Cluster:
    """With the address that the cluster publishes itself, where that is asked for."""
    if call.text("cluster-endpoint") != "kube-public" or call.yes("in-cluster"):
        return cluster
    server, ca = await target.public()
    config: ClusterConfig = replace(cluster.config, ca_data=ca or cluster.config.ca_data)
    return replace(cluster, server=server, config=config)


def _aws(call: Call) -> AwsAuth | None:
    if not call.text("aws-cluster-name"):
        return None
    return AwsAuth(
        cluster_name=call.text("aws-cluster-name"),
        role_arn=call.text("aws-role-arn"),
        profile=call.text("aws-profile"),
    )


def _program(call: Call) -> ExecProvider | None:
    command = call.text("exec-command")
    # Credentials for EKS are asked for in their own way.
    if not command or call.text("aws-cluster-name"):
        return None
    version = call.text("exec-command-api-version")
    return ExecProvider(
        command=command,
        args=call.texts("exec-command-args"),
        env=listed_pairs(call, "exec-command-env"),
        install_hint=call.text("exec-command-install-hint"),
        api_version=version or ExecProvider(command=command).api_version,
    )
