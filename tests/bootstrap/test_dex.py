"""`tiphys dex` and `argocd-dex`: flags of the contract, and what is written."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from tiphys.bootstrap import dex as process
from tiphys.bootstrap.cli import PROGRAMS
from tiphys.cli.errors import FatalError
from tiphys.model.live import ObjectList
from tiphys.model.resource import ApiResource
from tiphys.services.reconcile.named import NamedObjects

# What the contract's documents say of `argocd-dex rundex`; `gendexcfg` has `out` besides.
FACTS = {
    "as": ("string", ""),
    "as-group": ("stringArray", ""),
    "as-uid": ("string", ""),
    "certificate-authority": ("string", ""),
    "client-certificate": ("string", ""),
    "client-key": ("string", ""),
    "cluster": ("string", ""),
    "context": ("string", ""),
    "disable-compression": ("bool", ""),
    "disable-tls": ("bool", ""),
    "insecure-skip-tls-verify": ("bool", ""),
    "kubeconfig": ("string", ""),
    "logformat": ("string", "json"),
    "loglevel": ("string", "info"),
    "namespace": ("string", ""),
    "password": ("string", ""),
    "proxy-url": ("string", ""),
    "request-timeout": ("string", "0"),
    "server": ("string", ""),
    "tls-server-name": ("string", ""),
    "token": ("string", ""),
    "user": ("string", ""),
    "username": ("string", ""),
}
DEX = {
    "connectors": [
        {"type": "github", "id": "gh", "name": "GitHub", "config": {"clientSecret": "$gh", "n": 1}}
    ],
    "staticPasswords": [{"email": "a@example.org", "hash": "bcrypt-hash"}],
}
_ANY = ApiResource("", "v1", "ConfigMap", "configmaps", True, frozenset())


def test_every_flag_of_the_contract_is_there() -> None:
    found = {flag.name: (flag.kind.value, flag.default) for flag in process._FLAGS}
    assert found == FACTS
    assert (process._OUT.name, process._OUT.short, process._OUT.default) == ("out", "o", "")
    assert PROGRAMS["argocd-dex"] == "dex"


@pytest.mark.parametrize(
    ("flag", "variable"),
    [
        ("disable-tls", "ARGOCD_DEX_SERVER_DISABLE_TLS"),
        ("logformat", "ARGOCD_DEX_SERVER_LOGFORMAT"),
        ("loglevel", "ARGOCD_DEX_SERVER_LOGLEVEL"),
    ],
)
def test_variables_stand_for_flags(flag: str, variable: str) -> None:
    assert {one.name: one.env for one in process._FLAGS}[flag] == variable


def named(name: str, data: Mapping[str, str]) -> NamedObjects:
    found = NamedObjects()
    found.replaced(_ANY, ObjectList(({"metadata": {"name": name}, "data": dict(data)},), "1"))
    return found


@pytest.fixture
def general(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """argocd-cm's data, where a test may change it."""
    data = {"url": "https://cd.example.org", "dex.config": yaml.safe_dump(DEX)}
    secrets = {"gh": "hunter2", "server.secretkey": "of the server"}
    texts = {name: base64.b64encode(text.encode()).decode() for name, text in secrets.items()}

    @asynccontextmanager
    async def stored(given: Any) -> AsyncIterator[Any]:
        yield process._Stored(named("argocd-cm", data), named("argocd-secret", texts))

    monkeypatch.setattr(process, "_stored", stored)
    return data


def run(*words: str) -> click.testing.Result:
    return CliRunner().invoke(process.dex, ["gendexcfg", *words], catch_exceptions=False)


def test_what_is_printed_hides_secrets(general: dict[str, str]) -> None:
    found = run()
    assert "hunter2" not in found.stdout
    assert "bcrypt-hash" not in found.stdout
    shown = yaml.safe_load(found.stdout)
    assert shown["staticClients"][0]["secret"] == "********"
    assert shown["connectors"][0]["config"] == {
        "clientSecret": "********",
        "n": 1,
        "redirectURI": "https://cd.example.org/api/dex/callback",
    }
    assert shown["web"] == {
        "https": "0.0.0.0:5556",
        "tlsCert": "/tmp/tls.crt",  # noqa: S108
        "tlsKey": "/tmp/tls.key",  # noqa: S108
    }
    assert "logger" not in shown


def test_what_is_written_is_whole_and_for_us_alone(general: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "dex.yaml"
    run("-o", str(out), "--disable-tls", "--loglevel", "debug", "--logformat", "text")
    written = yaml.safe_load(out.read_text())
    assert out.stat().st_mode & 0o777 == 0o600
    assert written["connectors"][0]["config"]["clientSecret"] == "hunter2"
    assert written["web"] == {"http": "0.0.0.0:5556"}
    assert written["logger"] == {"level": "debug", "format": "text"}
    assert written["staticPasswords"] == DEX["staticPasswords"]


def test_without_dex_there_is_nothing_to_write(general: dict[str, str]) -> None:
    del general["url"]
    with pytest.raises(FatalError, match="dex is not configured"):
        run()


def test_a_certificate_is_made_where_none_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    monkeypatch.setattr(process, "_MOUNTED", tmp_path / "mounted")
    made = process._certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key)
    (tmp_path / "mounted").mkdir()
    for name in ("tls.crt", "tls.key"):
        (tmp_path / "mounted" / name).touch()
    assert process._certificate(tmp_path).key == str(tmp_path / "mounted" / "tls.key")


async def test_settings_that_change_change_what_dex_runs_with(
    general: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiphys.bootstrap.serving.sso import PresentSso, also, configure
    from tiphys.core.sso.dex import DexPlace

    seen: list[Any] = []

    class Kept:
        def configure(self, configuration: Any) -> None:
            seen.append(configuration)

    stored = process._Stored(named("argocd-cm", general), named("argocd-secret", {}))
    present = PresentSso(stored)

    def changed(_name: str) -> None:
        configure(Kept(), stored, present, b"key", DexPlace())  # type: ignore[arg-type]

    also(stored.config_maps, changed)
    changed("")
    bad = {**general, "dex.config": "{"}
    for data in ({**general, "url": "https://new.example.org"}, bad, {}):
        manifest = {"metadata": {"name": "argocd-cm"}, "data": dict(data)}
        stored.config_maps.replaced(_ANY, ObjectList((manifest,), "2"))
    await asyncio.sleep(0)
    issuers = [one and one["issuer"] for one in seen]
    assert issuers[:2] == ["https://cd.example.org/api/dex", "https://new.example.org/api/dex"]
    assert issuers[-1] is None
