"""OpenPGP keys without OpenPGP, behind the port KeyReader: `KEY <id> <owner>`, one a line."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.model.errors import SettingsError
from tiphys.model.openpgp import PublicKey


class FakeKeys:
    async def read(self, text: str) -> Sequence[PublicKey]:
        found = []
        for line in text.splitlines():
            word, key_id, owner = (*line.split(" ", 2), "", "")[:3]
            if word != "KEY":
                raise SettingsError("the key data cannot be read as OpenPGP keys")
            found.append(PublicKey(key_id, f"{'A' * 24}{key_id}", owner, "rsa4096", f"{line}\n"))
        return found
