"""Repositories and templates of a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tiphys.core.repositories.record import Record
from tiphys.model.cluster import ConnectionStatus
from tiphys.model.repository import Confidential
from tiphys.services.remote.ports import Remote
from tiphys.services.repositories.catalogue import RepositoryAnswer
from tiphys.services.repositories.states import RepositoryState

_SERVICE = "repository.RepositoryService"
_TEMPLATES = "repocreds.RepoCredsService"

_SHARED = {
    "username": "username",
    "password": "password",
    "ssh_private_key": "sshPrivateKey",
    "certificate": "tlsClientCertData",
    "certificate_key": "tlsClientCertKey",
    "github_key": "githubAppPrivateKey",
    "github_app": "githubAppID",
    "github_installation": "githubAppInstallationID",
    "github_url": "githubAppEnterpriseBaseUrl",
    "google_key": "gcpServiceAccountKey",
    "force_basic": "forceHttpBasicAuth",
    "proxy": "proxy",
    "no_proxy": "noProxy",
    "type": "type",
    "azure_workload": "useAzureWorkloadIdentity",
    "bearer_token": "bearerToken",
    "force_http": "insecureOCIForceHttp",
    "azure_client": "azureServicePrincipalClientId",
    "azure_tenant": "azureServicePrincipalTenantId",
    "azure_secret": "azureServicePrincipalClientSecret",
    "azure_endpoint": "azureActiveDirectoryEndpoint",
}
"""The API's names of what repositories, templates and trials have in common."""
_REPOSITORY = _SHARED | {
    "url": "repo",
    "name": "name",
    "project": "project",
    "insecure": "insecure",
    "insecure_host_key": "insecureIgnoreHostKey",
    "lfs": "enableLfs",
    "oci": "enableOCI",
    "depth": "depth",
    "cold": "webhookManifestCacheWarmDisabled",
    "inherited": "inheritedCreds",
}
_TRIAL = {key: name for key, name in _SHARED.items() if key != "no_proxy"} | {
    "url": "repo",
    "name": "name",
    "project": "project",
    "oci": "enableOci",
    "force_http": "insecureOciForceHttp",
}
_TEMPLATE = _SHARED | {"url": "url", "oci": "enableOCI"}


class RemoteRepositories:
    """All methods raise ApiError."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def list(self, *, fresh: bool = False, trying: bool = True) -> Sequence[RepositoryAnswer]:
        del trying  # The server remembers how connections fare.
        found = await self._call("ListRepositories", forceRefresh=fresh)
        return [_answer(item) for item in found.get("items") or ()]

    async def get(self, url: str, project: str = "", *, fresh: bool = False) -> RepositoryAnswer:
        return _answer(await self._call("Get", repo=url, forceRefresh=fresh, appProject=project))

    async def validate(self, record: Record) -> None:
        request = written(record, _TRIAL)
        request["insecure"] = record.insecure or record.insecure_host_key
        await self._call("ValidateAccess", **request)

    async def create(self, record: Record, *, upsert: bool) -> Record:
        body = written(record, _REPOSITORY)
        return _record(await self._call("CreateRepository", repo=body, upsert=upsert), _REPOSITORY)

    async def delete(self, url: str, project: str = "") -> None:
        await self._call("DeleteRepository", repo=url, appProject=project)

    async def templates(self) -> Sequence[Record]:
        found = await self._remote.call(f"{_TEMPLATES}/ListRepositoryCredentials", {})
        return [_record(item, _TEMPLATE) for item in found.get("items") or ()]

    async def create_template(self, record: Record, *, upsert: bool) -> Record:
        request = {"creds": written(record, _TEMPLATE), "upsert": upsert}
        method = f"{_TEMPLATES}/CreateRepositoryCredentials"
        return _record(await self._remote.call(method, request), _TEMPLATE)

    async def delete_template(self, url: str) -> None:
        await self._remote.call(f"{_TEMPLATES}/DeleteRepositoryCredentials", {"url": url})

    async def _call(self, method: str, **request: Any) -> dict[str, Any]:
        return await self._remote.call(f"{_SERVICE}/{method}", request)


def written(record: Record, names: Mapping[str, str]) -> dict[str, Any]:
    """With everything in it, for the server to store or to try."""
    found: dict[str, Any] = {}
    for attribute, name in names.items():
        value = getattr(record, attribute)
        if value:
            found[name] = str.__str__(value) if isinstance(value, str) else value
    return found


def _answer(item: Mapping[str, Any]) -> RepositoryAnswer:
    state = item.get("connectionState") or {}
    status = str(state.get("status") or "")
    known = status in {str(one) for one in ConnectionStatus}
    at = state.get("attemptedAt")
    return RepositoryAnswer(
        _record(item, _REPOSITORY),
        RepositoryState(
            ConnectionStatus(status) if known else ConnectionStatus.UNKNOWN,
            str(state.get("message") or ""),
            datetime.fromisoformat(at) if at else None,
        ),
        answered=item,
    )


def _record(item: Mapping[str, Any], names: Mapping[str, str]) -> Record:
    found: dict[str, Any] = {
        attribute: item[name] for attribute, name in names.items() if item.get(name)
    }
    if "proxy" in found:
        found["proxy"] = Confidential(found["proxy"])
    return Record(**{"url": "", **found})
