"""Flags of processes as the contract has them: typed, with defaults, and environment variables.

A flag beats its environment variable, which beats the ConfigMaps. What a flag says of a setting
becomes an entry that is laid over the ConfigMap; what this version cannot honour is accepted only
where it asks for what happens anyway, and is refused by name otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tiphys.cli.command import LATER
from tiphys.cli.errors import UsageError
from tiphys.cli.flags import FlagNames, is_true, sort_words
from tiphys.core.settings.duration import parse_duration


class GoKind(Enum):
    """What a flag takes; values are what help shows."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    DURATION = "duration"
    STRING = "string"
    STRINGS = "strings"
    STRING_ARRAY = "stringArray"
    STRING_TO_STRING = "stringToString"
    REASONS = "none"
    VALUE = "value"

    @property
    def many(self) -> bool:
        return self in (GoKind.STRINGS, GoKind.STRING_ARRAY, GoKind.REASONS)


class Where(Enum):
    """What a flag is about."""

    GENERAL = "argocd-cm"
    PARAMS = "argocd-cmd-params-cm"
    PROCESS = "process"
    ONLY_DEFAULT = "only default"


@dataclass(frozen=True, slots=True)
class ServerFlag:
    """`default` is as the contract writes it, empty for a zero value. `key` names the setting.

    `accepted` are further values that ask for what happens anyway. `in_seconds`: the flag is a
    number of seconds, where its variable and its setting are durations.
    """

    name: str
    kind: GoKind
    default: str = ""
    short: str = ""
    env: str = ""
    where: Where = Where.PROCESS
    key: str = ""
    accepted: tuple[str, ...] = ()
    in_seconds: bool = False
    help: str = ""

    @property
    def usual(self) -> str:
        """The value where nobody gives one."""
        if self.default:
            return self.default
        return {GoKind.BOOL: "false", GoKind.INT: "0", GoKind.DURATION: "0s"}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Given:
    """What flags and environment say. `texts` has every flag of the process; lists are apart in
    `lists`. `general` and `params` are laid over the ConfigMaps. `said` are the names of flags that
    somebody gave, by whatever way.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    general: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    said: frozenset[str] = frozenset()
    wants_help: bool = False

    def yes(self, name: str) -> bool:
        return bool(is_true(self.texts[name]))

    def number(self, name: str) -> int:
        return int(self.texts[name])

    def seconds(self, name: str) -> float:
        return parse_duration(self.texts[name]) or 0.0


def read_flags(
    flags: Sequence[ServerFlag], line: Sequence[str], environment: Mapping[str, str]
) -> Given:
    """Raises UsageError for what is no flag, no value of its kind, or not supported."""
    found = sort_words(line, _names(flags))
    if found.words:
        raise UsageError(f"unknown argument: {found.words[0]}")
    said: dict[str, list[str]] = {}
    for name, text in found.flags:
        said.setdefault(name, []).append(text)
    by_flag = {flag.name: _said(flag, said, environment) for flag in flags}
    for flag in flags:
        for text in by_flag[flag.name] or ():
            _check(flag, text, by_environment=flag.name not in said)
        if flag.in_seconds and flag.name in said:
            by_flag[flag.name] = [f"{text}s" for text in said[flag.name]]
    return Given(
        texts={
            flag.name: (by_flag[flag.name] or [flag.usual])[-1]
            for flag in flags
            if not flag.kind.many
        },
        lists={flag.name: _list(flag, by_flag[flag.name]) for flag in flags if flag.kind.many},
        general=_overlay(flags, by_flag, Where.GENERAL),
        params=_overlay(flags, by_flag, Where.PARAMS),
        said=frozenset(name for name, texts in by_flag.items() if texts is not None),
        wants_help=any(is_true(text) for text in said.get("help", ())),
    )


def _names(flags: Sequence[ServerFlag]) -> FlagNames:
    long = {flag.name: flag.kind is GoKind.BOOL for flag in flags}
    short = {flag.short: flag.name for flag in flags if flag.short}
    return FlagNames({**long, "help": True}, {**short, "h": "help"})


def _said(
    flag: ServerFlag, said: Mapping[str, list[str]], environment: Mapping[str, str]
) -> list[str] | None:
    """None where nobody says anything. An empty variable is an absent one."""
    if flag.name in said:
        return said[flag.name]
    text = environment.get(flag.env, "") if flag.env else ""
    return [text] if text else None


def _check(flag: ServerFlag, text: str, *, by_environment: bool) -> None:
    kind = GoKind.DURATION if flag.in_seconds and by_environment else flag.kind
    if not _fits(kind, text):
        if by_environment:
            raise UsageError(f'invalid value "{text}" of {flag.env}: not {_noun(kind)}')
        raise UsageError(
            f'invalid argument "{text}" for "--{flag.name}" flag: not {_noun(flag.kind)}'
        )
    if flag.where is Where.ONLY_DEFAULT and not _is_usual(flag, text):
        origin = f" (given by {flag.env})" if by_environment else ""
        raise UsageError(f"--{flag.name}{origin} {LATER}, but for its default")


def _fits(kind: GoKind, text: str) -> bool:
    match kind:
        case GoKind.BOOL:
            return is_true(text) is not None
        case GoKind.INT:
            return text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
        case GoKind.FLOAT:
            return _number(text) is not None
        case GoKind.DURATION:
            return parse_duration(text) is not None
        case GoKind.STRING_TO_STRING:
            return text in ("", "[]") or all("=" in part for part in text.split(","))
        case GoKind.STRING | GoKind.STRINGS | GoKind.STRING_ARRAY | GoKind.REASONS | GoKind.VALUE:
            return True


def _noun(kind: GoKind) -> str:
    return {
        GoKind.BOOL: "a boolean",
        GoKind.INT: "a number",
        GoKind.FLOAT: "a number",
        GoKind.DURATION: "a duration",
        GoKind.STRING_TO_STRING: "a list of a=b",
    }.get(kind, "a text")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_usual(flag: ServerFlag, text: str) -> bool:
    """Whether a value means what the default means, however it is written."""
    for accepted in (flag.usual, *flag.accepted):
        if text == accepted or _meaning(flag.kind, text) == _meaning(flag.kind, accepted):
            return True
    return False


def _meaning(kind: GoKind, text: str) -> object:
    match kind:
        case GoKind.BOOL:
            return is_true(text)
        case GoKind.INT | GoKind.FLOAT:
            return _number(text)
        case GoKind.DURATION:
            return parse_duration(text)
        case _:
            return text


def _list(flag: ServerFlag, texts: Sequence[str] | None) -> tuple[str, ...]:
    """`strings` may be joined by commas; `[all]` is how a list of one is written as a default."""
    if texts is None:
        texts = [flag.usual.strip("[]")]
    if flag.kind is GoKind.STRING_ARRAY:
        return tuple(text for text in texts if text)
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def _overlay(
    flags: Sequence[ServerFlag], by_flag: Mapping[str, Sequence[str] | None], where: Where
) -> dict[str, str]:
    """Only what somebody gave: a default leaves the ConfigMap as it is."""
    found = {}
    for flag in flags:
        texts = by_flag[flag.name]
        if flag.where is where and texts is not None:
            found[flag.key] = ",".join(texts) if flag.kind.many else texts[-1]
    return found
