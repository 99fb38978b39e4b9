"""Keys that signatures are checked with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An OpenPGP key. `key_id` are the last 16 digits of the fingerprint; `kind` is such as
    `rsa4096`; `armoured` is its text.
    """

    key_id: str
    fingerprint: str
    owner: str
    kind: str
    armoured: str
