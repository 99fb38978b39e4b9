"""Certificates of servers in PEM, as they are listed and added."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tiphys.model.errors import SettingsError

HTTPS = "https"
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What is shown of one. `key_type` is `invalid` where it cannot be read, and `subject` why."""

    pem: str
    key_type: str
    subject: str


def split_pem(text: str) -> tuple[str, ...]:
    """The certificates in a text; what stands around them is left out."""
    blocks = (block.replace("\r\n", "\n") for block in _BLOCK.findall(text))
    return tuple(f"{block}\n" for block in blocks)


def described(pem: str) -> ServerCertificate:
    try:
        return parsed(pem)
    except SettingsError as error:
        return ServerCertificate(pem, "invalid", str(error))


def parsed(pem: str) -> ServerCertificate:
    """Raises SettingsError for what is no certificate."""
    # Only these commands need it, and it is slow to load.
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        subject = certificate.subject.rfc4514_string()
        key = certificate.public_key()
    except Exception:
        raise SettingsError("the certificate cannot be read") from None
    names: tuple[tuple[type, str], ...] = (
        (rsa.RSAPublicKey, "rsa"),
        (ec.EllipticCurvePublicKey, "ecdsa"),
        (ed25519.Ed25519PublicKey, "ed25519"),
        (ed448.Ed448PublicKey, "ed448"),
        (dsa.DSAPublicKey, "dsa"),
    )
    found = next((name for kind, name in names if isinstance(key, kind)), "unknown")
    return ServerCertificate(pem, found, subject)
