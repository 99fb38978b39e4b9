"""All rules that count for one subject, found by what they speak of.

Most rules name their resource and their project to the letter: what is asked is compared with
those of its own resource and project, and with the few that name neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tiphys.core.rbac.lines import Rule
from tiphys.core.rbac.patterns import Matches, MatchMode, Pattern, any_of, pattern

_DENY = "deny"
_EFFECTS = ("allow", _DENY)
_MOST_RESOURCES = 64
_LONG = 32
"""Rules to be tried one by one; beyond that it is worth while to remember the answer."""
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class _Line:
    resource: Matches
    action: Matches
    obj: Matches
    head: str | None
    denies: bool


class Ruling:
    """Allowed is what some rule allows and none denies."""

    def __init__(self, rules: Iterable[Rule], mode: MatchMode) -> None:
        lines = (_line(rule, mode) for rule in dict.fromkeys(rules) if rule.effect in _EFFECTS)
        self._lines = [line for line in lines if line is not None]
        self._tables: dict[str, _Table] = {}

    def allows(self, resource: str, action: str, obj: str) -> bool:
        table = self._tables.get(resource)
        if table is None:
            if len(self._tables) >= _MOST_RESOURCES:
                self._tables.clear()
            table = _Table(line for line in self._lines if line.resource(resource))
            self._tables[resource] = table
        return table.allows(action, obj)


class _Table:
    """The lines of one resource."""

    def __init__(self, lines: Iterable[_Line]) -> None:
        self._heads: dict[str, list[_Line]] = {}
        self._others: list[_Line] = []
        for line in lines:
            if line.head is None:
                self._others.append(line)
            else:
                self._heads.setdefault(line.head, []).append(line)
        self._known: dict[tuple[str, str], bool] = {}

    def allows(self, action: str, obj: str) -> bool:
        of_head = self._heads.get(obj.partition("/")[0], ())
        if len(of_head) + len(self._others) <= _LONG:
            return self._ask(of_head, action, obj)
        known = self._known.get((action, obj))
        if known is None:
            known = self._ask(of_head, action, obj)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[(action, obj)] = known
        return known

    def _ask(self, of_head: Iterable[_Line], action: str, obj: str) -> bool:
        allowed = False
        for lines in (of_head, self._others):
            for line in lines:
                # After the first that allows, only what denies can change the answer.
                if (line.denies or not allowed) and line.obj(obj) and line.action(action):
                    if line.denies:
                        return False
                    allowed = True
        return allowed


def _line(rule: Rule, mode: MatchMode) -> _Line | None:
    """None for a rule that matches nothing."""
    resource, action, obj = (pattern(text, mode) for text in (rule.resource, rule.action, rule.obj))
    unread = [one for one in (resource, action, obj) if one.matches is None]
    denies = rule.effect == _DENY
    if unread and not denies:
        return None
    return _Line(_matches(resource), _matches(action), _matches(obj), obj.head, denies=denies)


def _matches(found: Pattern) -> Matches:
    """What cannot be read and is to deny, denies all: it fails on the safe side."""
    return found.matches or any_of
