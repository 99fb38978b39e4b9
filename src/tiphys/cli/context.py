"""`context`: the servers that one is logged in to, and which of them is meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.connecting import local_path
from tiphys.cli.errors import Ended, FatalError
from tiphys.cli.globals import yes
from tiphys.cli.localconfig import LocalConfig, read_config, write_config
from tiphys.cli.output import table

_FLAGS = (yes("delete", "Forget the context"),)
_PREVIOUS = ".prev-ctx"


@command("context", _FLAGS, usage="[CONTEXT] [flags]", summary="Show contexts, or choose one.")
def context(call: Call) -> None:
    path = local_path(call)
    config = required_config(path)
    if call.yes("delete"):
        if not call.words:
            call.help_and_fail()
        _delete(path, config, call.words[0])
    elif call.words:
        _switch(path, config, call.words[0])
    else:
        write(_shown(config))


def required_config(path: Path) -> LocalConfig:
    """Ends the command where there is no file."""
    config = read_config(path)
    if config is None:
        write("No local configuration found\n")
        raise Ended(1)
    return config


def _shown(config: LocalConfig) -> str:
    rows = [
        ("*" if one.name == config.current else "", one.name, one.server) for one in config.contexts
    ]
    return table([("CURRENT", "NAME", "SERVER"), *rows])


def _switch(path: Path, config: LocalConfig, asked: str) -> None:
    previous = path.parent / _PREVIOUS
    name = asked
    if asked == "-":
        try:
            name = previous.read_text().strip()
        except OSError as error:
            raise FatalError(f"open {previous}: {(error.strerror or '').lower()}") from None
    if name == config.current:
        write(f"Already at context '{name}'\n")
        return
    if config.context(name) is None:
        raise FatalError(f"Context '{name}' undefined", code=1)
    write_config(path, replace(config, current=name))
    previous.write_text(config.current)
    write(f"Switched to context '{name}'\n")


def _delete(path: Path, config: LocalConfig, name: str) -> None:
    found = config.context(name)
    if found is None:
        raise FatalError(f"Context {name} does not exist", code=1)
    left = config.without_context(found)
    if left.servers:
        write_config(path, left)
    else:
        path.unlink()
    write(f"Context '{name}' deleted\n")
