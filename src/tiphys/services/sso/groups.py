"""Groups that a provider does not write into its tokens: of userinfo, or of Microsoft Graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.core.sso.settings import OidcConfig
from tiphys.model.errors import IdentityError
from tiphys.services.sso.ports import IdentityProvider
from tiphys.services.sso.sessions import KeptSessions


class GroupLookup:
    def __init__(self, kept: KeptSessions) -> None:
        self._kept = kept

    async def with_groups(
        self,
        claims: Mapping[str, Any],
        oidc: OidcConfig,
        provider: IdentityProvider,
        *,
        now: float,
    ) -> Mapping[str, Any]:
        """The claims with the groups in them. Raises IdentityError."""
        if oidc.userinfo_groups and oidc.userinfo_path:
            asked, seconds = self._userinfo, oidc.userinfo_cache
        elif oidc.azure.group_overage and _has_overage(claims):
            asked, seconds = self._graph, oidc.azure.cache
        else:
            return claims
        groups = await self._kept.groups(claims)
        if groups is None:
            groups = await asked(claims, oidc, provider)
            life = float(claims["exp"]) - now
            await self._kept.keep_groups(
                claims, groups, seconds=min(seconds, life) if seconds else life
            )
        return {**claims, "groups": groups}

    async def _userinfo(
        self, claims: Mapping[str, Any], oidc: OidcConfig, provider: IdentityProvider
    ) -> list[str]:
        found = await provider.userinfo(oidc.userinfo_url, await self._access(claims))
        if found.get("sub") != claims.get("sub"):
            raise IdentityError("userinfo is of another person")
        groups = found.get("groups") or []
        named = [groups] if isinstance(groups, str) else groups
        if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
            raise IdentityError("the groups of userinfo are no list of texts")
        return named

    async def _graph(
        self, claims: Mapping[str, Any], oidc: OidcConfig, provider: IdentityProvider
    ) -> list[str]:
        address = f"{oidc.azure.graph}/me/getMemberGroups"
        return await provider.graph_groups(address, await self._access(claims))

    async def _access(self, claims: Mapping[str, Any]) -> str:
        token = await self._kept.access_token(claims)
        if not token:
            raise IdentityError("no access token is kept for this login")
        return token


def _has_overage(claims: Mapping[str, Any]) -> bool:
    """Entra ID names a source in the place of more groups than fit into a token."""
    names = claims.get("_claim_names")
    return isinstance(names, Mapping) and "groups" in names
