"""Seals what browsers and caches keep for us: AES-256-GCM under a key made of the server's own."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


def sealing_key(server_secret: bytes) -> bytes:
    """Slow on purpose, some 50 ms: make it once for a secret."""
    salt = hashlib.sha256(server_secret).digest()
    return hashlib.scrypt(server_secret, salt=salt, n=16384, r=8, p=1, dklen=32, maxmem=64 << 20)


def sealed(key: bytes, data: bytes, *, nonce: bytes, place: str = "") -> bytes:
    """The nonce, then what only the key opens. `place` is what it is bound to, as its name."""
    return nonce + AESGCM(key).encrypt(nonce, data, place.encode())


def opened(key: bytes, data: bytes, *, place: str = "") -> bytes | None:
    """None where it was not sealed with this key for this place."""
    if len(data) <= NONCE_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place.encode())
    except InvalidTag:
        return None
