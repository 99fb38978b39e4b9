"""The version that clients are told: the contract's, with ours as build metadata."""

from __future__ import annotations

import tiphys

CONTRACT = "3.6.0"

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

# Clients are compared by the contract's version; build metadata never counts.
SHOWN = f"v{CONTRACT}+tiphys.{tiphys.__version__}"


def platform_of(system: str, machine: str) -> str:
    """A platform by the names that the contract's programs have for it."""
    return f"{system}/{_MACHINES.get(machine, machine)}"
