"""`cert add-tls`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.cert.session import input_of, run_certificates
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, yes
from tiphys.cli.ports import CertificateApi

_FLAGS = (
    text("from", "A file with certificates in PEM; standard input otherwise"),
    yes("upsert", "Take the place of other certificates of the server"),
)


@command("add-tls", _FLAGS, usage="SERVERNAME [flags]", summary="Add certificates of a server.")
def add_tls(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CertificateApi) -> None:
        pems = _unique(_read(call))
        if not pems:
            write("No valid certificates have been detected in the stream.\n")
            return
        server = call.words[0]
        await api.add_server(server, pems, upsert=call.yes("upsert"))
        write(
            f"Created/updated TLS certificate entry for repository server {server} "
            f"with {len(pems)} unique PEM certificates\n"
        )

    run_certificates(call, verb)


def _read(call: Call) -> str:
    if call.text("from"):
        write(f"Reading TLS certificate data in PEM format from '{call.text('from')}'\n")
    else:
        write("Enter TLS certificate data in PEM format. Press CTRL-D when finished.\n")
    return input_of(call)


def _unique(given: str) -> list[str]:
    """One certificate a subject, the first. Raises SettingsError for what is none."""
    from tiphys.core.repositories.certificates import parsed, split_pem

    found: dict[str, str] = {}
    for pem in split_pem(given):
        subject = parsed(pem).subject
        if subject in found:
            write(f"WARNING: the certificate with subject '{subject}' is given twice\n")
            continue
        found[subject] = pem
    return list(found.values())
