"""Puts into a cluster what Tiphys needs there, and hands out its ServiceAccount's credentials.

Definitions and rights are ours and are brought up to date. Settings, credentials and projects
are the user's from the moment they exist: they are created where absent and then left alone.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tiphys.model.errors import KindNotFoundError, ObjectExistsError, ObjectNotFoundError
from tiphys.model.live import PatchKind
from tiphys.model.resource import (
    ApiResource,
    GroupVersionKind,
    Manifest,
    ResourceKey,
    gvk_of,
    key_of,
)
from tiphys.services.live.ports import Discovery, KubeReader, KubeWriter

CONTROLLER_ACCOUNT = "argocd-application-controller"
SERVER_ACCOUNT = "argocd-server"
MANAGER = "tiphys-install"

_CRD = "CustomResourceDefinition"
_USERS = frozenset({"ConfigMap", "Secret", "AppProject"})
_NAMESPACE = GroupVersionKind("", "v1", "Namespace")
# A definition is served within milliseconds on a local cluster, within seconds on a busy one.
_POLL_SECONDS = 0.1
_WAIT_SECONDS = 30.0


class ServiceAccountTokens(Protocol):
    """The TokenRequest API. Raises KubeError and its kinds."""

    async def create_token(self, namespace: str, service_account: str, *, seconds: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Installed:
    """What was created, what was brought up to date, and what was left as it is."""

    created: tuple[ResourceKey, ...]
    updated: tuple[ResourceKey, ...]
    kept: tuple[ResourceKey, ...]


class Installer:
    """Applies the install manifests; doing it again changes nothing."""

    def __init__(self, reader: KubeReader, writer: KubeWriter, discovery: Discovery) -> None:
        self._reader = reader
        self._writer = writer
        self._discovery = discovery

    async def install(self, manifests: Iterable[Manifest], namespace: str) -> Installed:
        """Raises KubeError. The namespace is created where it is absent."""
        wanted = [into_namespace(manifest, namespace) for manifest in manifests]
        definitions = [manifest for manifest in wanted if manifest["kind"] == _CRD]
        others = [manifest for manifest in wanted if manifest["kind"] != _CRD]
        await self._discovery.refresh()
        done: dict[str, list[ResourceKey]] = {"created": [], "updated": [], "kept": []}
        for manifest in [_namespace(namespace), *definitions]:
            done[await self._apply(manifest)].append(key_of(manifest))
        for manifest in definitions:
            await self._established(manifest)
        for manifest in others:
            done[await self._apply(manifest)].append(key_of(manifest))
        return Installed(tuple(done["created"]), tuple(done["updated"]), tuple(done["kept"]))

    async def _apply(self, manifest: Manifest) -> str:
        resource = await self._resource(gvk_of(manifest))
        key = key_of(manifest)
        namespace = key.namespace if resource.namespaced else ""
        try:
            live = await self._reader.get(resource, namespace, key.name)
        except ObjectNotFoundError:
            try:
                await self._writer.create(resource, manifest, manager=MANAGER)
            except ObjectExistsError:
                return "kept"
            return "created"
        if key.kind in _USERS or key.group_kind == _NAMESPACE.group_kind:
            return "kept"
        stored = await self._writer.patch(
            resource, namespace, key.name, PatchKind.MERGE, manifest, manager=MANAGER
        )
        return "kept" if _version(stored) == _version(live) else "updated"

    async def _resource(self, kind: GroupVersionKind) -> ApiResource:
        """Waits for a kind that was defined a moment ago."""
        for _ in range(int(_WAIT_SECONDS / _POLL_SECONDS)):
            found = self._discovery.find(kind)
            if found is not None:
                return found
            await asyncio.sleep(_POLL_SECONDS)
            await self._discovery.refresh()
        raise KindNotFoundError(f"the cluster does not serve {kind.api_version} {kind.kind}")

    async def _established(self, definition: Manifest) -> None:
        resource = await self._resource(gvk_of(definition))
        name = key_of(definition).name
        for _ in range(int(_WAIT_SECONDS / _POLL_SECONDS)):
            if _has_condition(await self._reader.get(resource, "", name), "Established"):
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise KindNotFoundError(
            f"{name} was not established within {_WAIT_SECONDS:.0f} s: look at its conditions"
        )


def into_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """The manifest as it is in this namespace: itself, and the accounts that it binds."""
    moved: dict[str, Any] = dict(manifest)
    if manifest["kind"] not in (_CRD, "Namespace", "ClusterRole", "ClusterRoleBinding"):
        moved["metadata"] = {**manifest["metadata"], "namespace": namespace}
    if "subjects" in manifest:
        moved["subjects"] = [
            {**subject, "namespace": namespace} for subject in manifest["subjects"]
        ]
    return moved


async def account_kubeconfig(
    tokens: ServiceAccountTokens,
    account: str,
    *,
    server: str,
    ca: str,
    namespace: str,
    seconds: int,
) -> str:
    """A kubeconfig with which a process speaks for itself. `ca` is PEM text.

    The text holds the token: keep it in a file that only its owner can read.
    """
    token = await tokens.create_token(namespace, account, seconds=seconds)
    cluster: dict[str, Any] = {"server": server}
    if ca:
        cluster["certificate-authority-data"] = base64.b64encode(ca.encode()).decode()
    name = account
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}
        ],
        "current-context": name,
    }
    # JSON is YAML, and needs no library to be written.
    return json.dumps(document, indent=2) + "\n"


def _namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _version(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("resourceVersion") or "")


def _has_condition(manifest: Mapping[str, Any], kind: str) -> bool:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return any(item["type"] == kind and item["status"] == "True" for item in conditions)
