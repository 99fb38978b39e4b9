"""`proj set`: a spec changed by flags."""

from __future__ import annotations

from tiphys.cli.command import Call, command
from tiphys.cli.log import Level, log
from tiphys.cli.proj.session import change, require_words
from tiphys.cli.proj.specflags import SPEC_FLAGS, apply_flags, asked


@command("set", SPEC_FLAGS, usage="PROJECT [flags]", summary="Change a project's spec.")
def set_command(call: Call) -> None:
    require_words(call, 1)
    if not asked(call):
        log(Level.ERROR, "Please set at least one option to update", form=call.text("logformat"))
        call.help_and_fail()
    change(call, lambda project: apply_flags(call, project.spec))
