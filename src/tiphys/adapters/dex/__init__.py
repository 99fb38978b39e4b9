"""Dex: the program as it is started here, and the server as browsers reach it through us."""

from tiphys.adapters.dex.process import DexProcess
from tiphys.adapters.dex.relay import DexAddress, DexRelay

__all__ = ["DexAddress", "DexProcess", "DexRelay"]
