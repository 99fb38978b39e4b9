"""What Dex is given, against what Dex's documents say that it understands."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from tiphys.core.sso.dex import DexPlace, DexTls, dex_client_secret, dex_configuration
from tiphys.core.sso.settings import DexConfig
from tiphys.model.errors import SettingsError

URL = "https://cd.example.org"
SECRETS = {"": {"gh": "a$b", "web": "hunter2"}}
GITHUB: dict[str, Any] = {
    "type": "github",
    "id": "gh",
    "name": "GitHub",
    "config": {"clientID": "x", "clientSecret": "$gh", "orgs": [{"name": "us"}]},
}
LDAP: dict[str, Any] = {
    "type": "ldap",
    "id": "ldap",
    "name": "LDAP",
    "config": {"host": "ldap:636"},
}

SCHEMA: Mapping[str, Any] = {
    "issuer": str,
    "storage": {"type": str, "config": dict},
    "web": {
        "http": str,
        "https": str,
        "tlsCert": str,
        "tlsKey": str,
        "tlsMinVersion": str,
        "tlsMaxVersion": str,
        "allowedOrigins": list,
        "allowedHeaders": list,
        "headers": dict,
        "clientRemoteIP": dict,
    },
    "grpc": {"addr": str, "tlsCert": str, "tlsKey": str, "tlsClientCA": str, "reflection": bool},
    "telemetry": {"http": str, "enableProfiling": bool},
    "oauth2": {
        "grantTypes": list,
        "responseTypes": list,
        "skipApprovalScreen": bool,
        "alwaysShowLoginScreen": bool,
        "passwordConnector": str,
    },
    "expiry": {
        "signingKeys": str,
        "idTokens": str,
        "authRequests": str,
        "deviceRequests": str,
        "refreshTokens": dict,
    },
    "logger": {"level": str, "format": str},
    "frontend": dict,
    "staticClients": [
        {
            "id": str,
            "name": str,
            "secret": str,
            "secretEnv": str,
            "redirectURIs": list,
            "trustedPeers": list,
            "public": bool,
            "logoURL": str,
        }
    ],
    "connectors": [{"type": str, "id": str, "name": str, "config": dict}],
    "enablePasswordDB": bool,
    "staticPasswords": list,
}
"""The fields of Dex's configuration file, as its documents and its example name them."""


def problems(value: Any, schema: Any, path: str = "") -> list[str]:
    match schema:
        case type():
            return [] if isinstance(value, schema) else [f"{path}: not {schema.__name__}"]
        case [each]:
            return [p for at, one in enumerate(value) for p in problems(one, each, f"{path}[{at}]")]
        case _:
            unknown = [f"{path}.{name}: unknown" for name in value if name not in schema]
            known = (name for name in value if name in schema)
            return unknown + [
                p for n in known for p in problems(value[n], schema[n], f"{path}.{n}")
            ]


def made(document: dict[str, Any], place: DexPlace | None = None) -> dict[str, Any]:
    return dex_configuration(
        DexConfig(document=document),
        url=URL,
        additional_urls=["https://other.example.org"],
        secrets=lambda name: SECRETS.get(name, {}),
        server_secret=b"server secret",
        place=place or DexPlace(),
    )


@pytest.mark.parametrize(
    "document",
    [
        {"connectors": [GITHUB]},
        {"connectors": [GITHUB, LDAP], "staticClients": [{"id": "own", "secret": "$web"}]},
        {"connectors": [], "expiry": {"idTokens": "1h"}, "logger": {"level": "debug"}},
        {"web": {"tlsMinVersion": "1.3"}, "enablePasswordDB": True},
    ],
)
@pytest.mark.parametrize(
    "place", [DexPlace(), DexPlace(tls=DexTls(), log_level="info", log_format="json")]
)
def test_dex_understands_all_of_it(document: dict[str, Any], place: DexPlace) -> None:
    assert problems(made(document, place), SCHEMA) == []


def test_the_table_notices_what_dex_does_not_know() -> None:
    assert problems({"web": {"port": 1}, "issuer": 5}, SCHEMA) == [
        ".web.port: unknown",
        ".issuer: not str",
    ]


def test_what_is_ours_is_written_over_what_users_wrote() -> None:
    found = made(
        {
            "issuer": "https://evil",
            "storage": {"type": "sqlite3"},
            "web": {"http": "0.0.0.0:80"},
            "grpc": {"addr": "x", "reflection": True},
            "telemetry": {"http": "x"},
        }
    )
    assert found["issuer"] == f"{URL}/api/dex"
    assert found["storage"] == {"type": "memory"}
    assert found["web"] == {"http": "0.0.0.0:5556"}
    assert found["grpc"] == {"addr": "0.0.0.0:5557"}
    assert found["telemetry"] == {"http": "0.0.0.0:5558"}
    assert found["oauth2"] == {"skipApprovalScreen": True}
    assert "logger" not in found


def test_with_tls_its_files_are_named_and_the_least_version_kept() -> None:
    place = DexPlace(tls=DexTls())
    assert made({"web": {"tlsMinVersion": "1.3", "http": "x"}}, place)["web"] == {
        "https": "0.0.0.0:5556",
        "tlsCert": "/tmp/tls.crt",  # noqa: S108
        "tlsKey": "/tmp/tls.key",  # noqa: S108
        "tlsMinVersion": "1.3",
    }
    assert "tlsMinVersion" not in made({}, place)["web"]


def test_what_users_say_of_logs_and_approval_holds() -> None:
    place = DexPlace(log_level="info", log_format="json")
    found = made({"logger": {"level": "debug"}, "oauth2": {"skipApprovalScreen": False}}, place)
    assert found["logger"] == {"level": "debug", "format": "json"}
    assert found["oauth2"] == {"skipApprovalScreen": False}
    assert made({}, place)["logger"] == {"level": "info", "format": "json"}


def test_our_clients_come_before_those_of_users() -> None:
    clients = made({"staticClients": [{"id": "own", "secret": "$web"}]})["staticClients"]
    digest = hashlib.sha256(b"server secret").digest()
    assert [(one["id"], one.get("public", False)) for one in clients] == [
        ("argo-cd", False),
        ("argo-cd-cli", True),
        ("argo-cd-pkce", True),
        ("own", False),
    ]
    assert clients[0]["secret"] == base64.urlsafe_b64encode(digest).decode()[:40]
    assert clients[0]["redirectURIs"] == [
        f"{URL}/auth/callback",
        "https://other.example.org/auth/callback",
    ]
    assert clients[1]["redirectURIs"] == [
        "http://localhost",
        "http://localhost:8085/auth/callback",
    ]
    assert clients[2]["redirectURIs"] == ["http://localhost:4000/auth/callback"]
    assert clients[3]["secret"] == "hunter2"


def test_connectors_know_where_people_come_back_and_secrets_come_out_as_they_are() -> None:
    github, ldap = made({"connectors": [GITHUB, LDAP]})["connectors"]
    assert github["config"] == {
        "clientID": "x",
        "clientSecret": "a$$b",
        "orgs": [{"name": "us"}],
        "redirectURI": f"{URL}/api/dex/callback",
    }
    assert ldap == LDAP
    bare = made({"connectors": [{"type": "google", "id": "g"}]})["connectors"][0]
    assert bare["config"] == {"redirectURI": f"{URL}/api/dex/callback"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"connectors": {"a": 1}}, "connectors is not a list of objects"),
        ({"staticClients": ["x"]}, "staticClients is not a list of objects"),
        ({"oauth2": "x"}, "oauth2 is not an object"),
        ({"logger": 5}, "logger is not an object"),
        ({"connectors": [{"type": "github", "config": 5}]}, "config is not an object"),
    ],
)
def test_what_cannot_be_read_is_named(document: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        made(document)


def test_the_client_s_secret_is_not_shown() -> None:
    assert str(dex_client_secret(b"x")) not in repr(dex_client_secret(b"x"))
