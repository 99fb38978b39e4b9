"""What the verbs on certificates share."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tiphys.cli.app.session import run_on, wiring
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.ports import CertificateApi

TYPES = ("", "ssh", "https")


def run_certificates(call: Call, verb: Callable[[CertificateApi], Awaitable[None]]) -> None:
    """Runs a verb on the certificates of a server, or of the cluster of the kube context."""
    run_on(call, verb, lambda server: server.certificates, wiring(call).certificates)


def input_of(call: Call) -> str:
    """What --from names, or standard input."""
    path = call.text("from")
    try:
        return Path(path).read_text() if path else sys.stdin.read()
    except OSError as error:
        raise FatalError(f"open {path}: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise FatalError(f"{path or 'standard input'} holds no text") from None


def type_of(call: Call) -> str:
    kind = call.text("cert-type")
    if kind not in TYPES:
        raise FatalError("cert-type must be either ssh or https", code=1)
    return kind
