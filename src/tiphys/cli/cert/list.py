"""`cert list`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiphys.cli.app.session import check_output, write
from tiphys.cli.cert.session import run_certificates, type_of
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import CertificateApi

if TYPE_CHECKING:
    from tiphys.services.repositories.certificates import Certificate

_FLAGS = (
    text("cert-type", "Only these: ssh or https"),
    text("hostname-pattern", "Only hosts that this glob matches"),
    text("output", "json, yaml or wide", "o", "wide"),
    text("sort", "By hostname or type"),
)
_HEADER = ("HOSTNAME", "TYPE", "SUBTYPE", "INFO")


@command("list", _FLAGS, usage="[flags]", summary="List certificates and keys of servers.")
def list_command(call: Call) -> None:
    kind = type_of(call)
    order = call.text("sort")
    if order not in ("", "hostname", "type"):
        raise FatalError(f"unknown sort order: {order}; it is hostname or type", code=1)

    async def verb(api: CertificateApi) -> None:
        found = list(await api.list(pattern=call.text("hostname-pattern"), kind=kind))
        check_output(call.text("output"), ("json", "yaml", "wide", ""))
        if order == "type":
            found.sort(key=lambda one: (one.type, one.server, one.subtype))
        else:
            found.sort(key=lambda one: (one.server, one.type, one.subtype))
        write(_shown(found, call.text("output")))

    run_certificates(call, verb)


def _shown(found: Sequence[Certificate], output: str) -> str:
    match output:
        case "json":
            return to_json([one.to_json() for one in found]) + "\n"
        case "yaml":
            return to_yaml([one.to_json() for one in found])
        case _:
            rows = [(one.server, one.type, one.subtype, one.info) for one in found]
            return table([_HEADER, *rows])
