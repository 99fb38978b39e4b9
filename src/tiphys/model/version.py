"""The version that clients are told: the contract's, with ours as build metadata."""

from __future__ import annotations

import tiphys

CONTRACT = "3.6.0"

# Clients are compared by the contract's version; build metadata never counts.
SHOWN = f"v{CONTRACT}+tiphys.{tiphys.__version__}"
