"""Certificates as texts."""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.model.repository import Confidential


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key in PEM form."""

    certificate: str
    key: Confidential
