"""Who vouches for a commit: signed objects of Git, and what was found of their signatures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IntegrityMode(StrEnum):
    """Values are those of a project's spec.sourceIntegrity.git.policies[].gpg.mode."""

    NONE = "none"
    HEAD = "head"
    STRICT = "strict"


class SignatureState(StrEnum):
    """Values are the contract's words in problems."""

    GOOD = "good"
    UNSIGNED = "unsigned"
    BAD = "bad signature"
    EXPIRED = "expired signature"
    EXPIRED_KEY = "signed with expired key"
    REVOKED_KEY = "signed with revoked key"
    MISSING_KEY = "signed with key not in keyring"


@dataclass(frozen=True, slots=True)
class SignedObject:
    """A commit or annotated tag. `signature` is its armoured OpenPGP signature over `payload`, ``
    where it has none; `sealed` says that its message vouches for what came before.
    """

    revision: str
    author: str
    payload: bytes
    signature: str
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """`key_id` are the last 16 digits of the primary key's fingerprint, or what is known of it."""

    state: SignatureState
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    object: SignedObject
    signature: Signature


@dataclass(frozen=True, slots=True)
class IntegrityPolicy:
    """What commits of a repository have to be signed like, and by which keys."""

    mode: IntegrityMode
    keys: tuple[str, ...] = ()
