"""`dex.config` as Dex's own configuration: what is ours in it is written over what users wrote."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tiphys.core.settings.references import Secrets, resolved
from tiphys.core.sso.redirects import CALLBACK
from tiphys.core.sso.settings import DEX_CLI_CLIENT, DEX_CLIENT, DEX_KEY, DexConfig, dex_issuer
from tiphys.model.errors import SettingsError
from tiphys.model.repository import Confidential

DEX_PKCE_CLIENT: Final = "argo-cd-pkce"
_NEED_REDIRECT: Final = frozenset(
    {
        *("oidc", "saml", "microsoft", "linkedin", "gitlab", "github", "bitbucket-cloud"),
        *("openshift", "gitea", "google", "oauth"),
    }
)
"""Connectors whose provider sends people back to Dex."""


@dataclass(frozen=True, slots=True)
class DexTls:
    """Files in PEM form."""

    certificate: str = "/tmp/tls.crt"  # noqa: S108 - the contract's place
    key: str = "/tmp/tls.key"  # noqa: S108 - the contract's place


@dataclass(frozen=True, slots=True, kw_only=True)
class DexPlace:
    """Where Dex listens. Without `tls` it speaks plain HTTP."""

    web: str = "0.0.0.0:5556"
    grpc: str = "0.0.0.0:5557"
    telemetry: str = "0.0.0.0:5558"
    tls: DexTls | None = None
    log_level: str = ""
    log_format: str = ""


def dex_client_secret(server_secret: bytes) -> Confidential:
    """What we show Dex as the client that browsers log in through."""
    digest = hashlib.sha256(server_secret).digest()
    return Confidential(base64.urlsafe_b64encode(digest).decode()[:40])


def dex_configuration(
    dex: DexConfig,
    *,
    url: str,
    additional_urls: Sequence[str],
    secrets: Secrets,
    server_secret: bytes,
    place: DexPlace,
) -> dict[str, Any]:
    """What Dex is started with; it holds secrets. Raises SettingsError."""
    document = dict(dex.document)
    clients = _list(document, "staticClients")
    connectors = _list(document, "connectors")
    written = resolved({**document, "staticClients": clients}, secrets)
    written |= {
        "issuer": dex_issuer(url),
        "storage": {"type": "memory"},
        "web": _web(document.get("web"), place),
        "grpc": {"addr": place.grpc},
        "telemetry": {"http": place.telemetry},
        "oauth2": {"skipApprovalScreen": True, **_object(written, "oauth2")},
        "staticClients": [
            *_clients(url, additional_urls, server_secret),
            *written["staticClients"],
        ],
        "connectors": [_connector(one, url, secrets) for one in connectors],
    }
    logger = _logger(_object(written, "logger"), place)
    return {**written, "logger": logger} if logger else written


def _logger(written: Mapping[str, Any], place: DexPlace) -> dict[str, Any]:
    ours = {"level": place.log_level, "format": place.log_format}
    return {**{name: text for name, text in ours.items() if text}, **written}


def _web(written: Any, place: DexPlace) -> dict[str, Any]:
    if place.tls is None:
        return {"http": place.web}
    web = {"https": place.web, "tlsCert": place.tls.certificate, "tlsKey": place.tls.key}
    kept = written.get("tlsMinVersion") if isinstance(written, Mapping) else None
    return {**web, "tlsMinVersion": kept} if kept else web


def _clients(url: str, additional: Sequence[str], server_secret: bytes) -> list[dict[str, Any]]:
    return [
        {
            "id": DEX_CLIENT,
            "name": "Argo CD",
            "secret": str(dex_client_secret(server_secret)),
            "redirectURIs": [f"{one}{CALLBACK}" for one in (url, *additional)],
        },
        {
            "id": DEX_CLI_CLIENT,
            "name": "Argo CD CLI",
            "public": True,
            "redirectURIs": ["http://localhost", "http://localhost:8085/auth/callback"],
        },
        {
            "id": DEX_PKCE_CLIENT,
            "name": "Argo CD PKCE",
            "public": True,
            "redirectURIs": ["http://localhost:4000/auth/callback"],
        },
    ]


def _connector(written: Mapping[str, Any], url: str, secrets: Secrets) -> dict[str, Any]:
    connector: dict[str, Any] = resolved(written, _escaping(secrets))
    if connector.get("type") not in _NEED_REDIRECT:
        return connector
    config = _object(connector, "config")
    return {**connector, "config": {**config, "redirectURI": f"{dex_issuer(url)}/callback"}}


def _escaping(secrets: Secrets) -> Secrets:
    """Dex expands variables in connectors: a secret with a `$` in it has to come out as it is."""
    return lambda name: {key: text.replace("$", "$$") for key, text in secrets(name).items()}


def _list(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = document.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise SettingsError(f"{DEX_KEY}: {name} is not a list of objects", key=DEX_KEY)
    return found


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise SettingsError(f"{DEX_KEY}: {name} is not an object", key=DEX_KEY)
    return dict(found)
