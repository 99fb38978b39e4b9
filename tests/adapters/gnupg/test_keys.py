"""Keys read by the real GnuPG."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiphys.adapters.gnupg import GnuPG
from tiphys.model.errors import SettingsError


class Ring:
    """A keyring with two keys, outside of everyone's home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(mode=0o700)
        for owner, algorithm in (
            ("One <one@example.com>", "rsa2048"),
            ("Two: b <two@example.com>", "ed25519"),
        ):
            self.run("--passphrase", "", "--quick-gen-key", owner, algorithm, "sign", "never")

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            ["gpg", "--homedir", str(self._home), "--batch", "--quiet", *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"], check=True)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    # A socket's path may have 107 characters.
    ring = Ring(tmp_path_factory.getbasetemp() / "g")
    yield ring
    ring.close()


async def test_keys_are_told_apart(ring: Ring) -> None:
    keys = sorted(await GnuPG().read(ring.run("--armor", "--export")), key=lambda one: one.owner)
    assert [(key.owner, key.kind) for key in keys] == [
        ("One <one@example.com>", "rsa2048"),
        ("Two: b <two@example.com>", "ed25519"),
    ]
    for key in keys:
        assert key.fingerprint.endswith(key.key_id)
        assert (len(key.key_id), len(key.fingerprint)) == (16, 40)
        assert await GnuPG().read(key.armoured) == [key]


async def test_texts_behind_one_another(ring: Ring) -> None:
    one, two = ring.run("--armor", "--export", "one@"), ring.run("--armor", "--export", "two@")
    assert len(await GnuPG().read(one + two)) == 2


async def test_private_keys_are_refused(ring: Ring) -> None:
    private = ring.run("--passphrase", "", "--armor", "--export-secret-keys", "one@")
    with pytest.raises(SettingsError, match="holds a private key"):
        await GnuPG().read(private)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "cannot be read as OpenPGP keys"),
        (
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
            "OpenPGP keys|no public key",
        ),
        ("x" * (4 * 1024 * 1024 + 1), "longer than 4 MiB"),
    ],
    ids=["text", "armour", "size"],
)
async def test_what_is_no_key(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        await GnuPG().read(text)


async def test_without_the_program() -> None:
    with pytest.raises(SettingsError, match="the program no-such-gpg cannot be started"):
        await GnuPG("no-such-gpg").read("x")
