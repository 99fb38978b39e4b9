"""The contract's messages: JSON values to bytes of Protocol Buffers and back, and what may be asked
over HTTP.
"""

from tiphys.core.wire.bodies import read_body_values
from tiphys.core.wire.decoding import decode
from tiphys.core.wire.encoding import encode
from tiphys.core.wire.gojson import json_bytes
from tiphys.core.wire.openapi import swagger
from tiphys.core.wire.requests import read_request
from tiphys.core.wire.schema import Contract, HttpRule, Method, Streaming, contract
from tiphys.core.wire.shaping import read_json, shape

__all__ = [
    "Contract",
    "HttpRule",
    "Method",
    "Streaming",
    "contract",
    "decode",
    "encode",
    "json_bytes",
    "read_body_values",
    "read_json",
    "read_request",
    "shape",
    "swagger",
]
