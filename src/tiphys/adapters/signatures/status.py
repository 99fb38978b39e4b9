"""What GnuPG says of a signature on its status channel (GnuPG's doc/DETAILS)."""

from __future__ import annotations

from typing import Final

from tiphys.model.integrity import Signature, SignatureState

_MARK: Final = "[GNUPG:] "
_ID: Final = 16
_VERDICTS: Final = {
    "GOODSIG": SignatureState.GOOD,
    "BADSIG": SignatureState.BAD,
    "EXPSIG": SignatureState.EXPIRED,
    "EXPKEYSIG": SignatureState.EXPIRED_KEY,
    "REVKEYSIG": SignatureState.REVOKED_KEY,
    "ERRSIG": SignatureState.BAD,
}
_NO_KEY: Final = "9"
_REASON: Final = 6
"""Of ERRSIG's words: why there is no verdict."""
_PRIMARY: Final = 10
"""Of VALIDSIG's words: the fingerprint of the primary key."""


def signature_of(status: str) -> Signature:
    """Good only where there is exactly one signature, and a valid one. More than one could be read
    as another than the one that was looked at.
    """
    verdicts: list[Signature] = []
    primary = ""
    for line in status.splitlines():
        if not line.startswith(_MARK):
            continue
        word, *rest = line.removeprefix(_MARK).split(" ")
        if word in _VERDICTS:
            verdicts.append(_verdict(word, rest))
        elif word == "VALIDSIG" and len(rest) >= _PRIMARY:
            primary = rest[_PRIMARY - 1][-_ID:]
    if len(verdicts) != 1:
        return Signature(SignatureState.BAD, verdicts[0].key_id if verdicts else "")
    state, key = verdicts[0].state, verdicts[0].key_id
    if state is SignatureState.GOOD and not primary:
        return Signature(SignatureState.BAD, key)
    return Signature(state, primary or key)


def _verdict(word: str, rest: list[str]) -> Signature:
    key = rest[0][-_ID:] if rest else ""
    missing = word == "ERRSIG" and len(rest) >= _REASON and rest[_REASON - 1] == _NO_KEY
    return Signature(SignatureState.MISSING_KEY if missing else _VERDICTS[word], key)
