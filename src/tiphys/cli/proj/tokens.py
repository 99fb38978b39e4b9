"""`proj role create-token`, `delete-token` and `list-tokens`."""

from __future__ import annotations

import base64
import json
from typing import Any

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, yes
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.roles import find_role, moment
from tiphys.cli.proj.session import require_words, run_projects, wrong
from tiphys.cli.proj.views import filled
from tiphys.cli.prompts import confirmed
from tiphys.core.project.policies import role_subject
from tiphys.core.settings.duration import parse_duration

_ROLE = "PROJECT ROLE-NAME [flags]"
_NEVER = "Never"
_GAP = 4


@command(
    "create-token",
    (
        text("expires-in", "How long it is good, such as 12h or 7d; for ever if not given", "e"),
        text("id", "The token's id; a random one if not given", "i"),
        yes("token-only", "Print nothing but the token", "t"),
    ),
    usage=_ROLE,
    summary="Issue a token for a role.",
)
def create_token(call: Call) -> None:
    require_words(call, 2)
    project, role = call.words
    seconds = parse_duration(call.text("expires-in") or "0")
    if seconds is None:
        raise wrong(f"--expires-in takes a duration such as 12h, not {call.text('expires-in')}")

    async def verb(api: ProjectApi) -> None:
        token = await api.create_token(
            project, role, expires_in=int(seconds), token_id=call.text("id")
        )
        write(f"{token}\n" if call.yes("token-only") else _shown(project, role, token))

    run_projects(call, verb)


@command(
    "delete-token",
    (),
    usage="PROJECT ROLE-NAME ISSUED-AT [flags]",
    summary="Take back a token.",
)
def delete_token(call: Call) -> None:
    require_words(call, 3)
    project, role, issued = call.words
    if not (issued.isascii() and issued.isdigit()):
        raise wrong(f"ISSUED-AT takes seconds since 1970, not {issued}")

    async def verb(api: ProjectApi) -> None:
        if not confirmed(call, f"Are you sure you want to delete '{project}' project token? [y/n]"):
            write(f"The command to delete project token '{project}' was cancelled.\n")
            return
        await api.delete_token(project, role, issued=int(issued))

    run_projects(call, verb)


@command(
    "list-tokens",
    (yes("unixtime", "Show times as seconds since 1970", "u"),),
    usage=_ROLE,
    summary="List the tokens of a role.",
)
def list_tokens(call: Call) -> None:
    require_words(call, 2)
    project, role = call.words
    show = str if call.yes("unixtime") else moment

    async def verb(api: ProjectApi) -> None:
        tokens = find_role(await api.get(project), role).jwt_tokens
        if not tokens:
            write(f"No tokens for {project}.{role}\n")
            return
        rows = [
            (token.id, show(token.iat), show(token.exp) if token.exp else _NEVER)
            for token in tokens
        ]
        write(filled([("ID", "ISSUED AT", "EXPIRES AT"), *rows], _GAP))

    run_projects(call, verb)


def _shown(project: str, role: str, token: str) -> str:
    said = _claims(token)
    expires = moment(said["exp"]) if said.get("exp") else _NEVER
    return (
        f"Create token succeeded for {role_subject(project, role)}.\n"
        f"  ID: {said['jti']}\n"
        f"  Issued At: {moment(said['iat'])}\n"
        f"  Expires At: {expires}\n"
        f"  Token: {token}\n"
    )


def _claims(token: str) -> dict[str, Any]:
    """What a token says; whoever has just been given it need not check it."""
    body = token.split(".")[1]
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return said
