"""A plain, blocking client of the API server for tests: what a user would do with kubectl."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

PLURALS = {
    "Application": ("apis/argoproj.io/v1alpha1", "applications"),
    "AppProject": ("apis/argoproj.io/v1alpha1", "appprojects"),
    "ConfigMap": ("api/v1", "configmaps"),
    "ClusterRole": ("apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles"),
    "Event": ("api/v1", "events"),
    "Secret": ("api/v1", "secrets"),
    "Service": ("api/v1", "services"),
    "Namespace": ("api/v1", "namespaces"),
    "Pod": ("api/v1", "pods"),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
    "DaemonSet": ("apis/apps/v1", "daemonsets"),
    "ReplicaSet": ("apis/apps/v1", "replicasets"),
    "Job": ("apis/batch/v1", "jobs"),
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"),
    "Gadget": ("apis/faults.example.com/v1", "gadgets"),
    "Gauge": ("apis/health.example.com/v1", "gauges"),
    "Widget": ("apis/e2e.example.com/v1", "widgets"),
    "CustomResourceDefinition": (
        "apis/apiextensions.k8s.io/v1",
        "customresourcedefinitions",
    ),
}


class ApiError(Exception):
    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status


@dataclass
class Kube:
    """Calls with the credentials of a kubeconfig's current context."""

    kubeconfig: Path

    def __post_init__(self) -> None:
        config = yaml.safe_load(self.kubeconfig.read_text())
        contexts = {c["name"]: c["context"] for c in config["contexts"]}
        context = contexts[config["current-context"]]
        cluster = {c["name"]: c["cluster"] for c in config["clusters"]}[context["cluster"]]
        user = {u["name"]: u["user"] for u in config["users"]}[context["user"]]
        self.server: str = cluster["server"]
        self._token: str = user.get("token", "")
        self.tls = _tls(cluster, user, self.kubeconfig.parent)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        media: str = "application/json",
        *,
        accept: str = "application/json",
    ) -> Any:
        where = urlsplit(self.server)
        connection = http.client.HTTPSConnection(
            where.hostname or "", where.port, context=self.tls, timeout=30
        )
        headers = {"Content-Type": media, "Accept": accept, "User-Agent": "e2e-test"}
        headers |= self.authorization()
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ApiError(answer.status, text)
        return json.loads(text) if text.startswith("{") else text

    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.call("GET", path_of(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return found

    def list(self, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", path_of(kind, namespace, ""))["items"]
        return found

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        namespace = manifest["metadata"].get("namespace", "")
        made: dict[str, Any] = self.call("POST", path_of(manifest["kind"], namespace, ""), manifest)
        return made

    def merge(self, kind: str, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        patched: dict[str, Any] = self.call(
            "PATCH", path_of(kind, namespace, name), patch, "application/merge-patch+json"
        )
        return patched

    def delete(self, kind: str, namespace: str, name: str) -> None:
        try:
            self.call("DELETE", path_of(kind, namespace, name))
        except ApiError as error:
            if error.status != 404:
                raise


def path_of(kind: str, namespace: str, name: str) -> str:
    prefix, plural = PLURALS[kind]
    scope = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"/{prefix}{scope}/{plural}" + (f"/{quote(name)}" if name else "")


def _tls(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    import base64
    import tempfile

    data = cluster.get("certificate-authority-data")
    if data:
        context = ssl.create_default_context(cadata=base64.b64decode(data).decode())
    else:
        context = ssl.create_default_context(cafile=str(folder / cluster["certificate-authority"]))
    if "client-certificate-data" in user:
        pem = base64.b64decode(user["client-certificate-data"])
        key = base64.b64decode(user["client-key-data"])
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem + b"\n" + key)
            file.flush()
            context.load_cert_chain(file.name)
    elif "client-certificate" in user:
        context.load_cert_chain(
            str(folder / user["client-certificate"]), str(folder / user["client-key"])
        )
    return context
