"""`oidc.config`, `dex.config` and what goes with them in argocd-cm, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tiphys.core.settings import values
from tiphys.core.settings.duration import parse_duration
from tiphys.core.settings.references import Secrets, resolved
from tiphys.model.errors import SettingsError
from tiphys.model.repository import Confidential

DEFAULT_SCOPES: Final = ("openid", "profile", "email", "groups")
DEX_FEDERATED_SCOPE: Final = "federated:id"
DEX_CLIENT: Final = "argo-cd"
DEX_CLI_CLIENT: Final = "argo-cd-cli"
GRAPH_ENDPOINT: Final = "https://graph.microsoft.com/v1.0"
OIDC_KEY: Final = "oidc.config"
DEX_KEY: Final = "dex.config"
_URL_KEY: Final = "url"
_ADDITIONAL_KEY: Final = "additionalUrls"
_NO_SECRET: Final = Confidential("")
_GRAPH_HOSTS: Final = frozenset(
    {
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureConfig:
    """`cache` in seconds: how long what Graph said of a person's groups is believed."""

    workload_identity: bool = False
    group_overage: bool = False
    graph: str = GRAPH_ENDPOINT
    cache: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcConfig:
    """`userinfo_cache` and `refresh_threshold` in seconds; 0 of the first is the token's life."""

    issuer: str
    name: str = ""
    client_id: str = ""
    client_secret: Confidential = _NO_SECRET
    cli_client_id: str = ""
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    id_token_claims: Mapping[str, Any] = field(default_factory=dict)
    logout_url: str = ""
    root_ca: str = ""
    pkce: bool = False
    userinfo_groups: bool = False
    userinfo_path: str = ""
    userinfo_base: str = ""
    userinfo_cache: float = 0.0
    allowed_audiences: tuple[str, ...] = ()
    skip_missing_audience: bool = False
    domain_hint: str = ""
    refresh_threshold: float = 0.0
    azure: AzureConfig = field(default_factory=AzureConfig)

    @property
    def audiences(self) -> tuple[str, ...]:
        """Of whom tokens are believed."""
        if self.allowed_audiences:
            return self.allowed_audiences
        return tuple(one for one in (self.client_id, self.cli_client_id) if one)

    @property
    def userinfo_url(self) -> str:
        base = self.userinfo_base or self.issuer
        return f"{base.rstrip('/')}/{self.userinfo_path.lstrip('/')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DexConfig:
    """`document` is as it was written: references to Secrets are not yet resolved."""

    document: Mapping[str, Any]
    connector: str = ""
    """The connector that people are sent to without being asked; one that Dex is told of."""

    @property
    def connectors(self) -> tuple[tuple[str, str], ...]:
        """Names and types, as the page before the login shows them."""
        return tuple(
            (_text(one.get("name")), _text(one.get("type"))) for one in _connectors(self.document)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoSettings:
    """`url` has no slash at its end. `insecure`: the provider's certificate is not looked at."""

    provider: OidcConfig | DexConfig
    url: str = ""
    additional_urls: tuple[str, ...] = ()
    insecure: bool = False

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url, *self.additional_urls)

    @property
    def issuer(self) -> str:
        if isinstance(self.provider, OidcConfig):
            return self.provider.issuer
        return dex_issuer(self.url)

    @property
    def client_id(self) -> str:
        return self.provider.client_id if isinstance(self.provider, OidcConfig) else DEX_CLIENT

    @property
    def audiences(self) -> tuple[str, ...]:
        if isinstance(self.provider, OidcConfig):
            return self.provider.audiences
        return (DEX_CLIENT, DEX_CLI_CLIENT)

    @property
    def skips_missing_audience(self) -> bool:
        return isinstance(self.provider, OidcConfig) and self.provider.skip_missing_audience

    @property
    def scopes(self) -> tuple[str, ...]:
        if isinstance(self.provider, OidcConfig):
            return self.provider.scopes
        return (*DEFAULT_SCOPES, DEX_FEDERATED_SCOPE)

    @property
    def uses_pkce(self) -> bool:
        return isinstance(self.provider, OidcConfig) and self.provider.pkce


def dex_issuer(url: str) -> str:
    return f"{url}/api/dex"


def sso_settings(general: Mapping[str, str], secrets: Secrets) -> SsoSettings | None:
    """None where no SSO is configured. Raises SettingsError naming the key that cannot be read."""
    provider = _oidc(general.get(OIDC_KEY, ""), secrets) or _dex(general)
    if provider is None:
        return None
    additional = values.document(_ADDITIONAL_KEY, general.get(_ADDITIONAL_KEY, ""))
    return SsoSettings(
        provider=provider,
        url=general.get(_URL_KEY, "").strip().rstrip("/"),
        additional_urls=tuple(
            one.strip().rstrip("/")
            for one in values.texts(_ADDITIONAL_KEY, "the setting", additional or [])
        ),
        insecure=general.get("oidc.tls.insecure.skip.verify", "") == "true",
    )


def _dex(general: Mapping[str, str]) -> DexConfig | None:
    """Without an address of our own Dex could send nobody back."""
    if not general.get(DEX_KEY, "").strip() or not general.get(_URL_KEY, "").strip():
        return None
    found = values.document(DEX_KEY, general[DEX_KEY])
    if not found:
        return None
    document = values.checked(DEX_KEY, found, "the setting")
    asked = general.get("dex.auth.connectorId", "").strip()
    known = {_text(one.get("id")) for one in _connectors(document)}
    return DexConfig(document=document, connector=asked if asked in known else "")


def _connectors(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document.get("connectors")
    if not isinstance(found, list):
        return []
    return [one for one in found if isinstance(one, Mapping)]


def _oidc(text: str, secrets: Secrets) -> OidcConfig | None:
    if not text.strip():
        return None
    found = values.document(OIDC_KEY, text)
    if not found:
        return None
    read = _Reader(resolved(values.checked(OIDC_KEY, found, "the setting"), secrets))
    if not read.text("issuer"):
        return None
    azure = _Reader(read.object("azure"), "azure.")
    return OidcConfig(
        issuer=read.text("issuer"),
        name=read.text("name"),
        client_id=read.text("clientID"),
        client_secret=Confidential(read.text("clientSecret")),
        cli_client_id=read.text("cliClientID"),
        scopes=read.texts("requestedScopes") or DEFAULT_SCOPES,
        id_token_claims=read.object("requestedIDTokenClaims"),
        logout_url=read.text("logoutURL"),
        root_ca=read.text("rootCA"),
        pkce=read.flag("enablePKCEAuthentication"),
        userinfo_groups=read.flag("enableUserInfoGroups"),
        userinfo_path=read.text("userInfoPath"),
        userinfo_base=read.text("userInfoBaseURL"),
        userinfo_cache=read.seconds("userInfoCacheExpiration"),
        allowed_audiences=read.texts("allowedAudiences"),
        skip_missing_audience=read.flag("skipAudienceCheckWhenTokenHasNoAudience"),
        domain_hint=read.text("domainHint"),
        refresh_threshold=read.seconds("refreshTokenThreshold"),
        azure=_azure(azure),
    )


def _azure(read: _Reader) -> AzureConfig:
    graph = (read.text("graphApiEndpoint") or GRAPH_ENDPOINT).rstrip("/")
    scheme, _, rest = graph.partition("://")
    if scheme != "https" or rest.partition("/")[0].lower() not in _GRAPH_HOSTS:
        raise SettingsError(
            f"{OIDC_KEY}: azure.graphApiEndpoint is no address of Microsoft Graph", key=OIDC_KEY
        )
    return AzureConfig(
        workload_identity=read.flag("useWorkloadIdentity"),
        group_overage=read.flag("enableUserGroupOverageClaim"),
        graph=graph,
        cache=read.seconds("userGroupOverageClaimCacheExpiration"),
    )


class _Reader:
    """Fields of one object. What is wrong is named, and its value never: it may be a secret."""

    def __init__(self, fields: Mapping[str, Any], prefix: str = "") -> None:
        self._fields = fields
        self._prefix = prefix

    def text(self, name: str) -> str:
        found = self._fields.get(name)
        if found is None:
            return ""
        if isinstance(found, str):
            return found.strip()
        raise self._wrong(name, "not a text")

    def flag(self, name: str) -> bool:
        found = self._fields.get(name)
        if found is None or isinstance(found, bool):
            return bool(found)
        raise self._wrong(name, "neither true nor false")

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._fields.get(name)
        if found is None:
            return ()
        return values.texts(OIDC_KEY, f"{self._prefix}{name}", found)

    def object(self, name: str) -> dict[str, Any]:
        found = self._fields.get(name)
        return {} if found is None else values.checked(OIDC_KEY, found, f"{self._prefix}{name}")

    def seconds(self, name: str) -> float:
        text = self.text(name)
        if not text:
            return 0.0
        seconds = parse_duration(text)
        if seconds is None:
            raise self._wrong(name, "not a duration such as 5m")
        return seconds

    def _wrong(self, name: str, what: str) -> SettingsError:
        return SettingsError(f"{OIDC_KEY}: {self._prefix}{name} is {what}", key=OIDC_KEY)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
