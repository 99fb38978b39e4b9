"""What evaluating users' expressions gives."""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.model.resource import Manifest


@dataclass(frozen=True, slots=True)
class Pruned:
    """A manifest without the paths that expressions named.

    `skipped` tells of expressions that could not be used on it: the text and why, such as the
    time limit. They have left the manifest as it was.
    """

    manifest: Manifest
    skipped: tuple[tuple[str, str], ...] = ()
