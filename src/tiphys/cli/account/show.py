"""`account list` and `account get`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.cli.app.session import check_output, run_server, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.output import labelled, table, to_json, to_yaml
from tiphys.cli.ports import ServerApi

_OUTPUTS = ("json", "yaml", "wide", "name")
_LIST_FLAGS = (text("output", "wide, name, json or yaml", "o", "wide"),)
_GET_FLAGS = (
    text("account", "The account; one's own where none is named", "a"),
    *_LIST_FLAGS,
)


@command("list", _LIST_FLAGS, usage="[flags]", summary="List accounts.")
def list_command(call: Call) -> None:
    output = call.text("output")

    async def verb(server: ServerApi) -> None:
        found = await server.accounts.list()
        check_output(output, _OUTPUTS)
        match output:
            case "json":
                write(to_json(list(found)) + "\n")
            case "yaml":
                write(to_yaml(list(found)))
            case "name":
                write("".join(f"{one.get('name', '')}\n" for one in found))
            case _:
                write(table([("NAME", "ENABLED", "CAPABILITIES"), *map(_row, found)]))

    run_server(call, verb)


@command("get", _GET_FLAGS, usage="[flags]", summary="Show an account.")
def get(call: Call) -> None:
    output = call.text("output")

    async def verb(server: ServerApi) -> None:
        name = call.text("account") or await own_name(server)
        found = await server.accounts.get(name)
        check_output(output, _OUTPUTS)
        match output:
            case "json":
                write(to_json(found) + "\n")
            case "yaml":
                write(to_yaml(found))
            case "name":
                write(f"{found.get('name', '')}\n")
            case _:
                write(_details(found, time.time()))

    run_server(call, verb)


async def own_name(server: ServerApi) -> str:
    return str((await server.accounts.user_info()).get("username") or "")


def _row(account: Mapping[str, Any]) -> tuple[str, ...]:
    enabled = "true" if account.get("enabled") else "false"
    return str(account.get("name") or ""), enabled, _capabilities(account)


def _details(account: Mapping[str, Any], now: float) -> str:
    name, enabled, capabilities = _row(account)
    shown = labelled("Name:", name) + labelled("Enabled:", enabled)
    shown += labelled("Capabilities:", capabilities) + "\nTokens:\n"
    tokens = account.get("tokens") or ()
    return shown + (_tokens(tokens, now) if tokens else "NONE\n")


def _tokens(tokens: Sequence[Mapping[str, Any]], now: float) -> str:
    rows = [
        (
            str(one.get("id") or ""),
            _time(int(one.get("issuedAt") or 0)),
            _end(int(one.get("expiresAt") or 0), now),
        )
        for one in tokens
    ]
    return table([("ID", "ISSUED AT", "EXPIRING AT"), *rows])


def _end(seconds: int, now: float) -> str:
    if not seconds:
        return "never"
    return _time(seconds) + (" (expired)" if seconds < now else "")


def _time(seconds: int) -> str:
    text_of = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))
    at, zone = text_of[:-5], text_of[-5:]
    return at + ("Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}")


def _capabilities(account: Mapping[str, Any]) -> str:
    return ", ".join(account.get("capabilities") or ())
