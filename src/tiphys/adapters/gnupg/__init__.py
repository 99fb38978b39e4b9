"""OpenPGP keys, read by GnuPG in a keyring that is gone afterwards."""

from tiphys.adapters.gnupg.keys import GnuPG

__all__ = ["GnuPG"]
