"""Certificates in PEM: taken apart, and described for a list."""

from __future__ import annotations

import pytest

from tests.core.repositories.pems import KEYS, pem
from tiphys.core.repositories.certificates import ServerCertificate, described, parsed, split_pem
from tiphys.model.errors import SettingsError


def test_certificates_are_told_from_what_is_around() -> None:
    one, other = pem("one"), pem("other")
    key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    text = f"# a comment\r\n{one}\nbetween\n{key}{other.replace(chr(10), chr(13) + chr(10))}tail"
    assert split_pem(text) == (one, other)
    assert split_pem("nothing") == ()


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_shown(kind: str) -> None:
    text = pem("git.example.com", kind)
    assert described(text) == ServerCertificate(text, kind, "CN=git.example.com,O=Example")


def test_what_cannot_be_read() -> None:
    text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert split_pem(text) == (text,)
    with pytest.raises(SettingsError, match="the certificate cannot be read"):
        parsed(text)
    assert described(text) == ServerCertificate(text, "invalid", "the certificate cannot be read")
