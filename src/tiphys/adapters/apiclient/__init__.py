"""A client of the API: gRPC over HTTP/2, and gRPC-web over HTTP where a proxy knows no gRPC.

It carries messages in the contract's JSON shape; what they mean is left to others.
"""

from __future__ import annotations

from tiphys.adapters.apiclient.client import ApiClient
from tiphys.adapters.apiclient.errors import ConnectError
from tiphys.adapters.apiclient.visits import log_out, look_at_tls

__all__ = ["ApiClient", "ConnectError", "log_out", "look_at_tls"]
