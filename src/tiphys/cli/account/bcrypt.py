"""`account bcrypt`: a password as argocd-secret has it, without a server or cluster."""

from __future__ import annotations

from tiphys.cli.app.session import wiring, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text


@command(
    "bcrypt",
    (text("password", "The password to be hashed"),),
    usage="[flags]",
    summary="Print the bcrypt hash of a password.",
)
def bcrypt(call: Call) -> None:
    call.require("password")
    write(wiring(call).hashed(call.text("password")))
