"""`account session-token`: for scripts that call the API by themselves."""

from __future__ import annotations

import time

from tiphys.cli.app.session import check_output, write
from tiphys.cli.claims import account_name, claims_of
from tiphys.cli.command import Call, command
from tiphys.cli.connecting import chosen
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text
from tiphys.cli.output import to_json

_FLAGS = (text("output", "json for all that the token says", "o"),)


@command("session-token", _FLAGS, usage="[flags]", summary="Show one's own token.")
def session_token(call: Call) -> None:
    if call.words:
        call.help_and_fail()
    check_output(call.text("output"), ("", "json"))
    found = chosen(call)
    token = found.connection.token if found.connection else ""
    if not token:
        raise FatalError("No context found. Login using `argocd login`", code=1)
    if not call.text("output"):
        write(f"{token}\n")
        return
    claims = claims_of(token)
    issuer = str(claims.get("iss") or "")
    shown = {
        "type": "local" if issuer == "argocd" else "sso",
        "issuer": issuer,
        "username": account_name(claims),
        "token": token,
        "has_refresh_token": bool(found.user and found.user.refresh_token),
        "issued_at": _moment(claims.get("iat")),
        "expires_at": _moment(claims.get("exp")),
    }
    write(to_json({key: shown[key] for key in sorted(shown) if shown[key] is not None}) + "\n")


def _moment(seconds: object) -> str | None:
    if not isinstance(seconds, int | float):
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
