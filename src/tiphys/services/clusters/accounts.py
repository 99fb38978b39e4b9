"""The account that Tiphys has on a cluster: made, given its token, renewed and taken away.

The objects and their names are the contract's, so that either tool finds what the other made.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tiphys.model.errors import (
    ApiCode,
    ApiError,
    KubeError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from tiphys.model.live import PatchKind, Propagation
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeReader, KubeWriter

ACCOUNT = "argocd-manager"
ROLE = "argocd-manager-role"
BINDING = "argocd-manager-role-binding"
MANAGER = "argocd"
_RBAC = "rbac.authorization.k8s.io"
_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
ACCOUNTS = ApiResource("", "v1", "ServiceAccount", "serviceaccounts", True, _VERBS)
SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
CLUSTER_ROLES = ApiResource(_RBAC, "v1", "ClusterRole", "clusterroles", False, _VERBS)
CLUSTER_BINDINGS = ApiResource(
    _RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", False, _VERBS
)
ROLES = ApiResource(_RBAC, "v1", "Role", "roles", True, _VERBS)
BINDINGS = ApiResource(_RBAC, "v1", "RoleBinding", "rolebindings", True, _VERBS)

_ALL: dict[str, Any] = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
_ALL_URLS: dict[str, Any] = {"nonResourceURLs": ["*"], "verbs": ["*"]}
_TOKEN_SECRET = "kubernetes.io/service-account-token"  # noqa: S105 - a type's name
_OF_ACCOUNT = "kubernetes.io/service-account.name"
_POLL = 0.5
_POLLS = 60

Say = Callable[[str], None]


class ManagerAccount:
    """`say` hears what was done, in the contract's words. All raise KubeError."""

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        say: Say,
        *,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._say = say
        self._wait = wait

    async def install(self, system_namespace: str, namespaces: Sequence[str]) -> str:
        """The token of an account that may do everything, there or in these namespaces only."""
        await self._account(system_namespace)
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": system_namespace}
        if namespaces:
            for namespace in namespaces:
                await self._role(ROLES, namespace, [_ALL])
                await self._binding(BINDINGS, "Role", namespace, subject)
        else:
            await self._role(CLUSTER_ROLES, "", [_ALL, _ALL_URLS])
            await self._binding(CLUSTER_BINDINGS, "ClusterRole", "", subject)
        return await self.token(system_namespace, ACCOUNT)

    async def token(self, namespace: str, account: str) -> str:
        """The long-lived token of an account, which is made where there is none."""
        name = f"{account}-long-lived-token"
        try:
            await self._writer.create(SECRETS, _token_secret(name, namespace, account))
            self._say(f'Created bearer token secret "{name}" for ServiceAccount "{account}"')
        except ObjectExistsError:
            pass
        return await self._filled(namespace, name)

    async def uninstall(self, system_namespace: str) -> None:
        """Binding, role and account; what is gone already is well."""
        for resource, namespace, name in (
            (CLUSTER_BINDINGS, "", BINDING),
            (CLUSTER_ROLES, "", ROLE),
            (ACCOUNTS, system_namespace, ACCOUNT),
        ):
            try:
                found = await self._reader.get(resource, namespace, name)
                await self._writer.delete(
                    resource,
                    namespace,
                    name,
                    uid=found["metadata"]["uid"],
                    propagation=Propagation.BACKGROUND,
                )
            except ObjectNotFoundError:
                continue
            self._say(f'{resource.kind} "{name}" deleted')

    async def renewed(self, token: str) -> tuple[str, Callable[[], Awaitable[None]]]:
        """Another token of the account that this one is of, and what ends the old one."""
        namespace, account, secret = _claims(token)
        made = await self._writer.create(
            SECRETS, _token_secret("", namespace, account, prefix=f"{account}-token-")
        )
        fresh = await self._filled(namespace, made["metadata"]["name"])

        async def end() -> None:
            try:
                old = await self._reader.get(SECRETS, namespace, secret)
                uid = old["metadata"]["uid"]
                await self._writer.delete(SECRETS, namespace, secret, uid=uid)
            except ObjectNotFoundError:
                return

        return fresh, end

    async def _account(self, namespace: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": namespace},
        }
        try:
            await self._writer.create(ACCOUNTS, body, manager=MANAGER)
            self._say(f'ServiceAccount "{ACCOUNT}" created in namespace "{namespace}"')
        except ObjectExistsError:
            self._say(f'ServiceAccount "{ACCOUNT}" already exists in namespace "{namespace}"')

    async def _role(
        self, resource: ApiResource, namespace: str, rules: list[dict[str, Any]]
    ) -> None:
        await self._put(resource, namespace, ROLE, {"rules": rules})

    async def _binding(
        self, resource: ApiResource, role: str, namespace: str, subject: dict[str, str]
    ) -> None:
        reference = {"apiGroup": _RBAC, "kind": role, "name": ROLE}
        await self._put(resource, namespace, BINDING, {"roleRef": reference, "subjects": [subject]})

    async def _put(
        self, resource: ApiResource, namespace: str, name: str, parts: dict[str, Any]
    ) -> None:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        body = {
            "apiVersion": resource.gvk.api_version,
            "kind": resource.kind,
            "metadata": metadata,
            **parts,
        }
        called = f"{namespace}/{name}" if namespace else name
        try:
            await self._writer.create(resource, body, manager=MANAGER)
            self._say(f'{resource.kind} "{called}" created')
        except ObjectExistsError:
            await self._writer.patch(
                resource, namespace, name, PatchKind.MERGE, parts, manager=MANAGER
            )
            self._say(f'{resource.kind} "{called}" updated')

    async def _filled(self, namespace: str, name: str) -> str:
        """Kubernetes writes the token into the Secret, a moment later."""
        for _ in range(_POLLS):
            secret = await self._reader.get(SECRETS, namespace, name)
            token = (secret.get("data") or {}).get("token")
            if token:
                return base64.b64decode(token).decode()
            await self._wait(_POLL)
        raise KubeError(f'Secret "{name}" did not get a token within 30 s')


def _token_secret(name: str, namespace: str, account: str, *, prefix: str = "") -> Manifest:
    named = {"generateName": prefix} if prefix else {"name": name}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**named, "namespace": namespace, "annotations": {_OF_ACCOUNT: account}},
        "type": _TOKEN_SECRET,
    }


def _claims(token: str) -> tuple[str, str, str]:
    """Namespace, account and Secret of a token. Raises ApiError for one of another making."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        prefix = "kubernetes.io/serviceaccount/"
        return (
            claims[f"{prefix}namespace"],
            claims[f"{prefix}service-account.name"],
            claims[f"{prefix}secret.name"],
        )
    except (IndexError, KeyError, ValueError, TypeError, binascii.Error):
        raise ApiError(
            ApiCode.INVALID_ARGUMENT,
            "the cluster's token is not that of a ServiceAccount's Secret, it cannot be renewed",
        ) from None
