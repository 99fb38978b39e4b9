"""`version`: the version of the contract that this client speaks, and our own."""

from __future__ import annotations

import platform
import sys
from typing import Any

import tiphys
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes
from tiphys.cli.output import to_json, to_yaml

_CONTRACT = "3.6.0"
_FLAGS = (
    yes("client", "Only the client's; in core mode there is no other"),
    text("output", "wide, short, json or yaml", "o", "wide"),
    yes("short", "Only the version"),
)


@command("version", _FLAGS, usage="[flags]", summary="Show the version.")
def version(call: Call) -> None:
    if not call.yes("client"):
        from tiphys.cli.app.session import require_core

        require_core(call)
    short = call.yes("short") or call.text("output") == "short"
    match call.text("output"):
        case "json":
            print(to_json({"client": _short() if short else _long()}))
        case "yaml":
            print(to_yaml({"client": _short() if short else _long()}), end="")
        case "wide" | "short" | "":
            print(f"argocd: {_version()}")
            if not short:
                print("".join(f"  {name}: {value}\n" for name, value in _lines()), end="")
        case other:
            raise FatalError(f"unknown output format: {other}")


def _version() -> str:
    # Clients are compared by the contract's version; ours is build metadata, which never counts.
    return f"v{_CONTRACT}+tiphys.{tiphys.__version__}"


def _short() -> dict[str, Any]:
    return {"argocd": _version()}


def _long() -> dict[str, Any]:
    return {
        "Version": _version(),
        "BuildDate": "1970-01-01T00:00:00Z",
        "GitCommit": "",
        "GitTag": "",
        "GitTreeState": "",
        "GoVersion": "",
        "Compiler": f"{platform.python_implementation()} {platform.python_version()}",
        "Platform": f"{sys.platform}/{platform.machine()}",
        "KubectlVersion": "",
        "ExtraBuildInfo": "",
    }


def _lines() -> list[tuple[str, str]]:
    shown = ("BuildDate", "GitCommit", "GitTreeState", "GoVersion", "Compiler", "Platform")
    values = _long()
    return [(name, values[name]) for name in shown]
