"""What an archive may hold: said before anything of it is believed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bytes unless said. `extracted` 0 is no limit, as the contract's settings can have it.

    `ratio` is how often an archive may be larger unpacked than packed; it counts from
    `ratio_from` on, for small ones of repeated text are honest. `depth` is of folders.
    """

    packed: int = 512 << 20
    extracted: int = 1_000_000_000
    entries: int = 100_000
    depth: int = 100
    name: int = 4096
    ratio: int = 200
    ratio_from: int = 16 << 20


class ArchiveError(Exception):
    """What is wrong with an archive, without its content."""
