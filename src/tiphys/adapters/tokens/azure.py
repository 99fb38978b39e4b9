"""Azure's logins: the identity that the process was given, and service principals; both exchange
what they have at the directory's OAuth endpoint (client credentials, RFC 6749 and 7523).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tiphys.adapters.tokens.calls import Call, Calls
from tiphys.adapters.tokens.google import token_of
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import AzureServicePrincipal, Confidential, Repository

DEVOPS: Final = "499b84ac-1321-427f-aa17-267ca6975798/.default"
"""The scope of Azure DevOps."""
_PUBLIC: Final = "https://login.microsoftonline.com"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST: Final = 3540.0
_GIVEN: Final = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")


class AzureLogins:
    """`environment` is the process's, into which the platform puts what an identity needs."""

    def __init__(
        self, calls: Calls, now: Callable[[], float], environment: Mapping[str, str]
    ) -> None:
        self._calls = calls
        self._now = now
        self._environment = environment

    async def identity(self, scope: str, repository: Repository) -> tuple[Confidential, float]:
        missing = [name for name in _GIVEN if not self._environment.get(name)]
        if missing:
            raise RepositoryError(
                "Azure workload identity: this process was given none: "
                f"{', '.join(missing)} is not set",
                url=repository.url,
            )
        path = Path(self._environment["AZURE_FEDERATED_TOKEN_FILE"])
        try:
            assertion = (await asyncio.to_thread(path.read_text)).strip()
        except OSError:
            raise RepositoryError(
                "Azure workload identity: the file AZURE_FEDERATED_TOKEN_FILE cannot be read",
                url=repository.url,
            ) from None
        form = {
            "client_id": self._environment["AZURE_CLIENT_ID"],
            "client_assertion_type": _ASSERTION,
            "client_assertion": assertion,
        }
        return await self._exchange(
            self._environment.get("AZURE_AUTHORITY_HOST", ""),
            self._environment["AZURE_TENANT_ID"],
            {**form, "scope": scope},
            "Azure workload identity: access token",
            repository,
        )

    async def principal(
        self, known: AzureServicePrincipal, scope: str, repository: Repository
    ) -> tuple[Confidential, float]:
        form = {"client_id": known.client_id, "client_secret": str(known.client_secret)}
        return await self._exchange(
            known.endpoint,
            known.tenant_id,
            {**form, "scope": scope},
            "Azure service principal: access token",
            repository,
        )

    async def _exchange(
        self, host: str, tenant: str, form: dict[str, str], what: str, repository: Repository
    ) -> tuple[Confidential, float]:
        base = (host or _PUBLIC).rstrip("/")
        url = f"{base}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        call = Call("POST", url, what, form={"grant_type": "client_credentials", **form})
        body = await self._calls.fetch(call, repository)
        token, until = token_of(body, self._now(), what, repository)
        return token, min(until, self._now() + _LONGEST)
