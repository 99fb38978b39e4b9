"""The API server of one cluster: configuration, an untyped client, discovery.

Implements the KubeReader, KubeWriter and Discovery of services.live.
"""

from tiphys.adapters.kube.client import KubeClient
from tiphys.adapters.kube.config import KubeConfig, in_cluster_config, load_kubeconfig
from tiphys.adapters.kube.connection import KubeConnection
from tiphys.adapters.kube.discovery import KubeDiscovery
from tiphys.adapters.kube.errors import KubeConfigError
from tiphys.adapters.kube.forwarding import forwarded
from tiphys.adapters.kube.transport import Limits, Transport

__all__ = [
    "KubeClient",
    "KubeConfig",
    "KubeConfigError",
    "KubeConnection",
    "KubeDiscovery",
    "Limits",
    "Transport",
    "forwarded",
    "in_cluster_config",
    "load_kubeconfig",
]
