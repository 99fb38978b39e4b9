"""All rules that count for one subject, found by what they speak of.

Most rules name their resource and their project to the letter: what is asked is compared with
those of its own resource and project, and with the few that name neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tiphys.core.rbac.lines import Rule
from tiphys.core.rbac.patterns import Matches, MatchMode, Pattern, alternatives, any_of, pattern

_DENY = "deny"
_EFFECTS = ("allow", _DENY)
_MOST_RESOURCES = 64
_LONG = 16
"""Rules that are tried one by one; more of them are matched in one go."""
_AT_ONCE = 250
"""Of which so many are one expression."""


@dataclass(frozen=True, slots=True)
class _Line:
    """`text` is how the object is written, None for what cannot be read."""

    resource: Matches
    action: Matches
    action_text: str
    obj: Matches
    text: str | None
    head: str | None
    denies: bool


class Verdict(Enum):
    """What rules say together: a denial wins."""

    NOTHING = 0
    ALLOWED = 1
    DENIED = 2


class Ruling:
    """Rules that count together."""

    def __init__(self, rules: Iterable[Rule], mode: MatchMode) -> None:
        lines = (_line(rule, mode) for rule in dict.fromkeys(rules) if rule.effect in _EFFECTS)
        self._mode = mode
        self._lines = [line for line in lines if line is not None]
        self._tables: dict[str, _Table] = {}

    def verdict(self, resource: str, action: str, obj: str) -> Verdict:
        table = self._tables.get(resource)
        if table is None:
            if len(self._tables) >= _MOST_RESOURCES:
                self._tables.clear()
            table = _Table((line for line in self._lines if line.resource(resource)), self._mode)
            self._tables[resource] = table
        return table.verdict(action, obj)


class _Table:
    """The lines of one resource."""

    def __init__(self, lines: Iterable[_Line], mode: MatchMode) -> None:
        by_head: dict[str | None, list[_Line]] = {None: []}
        for line in lines:
            by_head.setdefault(line.head, []).append(line)
        self._heads = {head: _joined(found, mode) for head, found in by_head.items()}
        self._others = self._heads.pop(None)

    def verdict(self, action: str, obj: str) -> Verdict:
        allowed = False
        for lines in (self._heads.get(obj.partition("/")[0], ()), self._others):
            for line in lines:
                # After the first that allows, only what denies can change the answer.
                if (line.denies or not allowed) and line.obj(obj) and line.action(action):
                    if line.denies:
                        return Verdict.DENIED
                    allowed = True
        return Verdict.ALLOWED if allowed else Verdict.NOTHING


def _joined(lines: Sequence[_Line], mode: MatchMode) -> Sequence[_Line]:
    """Those of one action and effect as few, where there are many."""
    if len(lines) <= _LONG:
        return lines
    groups: dict[tuple[object, ...], list[_Line]] = {}
    for line in lines:
        # What cannot be read stands alone.
        alone = line if line.text is None else None
        groups.setdefault((line.action_text, line.denies, alone), []).append(line)
    return [
        one
        for group in groups.values()
        for begin in range(0, len(group), _AT_ONCE)
        for one in _as_one(group[begin : begin + _AT_ONCE], mode)
    ]


def _as_one(lines: Sequence[_Line], mode: MatchMode) -> Sequence[_Line]:
    texts = [line.text for line in lines if line.text is not None]
    obj = alternatives(texts, mode) if len(texts) > 1 else None
    return lines if obj is None else [replace(lines[0], obj=obj)]


def _line(rule: Rule, mode: MatchMode) -> _Line | None:
    """None for a rule that matches nothing."""
    resource, action, obj = (pattern(text, mode) for text in (rule.resource, rule.action, rule.obj))
    unread = [one for one in (resource, action, obj) if one.matches is None]
    denies = rule.effect == _DENY
    if unread and not denies:
        return None
    return _Line(
        resource=_matches(resource),
        action=_matches(action),
        action_text=rule.action,
        obj=_matches(obj),
        text=None if unread else rule.obj,
        head=obj.head,
        denies=denies,
    )


def _matches(found: Pattern) -> Matches:
    """What cannot be read and is to deny, denies all: it fails on the safe side."""
    return found.matches or any_of
