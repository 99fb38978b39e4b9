"""Names of the contract: annotations, labels, finalizers, field managers."""

from __future__ import annotations

API_GROUP = "argoproj.io"
API_VERSION = "argoproj.io/v1alpha1"
IN_CLUSTER_SERVER = "https://kubernetes.default.svc"
IN_CLUSTER_NAME = "in-cluster"

ANNOTATION_TRACKING_ID = "argocd.argoproj.io/tracking-id"
ANNOTATION_REFRESH = "argocd.argoproj.io/refresh"
ANNOTATION_REFRESH_TIMESTAMP = "argocd.argoproj.io/refresh-timestamp"
ANNOTATION_SKIP_RECONCILE = "argocd.argoproj.io/skip-reconcile"
ANNOTATION_SYNC_WAVE = "argocd.argoproj.io/sync-wave"
ANNOTATION_SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
ANNOTATION_COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"
ANNOTATION_HOOK = "argocd.argoproj.io/hook"
ANNOTATION_HOOK_DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
ANNOTATION_IGNORE_HEALTHCHECK = "argocd.argoproj.io/ignore-healthcheck"
ANNOTATION_IGNORE_UPDATES = "argocd.argoproj.io/ignore-resource-updates"
ANNOTATION_HELM_HOOK = "helm.sh/hook"
ANNOTATION_HELM_HOOK_WEIGHT = "helm.sh/hook-weight"
ANNOTATION_HELM_HOOK_DELETE_POLICY = "helm.sh/hook-delete-policy"
ANNOTATION_HELM_RESOURCE_POLICY = "helm.sh/resource-policy"
ANNOTATION_DELETION_APPROVED = "argocd.argoproj.io/deletion-approved"
ANNOTATION_MIGRATION_MANAGER = "argocd.argoproj.io/client-side-apply-migration-manager"
ANNOTATION_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATION_OPERATION = "tiphys.dev/operation"
"""Ours: on a hook from its creation, `<operation start>/<attempt>/<phase>`; who created it."""

FINALIZER_RESOURCES = "resources-finalizer.argocd.argoproj.io"
FINALIZER_RESOURCES_FOREGROUND = "resources-finalizer.argocd.argoproj.io/foreground"
FINALIZER_RESOURCES_BACKGROUND = "resources-finalizer.argocd.argoproj.io/background"
FINALIZER_HOOK = "argocd.argoproj.io/hook-finalizer"
FINALIZER_PRE_DELETE = "pre-delete-finalizer.argocd.argoproj.io"
FINALIZER_POST_DELETE = "post-delete-finalizer.argocd.argoproj.io"

LABEL_SECRET_TYPE = "argocd.argoproj.io/secret-type"  # noqa: S105 - the name of a label
LABEL_PART_OF = "app.kubernetes.io/part-of"

MANAGER_CONTROLLER = "argocd-controller"
"""Field manager of what is applied to clusters."""
MANAGER_APPLICATION_CONTROLLER = "argocd-application-controller"
"""Field manager of what the controller writes to Applications."""
