"""Commands and groups that behave like the contract's: lazy, and with its errors."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn, cast

import click

from tiphys.cli.defaults import default_flags
from tiphys.cli.errors import UsageError
from tiphys.cli.flags import FlagNames, is_true, sort_words
from tiphys.cli.globals import GLOBAL_FLAGS, Flag, FlagKind, global_flag

LATER = "is not supported by this version of Tiphys"


class GoType(click.ParamType[Any]):
    """Values of one kind of flag, with the contract's words for bad ones."""

    def __init__(self, kind: FlagKind) -> None:
        self.kind = kind
        self.name = kind.value

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        del ctx
        if not isinstance(value, str):
            return value
        converted = _CONVERT[self.kind](value)
        if converted is None:
            name = param.opts[0] if param else ""
            raise UsageError(f'invalid argument "{value}" for "{name}" flag: not {self.kind.noun}')
        return converted


def option(flag: Flag) -> click.Option:
    """The click option of a flag; the parameter's name is the flag's with underscores."""
    declared = [f"--{flag.name}", flag.name.replace("-", "_")]
    if flag.short:
        declared.insert(0, f"-{flag.short}")
    many = flag.kind.many
    return click.Option(
        declared,
        type=click.STRING if many else GoType(flag.kind),
        default=(flag.default or ()) if many else flag.default,
        multiple=many,
        help=flag.help,
        hidden=not flag.help,
        metavar="" if flag.kind is FlagKind.BOOL else flag.kind.value,
        show_default=flag.shown,
    )


class Command(click.Command):
    """A command of the contract. The callback gets only its own flags; `flags` names them."""

    def __init__(self, name: str, flags: Sequence[Flag], **attributes: Any) -> None:
        self.flags = (*flags, *(flag for flag in GLOBAL_FLAGS if _new(flag, flags)))
        params = [option(flag) for flag in self.flags]
        words = click.Argument(["words"], nargs=-1)
        super().__init__(name, params=[*params, words], **attributes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = sort_words(args, flag_names(self.flags))
        if any(name == "help" and is_true(value) for name, value in found.flags):
            click.echo(ctx.get_help())
            ctx.exit()
        self._refuse_later(found.flags)
        own = frozenset(name for name, _ in found.flags)
        # What stands on the line beats the environment.
        defaults = [one for one in default_flags(os.environ) if self._takes(one[0], own)]
        self._refuse_later(defaults)
        ctx.meta["changed"] = own | {name for name, _ in defaults}
        # click takes `-o=x` apart otherwise than the contract does, so all are written long.
        line = [f"--{name}={value}" for name, value in (*defaults, *found.flags)]
        return super().parse_args(ctx, [*line, "--", *found.words])

    def _takes(self, name: str, given: frozenset[str]) -> bool:
        """Whether the global flag of this name is the command's, and was not given."""
        return name not in given and global_flag(name) in self.flags

    def _refuse_later(self, given: Sequence[tuple[str, str]]) -> None:
        later = {flag.name for flag in self.flags if flag.later}
        for name, _ in given:
            if name in later:
                raise UsageError(f"--{name} {LATER}")

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        del ctx
        return [str(self.options_metavar)]


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called: `module:attribute` by name."""

    def __init__(
        self,
        name: str,
        lazy: Mapping[str, tuple[str, str]],
        *,
        later: Collection[str] = (),
        flags: Sequence[Flag] = (),
        **attributes: Any,
    ) -> None:
        """`later` are the contract's, and are refused by name in this version. `flags` are those
        of all its commands, which may stand before the command too.
        """
        super().__init__(name, add_help_option=False, **attributes)
        self.lazy = dict(lazy)
        self.later = frozenset(later)
        self.flags = (*GLOBAL_FLAGS, *flags)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        return cast("click.Command", getattr(importlib.import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        # The summaries stand here, so that help imports no command.
        rows = [(name, self.lazy[name][1]) for name in sorted(self.lazy) if self.lazy[name][1]]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = sort_words(args, flag_names(self.flags), first_word_ends=True)
        given = [f"--{name}={value}" for name, value in found.flags]
        wants_help = any(name == "help" and is_true(value) for name, value in found.flags)
        if not found.words:
            click.echo(ctx.get_help())
            ctx.exit(0 if wants_help or ctx.parent is None else 1)
        name, *rest = found.words
        if name in self.later:
            path = " ".join([*ctx.command_path.split()[1:], name])
            raise UsageError(f"{path} {LATER}")
        if name not in self.lazy:
            if ctx.parent is None:
                _plugin(ctx, found.words)
            _unknown(ctx, name)
        # Flags before the subcommand are the subcommand's as well.
        ctx._protected_args, ctx.args = [name], [*given, *rest]
        return ctx.args


def group(
    name: str,
    lazy: Mapping[str, tuple[str, str]],
    summary: str,
    *,
    later: Collection[str] = (),
    flags: Sequence[Flag] = (),
) -> LazyGroup:
    return LazyGroup(name, lazy, later=later, flags=flags, help=summary)


def command(
    name: str, flags: Sequence[Flag], *, usage: str, summary: str
) -> Callable[[Callable[..., None]], Command]:
    """Makes a command of a function that takes a Call."""

    def make(function: Callable[..., None]) -> Command:
        def callback(words: tuple[str, ...], **values: Any) -> None:
            ctx = click.get_current_context()
            function(Call(ctx, words, values))

        return Command(
            name,
            flags,
            callback=callback,
            help=summary,
            options_metavar=usage,
            add_help_option=False,
        )

    return make


class Call:
    """One call of a command: its words, its flags, and which of them were given."""

    def __init__(self, ctx: click.Context, words: Sequence[str], values: Mapping[str, Any]) -> None:
        self._ctx = ctx
        self.words = tuple(words)
        self._values = values

    def text(self, name: str) -> str:
        return str(self._values[name.replace("-", "_")] or "")

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._values[name.replace("-", "_")])

    def parts(self, name: str) -> tuple[str, ...]:
        """The texts of a flag that takes several with commas between them."""
        return tuple(part for text in self.texts(name) for part in text.split(",") if part)

    def numbers(self, name: str) -> tuple[int, ...]:
        """The same as numbers. Raises UsageError for what is none."""
        found = []
        for part in self.parts(name):
            number = _integer(part)
            if number is None:
                raise UsageError(f'invalid argument "{part}" for "--{name}" flag: not a number')
            found.append(number)
        return tuple(found)

    def yes(self, name: str) -> bool:
        return bool(self._values[name.replace("-", "_")])

    def number(self, name: str) -> int:
        return int(self._values[name.replace("-", "_")] or 0)

    def given(self, name: str) -> bool:
        changed: frozenset[str] = self._ctx.meta["changed"]
        return name in changed

    def has(self, flag: Flag) -> bool:
        """Whether the command takes this very flag, not another of the name."""
        command = self._ctx.command
        return isinstance(command, Command) and flag in command.flags

    def owns(self, name: str) -> bool:
        """Whether the command has a flag of its own in place of the global one."""
        command = self._ctx.command
        flags = command.flags if isinstance(command, Command) else ()
        return any(flag.name == name and flag not in GLOBAL_FLAGS for flag in flags)

    def require(self, *names: str) -> None:
        """Raises UsageError for flags that have to be given and are not."""
        missing = [f'"{name}"' for name in names if not self.given(name)]
        if missing:
            raise UsageError(f"required flag(s) {', '.join(missing)} not set")

    @property
    def program(self) -> str:
        """The name that the program was called by."""
        return str(self._ctx.find_root().info_name)

    @property
    def path(self) -> str:
        """The command as it was written, without the program."""
        return " ".join(self._ctx.command_path.split()[1:])

    @property
    def wiring(self) -> Any:
        """What the composition root hands in; see tiphys.cli.ports.Wiring."""
        return self._ctx.find_root().obj

    @property
    def help(self) -> str:
        return self._ctx.get_help() + "\n"

    def help_and_fail(self) -> NoReturn:
        """The usual answer to a wrong number of words."""
        click.echo(self._ctx.get_help())
        self._ctx.exit(1)


def flag_names(flags: Sequence[Flag]) -> FlagNames:
    long = {flag.name: flag.kind is FlagKind.BOOL for flag in flags}
    short = {flag.short: flag.name for flag in flags if flag.short}
    return FlagNames({**long, "help": True}, {**short, "h": "help"})


def _new(flag: Flag, flags: Sequence[Flag]) -> bool:
    return all(flag.name != other.name for other in flags)


def _plugin(ctx: click.Context, words: Sequence[str]) -> None:
    from tiphys.cli.plugins import run_plugin

    run_plugin(str(ctx.info_name), words)


def _unknown(ctx: click.Context, name: str) -> NoReturn:
    path = ctx.command_path
    raise UsageError(
        f'unknown command "{name}" for "{path}"', hint=f"Run '{path} --help' for usage."
    )


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _natural(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _duration(text: str) -> str | None:
    from tiphys.core.settings.duration import format_duration, parse_duration

    seconds = parse_duration(text.removeprefix("-"))
    return None if seconds is None else format_duration(seconds)


_CONVERT: Mapping[FlagKind, Callable[[str], Any]] = {
    FlagKind.BOOL: is_true,
    FlagKind.TEXT: lambda text: text,
    FlagKind.STRINGS: lambda text: text,
    FlagKind.COMMAS: lambda text: text,
    FlagKind.INTEGERS: lambda text: text,
    FlagKind.INTEGER: _integer,
    FlagKind.NATURAL: _natural,
    FlagKind.DURATION: _duration,
}
