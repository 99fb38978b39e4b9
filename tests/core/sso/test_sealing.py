from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tiphys.core.sso.sealing import opened, sealed, sealing_key

KEY = sealing_key(b"the server's secret")
NONCE = bytes(12)


def test_what_is_sealed_opens_with_its_key_at_its_place() -> None:
    box = sealed(KEY, b"state", nonce=NONCE, place="login")
    assert box[:12] == NONCE
    assert b"state" not in box
    assert opened(KEY, box, place="login") == b"state"


def test_nothing_else_opens_it() -> None:
    box = sealed(KEY, b"state", nonce=NONCE, place="login")
    assert opened(KEY, box, place="elsewhere") is None
    assert opened(sealing_key(b"another secret"), box, place="login") is None
    assert opened(KEY, box[:-1] + bytes([box[-1] ^ 1]), place="login") is None
    assert opened(KEY, b"short", place="login") is None


def test_the_key_is_scrypt_s_of_the_secret() -> None:
    secret = b"the server's secret"
    salt = hashlib.sha256(secret).digest()
    assert Scrypt(salt, length=32, n=16384, r=8, p=1).derive(secret) == KEY
