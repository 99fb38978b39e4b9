"""`completion`: scripts that let a shell complete commands and flags.

The scripts know nothing themselves: they ask `__complete` with the words so far, of which the last
is the one to complete, and offer its lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, Command, LazyGroup, command
from tiphys.cli.errors import Ended
from tiphys.cli.globals import Flag

_BASH = """# bash completion for {program}
_{name}_complete() {{
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
    "${{COMP_WORDS[0]}}" __complete -- "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null
  )
}}
complete -o default -F _{name}_complete {program}
"""
_ZSH = """#compdef {program}
_{name}_complete() {{
  local -a found
  found=("${{(@f)$("${{words[1]}}" __complete -- "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
  compadd -a found
}}
compdef _{name}_complete {program}
"""
_FISH = """# fish completion for {program}
function _{name}_complete
  set -l words (commandline -opc)
  $words[1] __complete -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c {program} -f -a '(_{name}_complete)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@command(
    "completion",
    (),
    usage="SHELL",
    summary="Print a script that lets bash, zsh or fish complete commands and flags.",
)
def completion(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    script = _SCRIPTS.get(call.words[0])
    if script is None:
        write(f"Invalid shell '{call.words[0]}'. The supported shells are bash, zsh and fish.\n")
        raise Ended(1)
    name = "".join(sign if sign.isalnum() else "_" for sign in call.program)
    write(script.format(program=call.program, name=name))


class _Complete(click.Command):
    """Takes its line as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = args[1:] if args[:1] == ["--"] else args
        root = ctx.find_root().command
        found = candidates(root, words or [""]) if isinstance(root, LazyGroup) else []
        for one in found:
            click.echo(one)
        ctx.exit()


complete = _Complete("__complete", hidden=True)


def candidates(root: LazyGroup, words: Sequence[str]) -> list[str]:
    """What the last word may become: a flag where it begins like one, else a subcommand."""
    *before, last = words
    reached: click.Command | None = root
    for word in before:
        if word.startswith("-") or not isinstance(reached, LazyGroup):
            continue
        # What is no command may be the value of a flag.
        reached = _sub(root, reached, word) or reached
    if last.startswith("-"):
        found = _flags(reached)
    elif isinstance(reached, LazyGroup):
        found = [name for name in reached.lazy if not name.startswith("_")]
    else:
        found = []
    return sorted({one for one in found if one.startswith(last)})


def _sub(root: LazyGroup, group: LazyGroup, word: str) -> click.Command | None:
    return group.get_command(click.Context(root), word)


def _flags(reached: click.Command | None) -> Iterable[str]:
    flags: Sequence[Flag] = ()
    if isinstance(reached, LazyGroup | Command):
        flags = reached.flags
    return [f"--{flag.name}" for flag in flags if flag.help and not flag.later]
