"""`configure`: settings of this client."""

from __future__ import annotations

from dataclasses import replace

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.connecting import local_path
from tiphys.cli.context import required_config
from tiphys.cli.globals import yes
from tiphys.cli.localconfig import write_config

_FLAGS = (yes("prompts-enabled", "Ask before what cannot be undone"),)


@command("configure", _FLAGS, usage="[flags]", summary="Change settings of this client.")
def configure(call: Call) -> None:
    path = local_path(call)
    config = required_config(path)
    asking = call.yes("prompts-enabled")
    write_config(path, replace(config, prompts_enabled=asking))
    write("Successfully updated the following configuration settings:\n")
    write(f"prompts-enabled: {'true' if asking else 'false'}\n")
