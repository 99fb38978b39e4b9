"""The kinds of generated objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.adapters.kubectl.fields import (
    APP,
    CLAIM,
    LABELS,
    QUANTITIES,
    UPDATES,
    WORKLOAD,
    Kind,
    backend,
    listed,
    mapped,
    path,
    rules,
    service_ports,
    subjects,
    template,
)

REPLICAS = [None, 0, 0, 1]
INGRESS_PORTS = [
    [{"port": 80}],
    [{"port": 80, "protocol": "TCP"}, {"port": "dns", "protocol": "UDP"}],
    [],
]
METRIC = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}

KINDS = (
    Kind("v1", "ConfigMap", {}, {
        "data": [None, {}, mapped({"a": [None, "", "1", "x\ny"], "b": [None, "2"]})],
        "binaryData": [None, None, {"c": "MQ=="}],
    }, weight=2),
    Kind("v1", "Secret", {}, {
        "data": [None, {}, mapped({"a": [None, "", "MQ=="], "b": [None, "Mg=="]})],
        # kubectl leaves in `data` what is gone from here, which we do not.
        "stringData": [mapped({"c": ["", "3"], "d": ["4", "5"]})],
    }, weight=2),
    Kind("v1", "ServiceAccount", {}, {
        "automountServiceAccountToken": [None, True, False],
        "imagePullSecrets": [None, listed([{"name": "a"}, {"name": "b"}], 2)],
        "secrets": [None, listed([{"name": "a"}, {"name": "b"}], 2)],
    }),
    Kind("v1", "Service", {}, {
        "spec.ports": [service_ports], "spec.selector": [None, {}, {"a": "1"}, {"b": "1"}],
        "spec.type": [None, "", "ClusterIP"], "spec.sessionAffinity": [None, "None"],
        "spec.publishNotReadyAddresses": [None, False, True],
        "spec.externalIPs": [None, [], ["10.1.2.3"]],
        "spec.internalTrafficPolicy": [None, "Cluster", "Local"],
    }, weight=3),
    Kind("apps/v1", "Deployment", {"spec": WORKLOAD}, template() | {
        "spec.replicas": REPLICAS, "spec.paused": [None, False, True],
        "spec.minReadySeconds": [None, 0, 5], "spec.revisionHistoryLimit": [None, 10, 3],
        "spec.strategy": [
            None, {}, {"type": "Recreate"}, {"type": "RollingUpdate"},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%"}},
            {"rollingUpdate": {"maxUnavailable": 1}},
        ],
    }, weight=5),
    Kind("apps/v1", "StatefulSet",
         {"spec": {**WORKLOAD, "serviceName": "x", "volumeClaimTemplates": [CLAIM]}},
         template() | {
        "spec.replicas": [None, 0, 0], "spec.updateStrategy": UPDATES,
        "spec.minReadySeconds": [None, 0, 5],
        "spec.persistentVolumeClaimRetentionPolicy": [None, {"whenDeleted": "Delete"}],
    }, weight=2),
    Kind("apps/v1", "DaemonSet", {"spec": WORKLOAD}, template() | {
        "spec.template.spec.nodeSelector": [{"none": "1"}, {"none": "2"}],
        "spec.updateStrategy": [*UPDATES, {"rollingUpdate": {"maxUnavailable": 2}}],
        "spec.minReadySeconds": [None, 0, 5],
    }, weight=2),
    Kind("apps/v1", "ReplicaSet", {"spec": WORKLOAD}, template() | {
        "spec.replicas": [None, 0, 0], "spec.minReadySeconds": [None, 0, 5],
    }),
    Kind("batch/v1", "Job",
         {"spec": {"suspend": True, "template": {"spec": {
             "restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}}, {
        "spec.parallelism": [None, 1, 2], "spec.activeDeadlineSeconds": [None, 600],
        "spec.ttlSecondsAfterFinished": [None, 0, 60], "spec.backoffLimit": [None, 6],
    }),
    Kind("batch/v1", "CronJob",
         {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {
             "spec": {"restartPolicy": "Never"}}}}}},
         template("spec.jobTemplate.spec.template") | {
        "spec.suspend": [None, False, True], "spec.concurrencyPolicy": [None, "", "Forbid"],
        "spec.failedJobsHistoryLimit": [None, 1, 0], "spec.timeZone": [None, "Etc/UTC"],
        "spec.startingDeadlineSeconds": [None, 60],
        "spec.jobTemplate.spec.backoffLimit": [None, 6, 2],
    }, weight=2),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler",
         {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment",
                                      "name": "x"}}}, {
        "spec.maxReplicas": [3, 5], "spec.minReplicas": [None, 1, 2],
        "spec.metrics": [None, [], [METRIC], [METRIC, {
            "type": "Resource",
            "resource": {"name": "memory", "target": {"type": "AverageValue",
                                                      "averageValue": "1Gi"}}}]],
        "spec.behavior": [None, {"scaleDown": {"stabilizationWindowSeconds": 60}}, {
            "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}],
    }),
    Kind("policy/v1", "PodDisruptionBudget", {}, {
        "spec.selector": [APP, {"matchLabels": {"app": "y"}},
                          {"matchExpressions": [{"key": "a", "operator": "Exists"}]}],
        "spec.maxUnavailable": [1, "50%", 0],
        "spec.unhealthyPodEvictionPolicy": [None, "AlwaysAllow"],
    }),
    Kind("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"podSelector": {}}}, {
        "spec.podSelector": [{}, APP],
        "spec.policyTypes": [None, ["Ingress"], ["Ingress", "Egress"]],
        "spec.ingress": [None, [], [{}], [{"ports": INGRESS_PORTS[0]}],
                         [{"ports": INGRESS_PORTS[1], "from": [{"podSelector": APP}]}, {}]],
        "spec.egress": [None, [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": []}}]}]],
    }),
    Kind("networking.k8s.io/v1", "Ingress", {"spec": {"defaultBackend": backend("x", 80)}}, {
        "spec.ingressClassName": [None, "nginx"],
        "spec.defaultBackend": [backend("x", 80), backend("y", "http")],
        "spec.tls": [None, [{"hosts": ["a.example.com"], "secretName": "s"}], [{}]],
        "spec.rules": [None, [{"host": "a.example.com", "http": {"paths": [path("/", "x")]}}],
                       [{"http": {"paths": [path("/a", "x"), path("/b", "y")]}}]],
    }),
    Kind("rbac.authorization.k8s.io/v1", "Role", {}, {"rules": [None, [], rules]}),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding",
         {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"}},
         {"subjects": [None, subjects]}),
    Kind("v1", "LimitRange", {}, {
        "spec.limits": [
            [{"type": "Container", "default": {"cpu": "1"}}],
            [{"type": "Container", "max": {"cpu": "2000m"}, "min": {"cpu": "0.1"}},
             {"type": "Pod", "max": {"memory": "1Gi"}}],
        ],
    }),
    Kind("v1", "ResourceQuota", {}, {
        "spec.hard": [None, QUANTITIES, {"pods": "10"}, {"pods": 10}],
    }),
    Kind("v1", "PersistentVolumeClaim", {"spec": {**CLAIM["spec"], "storageClassName": "none"}}, {
        "metadata.finalizers": [None, ["example.com/a"]],
    }),
    Kind("discovery.k8s.io/v1", "EndpointSlice", {"addressType": "IPv4"}, {
        "endpoints": [[], [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
                      [{"addresses": ["10.0.0.2"], "hostname": "a"}]],
        "ports": [None, [{"port": 80}], [{"name": "http", "port": 80, "protocol": "TCP"}]],
    }),
)  # fmt: skip

COMMON: Mapping[str, Sequence[Any]] = {
    "metadata.labels": [None, {}, LABELS],
    "metadata.annotations": [None, None, LABELS],
}
