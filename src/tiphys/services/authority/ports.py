"""What the authority needs of whoever can make certificates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from tiphys.model.certificates import KeyPair


class Issuer(Protocol):
    """Makes X.509 certificates. `now` is when they begin to hold, `lasts` how long they do."""

    def authority(self, name: str, *, now: datetime, lasts: timedelta) -> KeyPair: ...

    def issue(
        self,
        authority: KeyPair,
        names: Sequence[str],
        *,
        client: bool,
        now: datetime,
        lasts: timedelta,
    ) -> KeyPair:
        """For a server of these names, or for a client of the first of them. Raises ValueError
        where the authority's texts are none.
        """
        ...

    def until(self, certificate: str) -> datetime:
        """When it ends. Raises ValueError where it is none."""
        ...

    def issued_by(self, certificate: str, authority: str) -> bool:
        """Whether the authority made it; False for what is no certificate."""
        ...
