"""`cert` and `gpg`: what is read, stored, listed and removed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import NAMESPACE, World
from tests.core.repositories.pems import pem
from tests.core.repositories.test_knownhosts import ED, RSA, data
from tests.fakes.keys import FakeKeys
from tests.fakes.kube import FakeCluster
from tiphys.cli.ports import ClusterChoice
from tiphys.services.repositories.certificates import CertificateCatalogue
from tiphys.services.repositories.configmaps import ConfigMapEditor
from tiphys.services.repositories.keys import KeyCatalogue

HOSTS = "argocd-ssh-known-hosts-cm"
SERVERS = "argocd-tls-certs-cm"
KEYS = "argocd-gpg-keys-cm"
ID, OTHER = "0123456789ABCDEF", "FEDCBA9876543210"


class Trust(World):
    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(capture)
        self.home = FakeCluster()

    @asynccontextmanager
    async def certificates(self, choice: ClusterChoice) -> AsyncIterator[CertificateCatalogue]:
        self.choices.append(choice)
        yield CertificateCatalogue(ConfigMapEditor(self.home, self.home, NAMESPACE))

    @asynccontextmanager
    async def keys(self, choice: ClusterChoice) -> AsyncIterator[KeyCatalogue]:
        self.choices.append(choice)
        yield KeyCatalogue(ConfigMapEditor(self.home, self.home, NAMESPACE), FakeKeys())

    def config_map(self, name: str) -> dict[str, Any]:
        return next(one for at, one in self.home.objects.items() if at.name == name)

    def data(self, name: str) -> dict[str, str]:
        found: dict[str, str] = self.config_map(name).get("data") or {}
        return found

    def given(self, name: str, **texts: str) -> None:
        self.home.seed(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "data": {key.replace("_dot_", "."): text for key, text in texts.items()},
            }
        )


@pytest.fixture
def world(capsys: pytest.CaptureFixture[str]) -> Trust:
    return Trust(capsys)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdin", text)
    return text


def enter(typed: io.StringIO, text: str) -> None:
    typed.seek(0)
    typed.truncate()
    typed.write(text)
    typed.seek(0)


# -- add-tls ----------------------------------------------------------------------------------


def test_certificates_of_a_server(world: Trust, typed: io.StringIO) -> None:
    one, two = pem("one"), pem("two")
    enter(typed, f"# both\n{one}{two}{one}")
    ran = world.run("cert", "add-tls", "git.example.com")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "Enter TLS certificate data in PEM format. Press CTRL-D when finished.\n"
        "WARNING: the certificate with subject 'CN=one,O=Example' is given twice\n"
        "Created/updated TLS certificate entry for repository server git.example.com "
        "with 2 unique PEM certificates\n"
    )
    assert world.data(SERVERS) == {"git.example.com": one + two}
    assert world.config_map(SERVERS)["metadata"]["labels"] == {
        "app.kubernetes.io/name": SERVERS,
        "app.kubernetes.io/part-of": "argocd",
    }


@proves("cert add-tls", "--from", "--upsert")
def test_certificates_from_a_file(world: Trust, tmp_path: Path) -> None:
    file = tmp_path / "one.pem"
    file.write_text(pem("one"))
    line = ("cert", "add-tls", "h", "--from", str(file))
    assert world.run(*line).code == 0
    assert world.run(*line).code == 0
    file.write_text(pem("one"))
    ran = world.run(*line)
    assert (ran.code, ran.fatal) == (
        20,
        "rpc error: code = Unknown desc = TLS certificate for server 'h' already exists, "
        "and upsert was not specified",
    )
    assert world.run(*line, "--upsert").code == 0
    assert world.data(SERVERS) == {"h": file.read_text()}


def test_no_certificates(world: Trust, typed: io.StringIO) -> None:
    enter(typed, "nothing")
    ran = world.run("cert", "add-tls", "h")
    assert ran.code == 0
    assert ran.out.endswith("No valid certificates have been detected in the stream.\n")
    enter(typed, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    ran = world.run("cert", "add-tls", "h")
    assert (ran.code, ran.fatal) == (20, "the certificate cannot be read")
    assert world.run("cert", "add-tls").code == 1
    ran = world.run("cert", "add-tls", "h", "--from", "/no/such")
    assert ran.fatal == "open /no/such: no such file or directory"
    assert not world.home.objects


# -- add-ssh ----------------------------------------------------------------------------------


def test_keys_of_hosts(world: Trust, typed: io.StringIO) -> None:
    world.given(HOSTS, ssh_known_hosts=f"# old\nh ssh-rsa {RSA}\n@revoked * ssh-rsa {ED}\n")
    enter(typed, f"h,g ssh-rsa {RSA}\nnothing\n[g]:22 ssh-ed25519 {ED}\n")
    ran = world.run("cert", "add-ssh", "--batch")
    assert (ran.code, ran.out) == (
        0,
        "Enter SSH known hosts entries, one per line. Press CTRL-D when finished.\n"
        "Successfully created 2 SSH known host entries\n",
    )
    assert world.data(HOSTS)["ssh_known_hosts"].splitlines() == [
        "# old",
        f"h ssh-rsa {RSA}",
        f"@revoked * ssh-rsa {ED}",
        f"g ssh-rsa {RSA}",
        f"[g]:22 ssh-ed25519 {ED}",
    ]


@proves("cert add-ssh", "--from", "--upsert")
def test_another_key_of_a_host(world: Trust, tmp_path: Path) -> None:
    world.given(HOSTS, ssh_known_hosts=f"h ssh-rsa {RSA}\n")
    file = tmp_path / "hosts"
    other = data("ssh-rsa", "other")
    file.write_text(f"h ssh-rsa {other}\n")
    line = ("cert", "add-ssh", "--batch", "--from", str(file))
    ran = world.run(*line)
    assert ran.fatal == (
        "rpc error: code = Unknown desc = key for 'h' (subtype: 'ssh-rsa') already exists, "
        "and upsert was not specified"
    )
    assert world.run(*line, "--upsert").out.endswith("created 1 SSH known host entries\n")
    assert world.data(HOSTS)["ssh_known_hosts"] == f"h ssh-rsa {other}\n"
    file.write_text(f"* ssh-rsa {RSA}\n")
    assert world.run(*line).fatal.endswith("desc = invalid hostname in request: *")


@proves("cert add-ssh", "--batch")
def test_no_keys(world: Trust, typed: io.StringIO) -> None:
    enter(typed, "nothing\n")
    ran = world.run("cert", "add-ssh", "--batch")
    assert (ran.code, ran.fatal) == (20, "No valid SSH known hosts data found.")
    ran = world.run("cert", "add-ssh")
    assert (ran.code, ran.fatal) == (
        20, "you need to specify --batch or specify --help for usage instructions",
    )  # fmt: skip


# -- list and rm ------------------------------------------------------------------------------


def test_an_empty_list(world: Trust) -> None:
    assert world.run("cert", "list").out == "HOSTNAME  TYPE  SUBTYPE  INFO\n"
    assert world.run("cert", "list", "-o", "json").out == "[]\n"


def filled(world: Trust) -> None:
    world.given(HOSTS, ssh_known_hosts=f"h ssh-rsa {RSA}\nh ssh-ed25519 {ED}\nz ssh-rsa {RSA}\n")
    world.given(SERVERS, h=pem("h", "rsa"), broken="x", a_dot_b=pem("b"))


@proves("cert list", "--sort")
def test_the_order_of_a_list(world: Trust) -> None:
    world.given(HOSTS, ssh_known_hosts=f"a ssh-rsa {RSA}\n")
    world.given(SERVERS, h=pem("h", "rsa"))
    for flags, types in (((), ["ssh", "https"]), (("--sort", "type"), ["https", "ssh"])):
        ran = world.run("cert", "list", *flags)
        assert [line.split()[1] for line in ran.out.splitlines()[1:]] == types


@proves("cert list", "--hostname-pattern", "--cert-type", "--output")
def test_a_list(world: Trust) -> None:
    filled(world)
    ran = world.run("cert", "list")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["HOSTNAME", "TYPE", "SUBTYPE", "INFO"],
        ["a.b", "https", "ecdsa", "CN=b,O=Example"],
        ["h", "https", "rsa", "CN=h,O=Example"],
        ["h", "ssh", "ssh-ed25519", "SHA256:"],
        ["h", "ssh", "ssh-rsa", "SHA256:"],
        ["z", "ssh", "ssh-rsa", "SHA256:"],
    ]
    ran = world.run("cert", "list", "--sort", "type", "--hostname-pattern", "[hz]")
    assert [line.split()[1] for line in ran.out.splitlines()[1:]] == ["https", "ssh", "ssh", "ssh"]
    found = json.loads(world.run("cert", "list", "--cert-type", "https", "-o", "json").out)
    assert found[0] == {
        "serverName": "a.b", "certType": "https", "certSubType": "ecdsa", "certData": None,
        "certInfo": "CN=b,O=Example",
    }  # fmt: skip
    assert len(found) == 2
    shown = yaml.safe_load(world.run("cert", "list", "--cert-type", "ssh", "-o", "yaml").out)
    assert [one["certType"] for one in shown] == ["ssh", "ssh", "ssh"]


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--cert-type", "x"), 1, "cert-type must be either ssh or https"),
        (("--sort", "x"), 1, "unknown sort order: x; it is hostname or type"),
        (("-o", "x"), 20, "unknown output format: x"),
    ],
)
def test_a_list_that_cannot_be(world: Trust, flags: tuple[str, ...], code: int, said: str) -> None:
    ran = world.run("cert", "list", *flags)
    assert (ran.code, ran.fatal) == (code, said)


@proves("cert rm", "--cert-type", "--cert-sub-type")
def test_removal(world: Trust, typed: io.StringIO) -> None:
    filled(world)
    ran = world.run("cert", "rm", "h", "--cert-type", "ssh", "--cert-sub-type", "ssh-rsa")
    assert ran.out == "Removed cert for 'h' of type 'ssh' (subtype 'ssh-rsa')\n"
    ran = world.run("cert", "rm", "?", "--cert-sub-type", "ssh-ed25519")
    assert ran.out.splitlines() == [
        "Removed cert for 'h' of type 'ssh' (subtype 'ssh-ed25519')",
        "Removed cert for 'h' of type 'https' (subtype 'rsa')",
    ]
    ran = world.run("cert", "rm", "elsewhere")
    assert (ran.code, ran.out) == (
        0, "No certificates were removed (none matched the given pattern)\n",
    )  # fmt: skip
    assert world.data(HOSTS)["ssh_known_hosts"] == f"z ssh-rsa {RSA}\n"
    assert sorted(world.data(SERVERS)) == ["a.b", "broken"]
    ran = world.run("cert", "rm", "*")
    assert (ran.code, ran.fatal) == (
        20, "A single wildcard is not allowed as REPOSERVER name.",
    )  # fmt: skip
    assert world.run("cert", "rm").code == 1
    enter(typed, "n\n")
    ran = world.run("cert", "rm", "z", "--prompts-enabled")
    assert ran.out == (
        "Are you sure you want to remove all certificates for 'z'? [y/n]"
        "The command to remove all certificates for 'z' was cancelled.\n"
    )


def test_removal_without_anything_there(world: Trust) -> None:
    assert world.run("cert", "rm", "h").code == 0
    assert not world.home.objects


# -- gpg --------------------------------------------------------------------------------------


@proves("gpg add", "--from")
@proves("gpg list", "--output")
def test_keys_come_and_go(world: Trust, tmp_path: Path, typed: io.StringIO) -> None:
    assert world.run("gpg", "list").out == "KEYID  TYPE  IDENTITY\n"
    file = tmp_path / "keys"
    file.write_text(f"KEY {ID} Me <me@example.com>\n")
    ran = world.run("gpg", "add", "--from", str(file))
    assert (ran.code, ran.out) == (0, "Created 1 key(s) from input file.\n")
    file.write_text(f"KEY {ID} Me <me@example.com>\nKEY {OTHER} You\n")
    ran = world.run("gpg", "add", "-f", str(file))
    assert ran.out == (
        "Created 1 key(s) from input file, and 1 key(s) were skipped because they exist already.\n"
    )
    assert world.data(KEYS) == {
        ID: f"KEY {ID} Me <me@example.com>\n", OTHER: f"KEY {OTHER} You\n",
    }  # fmt: skip
    assert world.run("gpg", "list").out == (
        "KEYID             TYPE     IDENTITY\n"
        f"{ID}  RSA4096  Me <me@example.com>\n"
        f"{OTHER}  RSA4096  You\n"
    )
    listed = json.loads(world.run("gpg", "list", "-o", "json").out)
    assert listed[1] == {
        "keyID": OTHER, "fingerprint": f"{'A' * 24}{OTHER}", "owner": "You", "trust": "unknown",
        "subType": "rsa4096", "keyData": "",
    }  # fmt: skip
    assert yaml.safe_load(world.run("gpg", "list", "-o", "yaml").out) == listed
    enter(typed, "n\n")
    ran = world.run("gpg", "rm", ID, "--prompts-enabled")
    assert ran.out.endswith(f"The command to remove '{ID}' was cancelled.\n")
    ran = world.run("gpg", "rm", ID)
    assert (ran.code, ran.out) == (0, f"Deleted key with key ID {ID}\n")
    assert list(world.data(KEYS)) == [OTHER]
    ran = world.run("gpg", "rm", ID)
    assert (ran.code, ran.fatal) == (
        20, f"rpc error: code = Unknown desc = no such key configured: {ID}",
    )  # fmt: skip


@proves("gpg get", "--output")
def test_one_key(world: Trust) -> None:
    world.given(KEYS, **{ID: f"KEY {ID} Me\n", "broken": "x"})
    for asked in (ID, ID.lower(), f"{'A' * 24}{ID}"):
        assert world.run("gpg", "get", asked).out == (
            f"Key ID:          {ID}\n"
            f"Key fingerprint: {'A' * 24}{ID}\n"
            "Key subtype:     RSA4096\n"
            "Key owner:       Me\n"
            "Key data follows until EOF:\n"
            f"KEY {ID} Me\n\n"
        )
    found = json.loads(world.run("gpg", "get", ID, "-o", "json").out)
    assert found["keyData"] == f"KEY {ID} Me\n"
    assert yaml.safe_load(world.run("gpg", "get", ID, "-o", "yaml").out) == found
    assert world.run("gpg", "get", ID, "-o", "x").fatal == "unknown output format: x"
    for asked in (OTHER, "x", f"{'B' * 24}{ID}", ID[8:]):
        ran = world.run("gpg", "get", asked)
        assert (ran.code, ran.fatal) == (
            20, f"rpc error: code = Unknown desc = no such key: {asked}",
        )  # fmt: skip


def test_an_entry_that_is_no_key_is_said(world: Trust) -> None:
    world.given(KEYS, **{ID: f"KEY {ID} Me\n", "broken": "x"})
    ran = world.run("gpg", "list")
    assert len(ran.out.splitlines()) == 2
    assert json.loads(ran.err)["msg"] == (
        "ConfigMap argocd-gpg-keys-cm: key broken: the key data cannot be read as OpenPGP keys"
    )


def test_wrong_calls_on_keys(world: Trust, tmp_path: Path) -> None:
    assert world.run("gpg", "add").fatal == "--from is mandatory"
    for verb in ("get", "rm"):
        ran = world.run("gpg", verb)
        assert (ran.code, ran.fatal) == (20, "Missing KEYID argument")
    ran = world.run("gpg", "add", "--from", "/no/such")
    assert ran.fatal == "open /no/such: no such file or directory"
    file = tmp_path / "keys"
    for text, said in (
        (" \n", "submitted key data is empty"),
        ("x", "the key data cannot be read as OpenPGP keys"),
    ):
        file.write_text(text)
        ran = world.run("gpg", "add", "--from", str(file))
        assert ran.fatal == f"rpc error: code = Unknown desc = {said}"
    file.write_bytes(b"\xff")
    assert world.run("gpg", "add", "--from", str(file)).fatal == f"{file} holds no armoured keys"
    assert not world.home.objects
