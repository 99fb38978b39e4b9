"""`cert rm`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.cert.session import run_certificates, type_of
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.ports import CertificateApi
from tiphys.cli.prompts import confirmed

_FLAGS = (
    text("cert-sub-type", "Only keys of this type, such as ssh-rsa"),
    text("cert-type", "Only these: ssh or https"),
)


@command("rm", _FLAGS, usage="REPOSERVER [flags]", summary="Remove certificates and keys.")
def remove(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    kind = type_of(call)
    pattern = call.words[0]
    if pattern == "*":
        raise FatalError("A single wildcard is not allowed as REPOSERVER name.")

    async def verb(api: CertificateApi) -> None:
        question = f"Are you sure you want to remove all certificates for '{pattern}'? [y/n]"
        if not confirmed(call, question):
            write(f"The command to remove all certificates for '{pattern}' was cancelled.\n")
            return
        gone = await api.delete(pattern, kind=kind, subtype=call.text("cert-sub-type"))
        if not gone:
            write("No certificates were removed (none matched the given pattern)\n")
        for one in gone:
            write(
                f"Removed cert for '{one.server}' of type '{one.type}' (subtype '{one.subtype}')\n"
            )

    run_certificates(call, verb)
