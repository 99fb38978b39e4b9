"""The order in which objects are applied: what others need comes first."""

from __future__ import annotations

from tiphys.model.status import SyncPhase

KIND_ORDER = (
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
)
"""Kinds by rank, whatever their group; kinds that are not here come last."""

_RANK = {kind: rank for rank, kind in enumerate(KIND_ORDER)}
_PHASE = {phase: place for place, phase in enumerate(SyncPhase)}

ApplyOrder = tuple[int, int, int, str]


def kind_rank(kind: str) -> int:
    return _RANK.get(kind, len(KIND_ORDER))


def apply_order(phase: SyncPhase, wave: int, kind: str, name: str) -> ApplyOrder:
    """A key to sort tasks by: phase, wave, rank of the kind, name."""
    return _PHASE[phase], wave, kind_rank(kind), name
