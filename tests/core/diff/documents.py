"""A small OpenAPI v3 document, in the shape in which an API server publishes its own.

Only the fields that the tests speak of are in it. Kinds of all groups share one document, which
the compiler does not mind.
"""

from __future__ import annotations

from typing import Any

from tiphys.core.diff.schema import SchemaSet, TypeSchema
from tiphys.model.resource import GroupVersionKind

META = "io.k8s.apimachinery.pkg.apis.meta.v1"
CORE = "io.k8s.api.core.v1"
APPS = "io.k8s.api.apps.v1"
NETWORK = "io.k8s.api.networking.v1"
RBAC = "io.k8s.api.rbac.v1"
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
REQUIRED_TEXT: Json = {"type": "string", "default": ""}
INT: Json = {"type": "integer", "format": "int32"}
BOOL: Json = {"type": "boolean"}
TEXTS: Json = {"type": "object", "additionalProperties": TEXT}
BYTES: Json = {"type": "object", "additionalProperties": {"type": "string", "format": "byte"}}
QUANTITIES: Json = {
    "type": "object",
    "additionalProperties": {"$ref": f"#/components/schemas/{QUANTITY}"},
}


def pointer(name: str) -> Json:
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}]}


def struct(name: str) -> Json:
    return {**pointer(name), "default": {}}


def items(name: str, *keys: str, strategy: str = "merge", merge_key: str = "") -> Json:
    """A list of a type, merged by its first key; atomic without keys."""
    schema: Json = {"type": "array", "items": struct(name)}
    if not keys:
        return {**schema, "x-kubernetes-list-type": "atomic"}
    return {
        **schema,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
        "x-kubernetes-patch-merge-key": keys[0],
        "x-kubernetes-patch-strategy": strategy,
    }


def texts(**extra: str) -> Json:
    return {"type": "array", "items": REQUIRED_TEXT, **extra}


def typed(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def kind(spec: Json | None = None, **properties: Json) -> Json:
    own = {"spec": spec} if spec else {}
    return typed(apiVersion=TEXT, kind=TEXT, metadata=struct(f"{META}.ObjectMeta"),
                 **own, **properties)  # fmt: skip


COMPONENTS: dict[str, Json] = {
    QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, TEXT]},
    f"{META}.Time": {"type": "string", "format": "date-time"},
    f"{META}.MicroTime": {"type": "string", "format": "date-time"},
    f"{META}.Duration": {"type": "string"},
    f"{META}.ObjectMeta": typed(
        name=TEXT, namespace=TEXT, labels=TEXTS, annotations=TEXTS,
        creationTimestamp=pointer(f"{META}.Time"),
        finalizers=texts(**{"x-kubernetes-patch-strategy": "merge",
                            "x-kubernetes-list-type": "set"}),
    ),
    f"{META}.LabelSelector": typed(matchLabels=TEXTS, matchExpressions=items("any.Thing")),
    "any.Thing": {"description": "nothing is said of it"},
    f"{APPS}.Deployment": kind(struct(f"{APPS}.DeploymentSpec"), status=struct("any.Thing")),
    f"{APPS}.DeploymentSpec": typed(
        replicas=INT, paused=BOOL, minReadySeconds=INT,
        selector=pointer(f"{META}.LabelSelector"),
        strategy={**struct(f"{APPS}.DeploymentStrategy"),
                  "x-kubernetes-patch-strategy": "retainKeys"},
        template=struct(f"{CORE}.PodTemplateSpec"),
    ),
    f"{APPS}.DeploymentStrategy": typed(
        type=TEXT, rollingUpdate=pointer(f"{APPS}.RollingUpdate")
    ),
    f"{APPS}.RollingUpdate": typed(maxSurge=pointer(INT_OR_STRING)),
    f"{CORE}.PodTemplateSpec": typed(
        metadata=struct(f"{META}.ObjectMeta"), spec=struct(f"{CORE}.PodSpec")
    ),
    f"{CORE}.PodSpec": typed(
        serviceAccountName=TEXT, serviceAccount=TEXT, hostNetwork=BOOL, restartPolicy=TEXT,
        nodeName=TEXT, runtimeClassName=TEXT, enableServiceLinks=BOOL,
        terminationGracePeriodSeconds=INT, nodeSelector=TEXTS,
        securityContext=pointer(f"{CORE}.PodSecurityContext"),
        containers=items(f"{CORE}.Container", "name"),
        volumes=items(f"{CORE}.Volume", "name", strategy="merge,retainKeys"),
        tolerations=items(f"{CORE}.Toleration"),
        topologySpreadConstraints=items(
            f"{CORE}.TopologySpreadConstraint", "topologyKey", "whenUnsatisfiable"
        ),
    ),
    f"{CORE}.PodSecurityContext": typed(runAsUser=INT, fsGroup=INT),
    f"{CORE}.TopologySpreadConstraint": typed(
        topologyKey=REQUIRED_TEXT, whenUnsatisfiable=REQUIRED_TEXT, maxSkew=INT
    ),
    f"{CORE}.Toleration": typed(key=TEXT, operator=TEXT, effect=TEXT, tolerationSeconds=INT),
    f"{CORE}.Container": typed(
        name=REQUIRED_TEXT, image=TEXT, imagePullPolicy=TEXT, stdin=BOOL,
        args=texts(**{"x-kubernetes-list-type": "atomic"}),
        env=items(f"{CORE}.EnvVar", "name"),
        ports=items(f"{CORE}.ContainerPort", "containerPort", "protocol"),
        resources=struct(f"{CORE}.ResourceRequirements"),
    ),
    f"{CORE}.EnvVar": typed(name=REQUIRED_TEXT, value=TEXT),
    f"{CORE}.ContainerPort": typed(
        name=TEXT, containerPort={**INT, "default": 0}, hostPort=INT,
        protocol={"type": "string", "default": "TCP"},
    ),
    f"{CORE}.ResourceRequirements": typed(limits=QUANTITIES, requests=QUANTITIES),
    f"{CORE}.Volume": typed(
        name=REQUIRED_TEXT, emptyDir=pointer(f"{CORE}.EmptyDir"),
        configMap=pointer(f"{CORE}.ConfigMapVolumeSource"),
    ),
    f"{CORE}.EmptyDir": typed(sizeLimit=pointer(QUANTITY)),
    f"{CORE}.ConfigMapVolumeSource": typed(name=REQUIRED_TEXT, defaultMode=INT),
    f"{CORE}.Service": kind(struct(f"{CORE}.ServiceSpec")),
    f"{CORE}.ServiceSpec": typed(
        clusterIP=TEXT, type=TEXT, selector=TEXTS,
        ports=items(f"{CORE}.ServicePort", "port", "protocol"),
    ),
    f"{CORE}.ServicePort": typed(
        name=TEXT, port={**INT, "default": 0}, nodePort=INT, targetPort=struct(INT_OR_STRING),
        protocol={"type": "string", "default": "TCP"},
    ),
    f"{CORE}.Secret": kind(data=BYTES, stringData=TEXTS, type=TEXT),
    f"{CORE}.ConfigMap": kind(data=TEXTS, immutable=BOOL),
    f"{CORE}.Endpoints": kind(subsets=items(f"{CORE}.EndpointSubset")),
    f"{CORE}.EndpointSubset": typed(
        addresses=items("any.Thing"), ports=items("any.Thing")
    ),
    f"{CORE}.LimitRange": kind(struct(f"{CORE}.LimitRangeSpec")),
    f"{CORE}.LimitRangeSpec": typed(limits=items(f"{CORE}.LimitRangeItem")),
    f"{CORE}.LimitRangeItem": typed(
        type=REQUIRED_TEXT, max=QUANTITIES, min=QUANTITIES, default=QUANTITIES,
        defaultRequest=QUANTITIES,
    ),
    f"{APPS}.StatefulSet": kind(struct(f"{APPS}.StatefulSetSpec")),
    f"{APPS}.StatefulSetSpec": typed(
        volumeClaimTemplates=items(f"{CORE}.PersistentVolumeClaim")
    ),
    f"{CORE}.PersistentVolumeClaim": kind(
        struct(f"{CORE}.PersistentVolumeClaimSpec"), status=struct("any.Thing")
    ),
    f"{CORE}.PersistentVolumeClaimSpec": typed(
        volumeMode=TEXT, volumeName=TEXT, storageClassName=TEXT
    ),
    f"{NETWORK}.NetworkPolicy": kind(struct(f"{NETWORK}.NetworkPolicySpec")),
    f"{NETWORK}.NetworkPolicySpec": typed(ingress=items(f"{NETWORK}.IngressRule")),
    f"{NETWORK}.IngressRule": typed(ports=items(f"{NETWORK}.NetworkPolicyPort")),
    f"{NETWORK}.NetworkPolicyPort": typed(port=pointer(INT_OR_STRING), protocol=TEXT),
    f"{RBAC}.RoleBinding": kind(
        subjects=items(f"{RBAC}.Subject"), roleRef=struct(f"{RBAC}.RoleRef")
    ),
    f"{RBAC}.Subject": typed(kind=REQUIRED_TEXT, name=REQUIRED_TEXT, apiGroup=TEXT),
    f"{RBAC}.RoleRef": typed(kind=REQUIRED_TEXT, name=REQUIRED_TEXT, apiGroup=REQUIRED_TEXT),
    f"{RBAC}.Role": kind(rules={**items("any.Thing"), "type": "array"}),
    "io.k8s.api.policy.v1.PodDisruptionBudget": kind(
        struct("io.k8s.api.policy.v1.PodDisruptionBudgetSpec")
    ),
    "io.k8s.api.policy.v1.PodDisruptionBudgetSpec": typed(
        selector={**pointer(f"{META}.LabelSelector"), "x-kubernetes-patch-strategy": "replace"}
    ),
    "io.k8s.api.coordination.v1.Lease": kind(
        typed(acquireTime=pointer(f"{META}.MicroTime"), at=pointer(f"{META}.Time"),
              every=pointer(f"{META}.Duration"))
    ),
    f"{EXTENSIONS}.CustomResourceDefinition": kind(
        typed(schema=pointer(f"{EXTENSIONS}.JSONSchemaProps"))
    ),
    f"{EXTENSIONS}.JSONSchemaProps": typed(
        type=TEXT, nullable=BOOL, default=pointer(f"{EXTENSIONS}.JSON"),
        items=pointer(f"{EXTENSIONS}.JSONSchemaPropsOrArray"),
        properties={"type": "object", "additionalProperties":
                    struct(f"{EXTENSIONS}.JSONSchemaProps")},
        required=texts(),
    ),
    f"{EXTENSIONS}.JSON": {"description": "any value"},
    f"{EXTENSIONS}.JSONSchemaPropsOrArray": {"description": "an object or a list of them"},
    "com.example.v1.Widget": kind(
        {
            "type": "object",
            "properties": {
                "size": {"type": "string", "default": "small"},
                "cpu": TEXT,
                "on": BOOL,
                "port": {"x-kubernetes-int-or-string": True},
                "since": {"type": "string", "format": "date-time"},
                "raw": {"type": "string", "format": "byte"},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": typed(name=TEXT, on={"type": "boolean", "default": False}),
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "texts": TEXTS,
                "options": {**typed(mode={"type": "string", "default": "auto"}), "default": {}},
            },
        },
        status={"type": "object"},
    ),
    f"{META}.DeleteOptions": typed(kind=TEXT),
}  # fmt: skip

KINDS = {
    f"{APPS}.Deployment": GroupVersionKind("apps", "v1", "Deployment"),
    f"{APPS}.StatefulSet": GroupVersionKind("apps", "v1", "StatefulSet"),
    f"{CORE}.Service": GroupVersionKind("", "v1", "Service"),
    f"{CORE}.Secret": GroupVersionKind("", "v1", "Secret"),
    f"{CORE}.ConfigMap": GroupVersionKind("", "v1", "ConfigMap"),
    f"{CORE}.Endpoints": GroupVersionKind("", "v1", "Endpoints"),
    f"{CORE}.LimitRange": GroupVersionKind("", "v1", "LimitRange"),
    f"{NETWORK}.NetworkPolicy": GroupVersionKind("networking.k8s.io", "v1", "NetworkPolicy"),
    f"{RBAC}.RoleBinding": GroupVersionKind("rbac.authorization.k8s.io", "v1", "RoleBinding"),
    f"{RBAC}.Role": GroupVersionKind("rbac.authorization.k8s.io", "v1", "Role"),
    "io.k8s.api.policy.v1.PodDisruptionBudget": GroupVersionKind(
        "policy", "v1", "PodDisruptionBudget"
    ),
    "io.k8s.api.coordination.v1.Lease": GroupVersionKind("coordination.k8s.io", "v1", "Lease"),
    f"{EXTENSIONS}.CustomResourceDefinition": GroupVersionKind(
        "apiextensions.k8s.io", "v1", "CustomResourceDefinition"
    ),
    "com.example.v1.Widget": GroupVersionKind("example.com", "v1", "Widget"),
}

WIDGET = KINDS["com.example.v1.Widget"]
DELETE_OPTIONS = GroupVersionKind("", "v1", "DeleteOptions")


def _named(gvk: GroupVersionKind) -> Json:
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}


def document() -> Json:
    components = {name: dict(schema) for name, schema in COMPONENTS.items()}
    paths: Json = {"/apis/": {"get": {"description": "no kind"}}, "/bare/": {}}
    for name, gvk in {**KINDS, f"{META}.DeleteOptions": DELETE_OPTIONS}.items():
        components[name]["x-kubernetes-group-version-kind"] = [_named(gvk)]
    for gvk in KINDS.values():
        media = ["application/merge-patch+json", "application/apply-patch+yaml"]
        if gvk != WIDGET:
            media.append("application/strategic-merge-patch+json")
        operation = {
            "x-kubernetes-group-version-kind": _named(gvk),
            "requestBody": {"content": {name: {} for name in media}},
        }
        paths[f"/{gvk.kind}/{{name}}"] = {"patch": operation, "get": operation}
        paths[f"/{gvk.kind}"] = {"get": {"x-kubernetes-group-version-kind": _named(gvk)}}
    return {"openapi": "3.0.0", "paths": paths, "components": {"schemas": components}}


SCHEMAS = SchemaSet.from_openapi(document())


def schema_of(name: str) -> TypeSchema:
    """The type of a kind of the document, by the kind's name."""
    found = [SCHEMAS.find(gvk) for gvk in KINDS.values() if gvk.kind == name]
    assert len(found) == 1
    assert found[0] is not None
    return found[0]
