"""`version`: the version of the contract that this client speaks, and the server's."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from typing import Any

from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.output import to_json, to_yaml
from tiphys.model.version import SHOWN, platform_of

_FLAGS = (
    yes("client", "Only the client's"),
    text("output", "wide, short, json or yaml", "o", "wide"),
    yes("short", "Only the version"),
)
_CLIENT_LINES = ("BuildDate", "GitCommit", "GitTreeState", "GoVersion", "Compiler", "Platform")
_SERVER_LINES = {
    "BuildDate": "BuildDate",
    "GitCommit": "GitCommit",
    "GitTreeState": "GitTreeState",
    "GitTag": "GitTag",
    "GoVersion": "GoVersion",
    "Compiler": "Compiler",
    "Platform": "Platform",
    "ExtraBuildInfo": "ExtraBuildInfo",
    "KustomizeVersion": "Kustomize Version",
    "HelmVersion": "Helm Version",
    "KubectlVersion": "Kubectl Version",
    "JsonnetVersion": "Jsonnet Version",
}


@command("version", _FLAGS, usage="[flags]", summary="Show the version.")
def version(call: Call) -> None:
    short = call.yes("short") or call.text("output") == "short"
    server = None if call.yes("client") else _server(call)
    match call.text("output"):
        case "json":
            print(to_json(_both(server, short=short)))
        case "yaml":
            print(to_yaml(_both(server, short=short)), end="")
        case "wide" | "short" | "":
            print(_client_text(short=short) + _server_text(server, short=short), end="")
        case other:
            raise FatalError(f"unknown output format: {other}")


def _server(call: Call) -> Mapping[str, Any] | None:
    """None in core mode, where the client is all there is."""
    from tiphys.cli.app.session import server_choice

    choice = server_choice(call)
    if choice is None:
        return None
    import asyncio

    from tiphys.cli.app.session import opened

    async def ask() -> Mapping[str, Any]:
        async with opened(call, choice) as server:
            return await server.version()

    return asyncio.run(ask())


def _both(server: Mapping[str, Any] | None, *, short: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"client": {"argocd": SHOWN} if short else _long()}
    if server is not None:
        version_of = server.get("Version") or ""
        found["server"] = {"argocd-server": version_of} if short else dict(server)
    return found


def _client_text(*, short: bool) -> str:
    values = _long()
    lines = [] if short else [f"  {name}: {values[name]}\n" for name in _CLIENT_LINES]
    return f"argocd: {SHOWN}\n" + "".join(lines)


def _server_text(server: Mapping[str, Any] | None, *, short: bool) -> str:
    if server is None:
        return ""
    shown = {} if short else _SERVER_LINES
    lines = [f"  {label}: {server[name]}\n" for name, label in shown.items() if server.get(name)]
    return f"argocd-server: {server.get('Version') or ''}\n" + "".join(lines)


def _long() -> dict[str, Any]:
    return {
        "Version": SHOWN,
        "BuildDate": "1970-01-01T00:00:00Z",
        "GitCommit": "",
        "GitTag": "",
        "GitTreeState": "",
        "GoVersion": "",
        "Compiler": f"{platform.python_implementation()} {platform.python_version()}",
        "Platform": platform_of(sys.platform, platform.machine()),
        "KubectlVersion": "",
        "ExtraBuildInfo": "",
    }
