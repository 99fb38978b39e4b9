"""`cert add-ssh`."""

from __future__ import annotations

from tiphys.cli.app.session import write
from tiphys.cli.cert.session import input_of, run_certificates
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.ports import CertificateApi

_FLAGS = (
    yes("batch", "Read lines as OpenSSH's known_hosts has them"),
    text("from", "A file with such lines; standard input otherwise"),
    yes("upsert", "Take the place of other keys of the hosts"),
)


@command("add-ssh", _FLAGS, usage="--batch [flags]", summary="Add keys of SSH hosts.")
def add_ssh(call: Call) -> None:
    if not call.yes("batch"):
        raise FatalError("you need to specify --batch or specify --help for usage instructions")

    async def verb(api: CertificateApi) -> None:
        from tiphys.core.repositories.knownhosts import parse_known_hosts, single_hosts

        keys = single_hosts(parse_known_hosts(_read(call)))
        if not keys:
            raise FatalError("No valid SSH known hosts data found.")
        new = await api.add_keys(keys, upsert=call.yes("upsert"))
        write(f"Successfully created {len(new)} SSH known host entries\n")

    run_certificates(call, verb)


def _read(call: Call) -> str:
    if call.text("from"):
        write(f"Reading SSH known hosts entries from file '{call.text('from')}'\n")
    else:
        write("Enter SSH known hosts entries, one per line. Press CTRL-D when finished.\n")
    return input_of(call)
