from __future__ import annotations

from typing import Any

import pytest
import yaml

from tiphys.core.sso.settings import (
    DEFAULT_SCOPES,
    AzureConfig,
    DexConfig,
    OidcConfig,
    SsoSettings,
    sso_settings,
)
from tiphys.model.errors import SettingsError

SECRETS = {"": {"oidc.secret": " s3cret\n"}, "other": {"client": "of-other"}}
OIDC: dict[str, Any] = {"issuer": "https://id.example.org", "clientID": "web", "name": "Ours"}
DEX = {"connectors": [{"id": "gh", "name": "GitHub", "type": "github"}, "no object"]}


def secrets(name: str) -> dict[str, str]:
    return SECRETS.get(name, {})


def read(**data: Any) -> SsoSettings | None:
    texts = {
        name.replace("_", "."): value if isinstance(value, str) else yaml.safe_dump(value)
        for name, value in data.items()
    }
    return sso_settings(texts, secrets)


def oidc(**fields: Any) -> OidcConfig:
    found = read(oidc_config={**OIDC, **fields}, url="https://cd.example.org/")
    assert found is not None
    assert isinstance(found.provider, OidcConfig)
    return found.provider


def test_what_is_left_out_of_oidc_has_its_default() -> None:
    found = read(oidc_config=OIDC, url="https://cd.example.org/")
    assert found is not None
    assert found.provider == OidcConfig(
        issuer="https://id.example.org", client_id="web", name="Ours"
    )
    assert found.scopes == ("openid", "profile", "email", "groups") == DEFAULT_SCOPES
    assert found.issuer == "https://id.example.org"
    assert found.client_id == "web"
    assert found.audiences == ("web",)
    assert not found.skips_missing_audience
    assert not found.uses_pkce
    assert not found.insecure
    assert found.urls == ("https://cd.example.org",)


def test_every_field_of_oidc_is_read() -> None:
    found = oidc(
        cliClientID="cli",
        clientSecret="$oidc.secret",
        requestedScopes=["openid", "offline_access"],
        requestedIDTokenClaims={"groups": {"essential": True}},
        logoutURL="https://id.example.org/logout?hint={{token}}",
        rootCA="PEM",
        enablePKCEAuthentication=True,
        enableUserInfoGroups=True,
        userInfoPath="/userinfo",
        userInfoBaseURL="https://users.example.org/",
        userInfoCacheExpiration="5m",
        allowedAudiences=["a", "b"],
        skipAudienceCheckWhenTokenHasNoAudience=True,
        domainHint="example.org",
        refreshTokenThreshold="2m",
        azure={
            "useWorkloadIdentity": True,
            "enableUserGroupOverageClaim": True,
            "graphApiEndpoint": "https://graph.microsoft.us/v1.0/",
            "userGroupOverageClaimCacheExpiration": "1m",
        },
    )
    assert found == OidcConfig(
        issuer="https://id.example.org",
        name="Ours",
        client_id="web",
        client_secret=found.client_secret,
        cli_client_id="cli",
        scopes=("openid", "offline_access"),
        id_token_claims={"groups": {"essential": True}},
        logout_url="https://id.example.org/logout?hint={{token}}",
        root_ca="PEM",
        pkce=True,
        userinfo_groups=True,
        userinfo_path="/userinfo",
        userinfo_base="https://users.example.org/",
        userinfo_cache=300.0,
        allowed_audiences=("a", "b"),
        skip_missing_audience=True,
        domain_hint="example.org",
        refresh_threshold=120.0,
        azure=AzureConfig(
            workload_identity=True,
            group_overage=True,
            graph="https://graph.microsoft.us/v1.0",
            cache=60.0,
        ),
    )
    assert str(found.client_secret) == "s3cret"
    assert "s3cret" not in repr(found)
    assert found.audiences == ("a", "b")
    assert found.userinfo_url == "https://users.example.org/userinfo"


def test_tokens_for_the_command_line_s_client_count_too() -> None:
    assert oidc(cliClientID="cli").audiences == ("web", "cli")


@pytest.mark.parametrize(
    ("written", "secret"),
    [
        ("$other:client", "of-other"),
        ("$missing", "$missing"),
        ("$other:missing", "$other:missing"),
        ("as it is", "as it is"),
    ],
)
def test_a_reference_is_followed_or_stays(written: str, secret: str) -> None:
    assert str(oidc(clientSecret=written).client_secret) == secret


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"clientID": 5}, "clientID is not a text"),
        ({"enablePKCEAuthentication": "yes"}, "enablePKCEAuthentication is neither true nor false"),
        ({"userInfoCacheExpiration": "soon"}, "userInfoCacheExpiration is not a duration"),
        ({"requestedScopes": "openid"}, "requestedScopes is not a list of texts"),
        ({"azure": ["x"]}, "azure is not an object"),
        ({"azure": {"graphApiEndpoint": "https://evil.example"}}, "azure.graphApiEndpoint"),
        ({"azure": {"graphApiEndpoint": "http://graph.microsoft.com"}}, "azure.graphApiEndpoint"),
    ],
)
def test_what_cannot_be_read_is_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        oidc(**fields)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"oidc_config": ""},
        {"oidc_config": "# nothing"},
        {"oidc_config": {"clientID": "web"}},
        {"dex_config": DEX},
        {"dex_config": "# nothing", "url": "https://cd.example.org"},
    ],
)
def test_without_issuer_or_address_there_is_no_sso(data: dict[str, Any]) -> None:
    assert read(**data) is None


def test_oidc_wins_over_dex() -> None:
    found = read(oidc_config=OIDC, dex_config=DEX, url="https://cd.example.org")
    assert found is not None
    assert isinstance(found.provider, OidcConfig)


def test_dex_is_a_provider_below_our_own_address() -> None:
    found = read(
        dex_config=DEX,
        url="https://cd.example.org/root/",
        additionalUrls=["https://other.example.org/"],
        dex_auth_connectorId="gh",
        oidc_tls_insecure_skip_verify="true",
    )
    assert found is not None
    assert isinstance(found.provider, DexConfig)
    assert found.provider.connector == "gh"
    assert found.provider.connectors == (("GitHub", "github"),)
    assert found.issuer == "https://cd.example.org/root/api/dex"
    assert found.client_id == "argo-cd"
    assert found.audiences == ("argo-cd", "argo-cd-cli")
    assert found.scopes == (*DEFAULT_SCOPES, "federated:id")
    assert found.urls == ("https://cd.example.org/root", "https://other.example.org")
    assert found.insecure
    assert not found.skips_missing_audience
    assert not found.uses_pkce


def test_a_connector_that_dex_does_not_have_is_asked_of_nobody() -> None:
    found = read(dex_config={"connectors": 5, "x": 1}, url="https://x", dex_auth_connectorId="gh")
    assert found is not None
    assert found.provider == DexConfig(document={"connectors": 5, "x": 1})


def test_names_of_connectors_are_texts() -> None:
    assert DexConfig(document={"connectors": [{"name": 5}]}).connectors == (("", ""),)
