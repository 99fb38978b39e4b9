"""OpenPGP signatures of commits and tags, judged by GnuPG."""

from tiphys.adapters.signatures.gnupg import GnuPGSignatures

__all__ = ["GnuPGSignatures"]
