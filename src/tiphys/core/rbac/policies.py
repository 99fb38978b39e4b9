"""Policies by subject: of whom they speak, and what of whom they inherit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tiphys.core.rbac.lines import Grant, PolicyText, Rule
from tiphys.core.rbac.patterns import MatchMode
from tiphys.core.rbac.ruling import Ruling, Verdict

_DEEPEST = 10
"""Roles of roles: what is further away than this is not inherited."""
_REMEMBERED = 2048
"""Subjects whose rules are kept together; logins come and go."""

Value = TypeVar("Value")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Known:
    """Of a subject: whose rules count for it, and those of them that are not asked below."""

    names: frozenset[str]
    ruling: Ruling


class Policies:
    """Rules and grants, on top of those that count everywhere. Never changed."""

    def __init__(self, text: PolicyText, mode: MatchMode, base: Policies | None = None) -> None:
        self._mode = mode
        self._base = base
        self._rules = _by(text.rules, lambda rule: rule.subject)
        self._roles = _by(text.grants, lambda grant: grant.member)
        self._known = Remembered[_Known](_REMEMBERED)

    def allows(self, subject: str, resource: str, action: str, obj: str) -> bool:
        return self._verdict(subject, resource, action, obj) is Verdict.ALLOWED

    def _verdict(self, subject: str, resource: str, action: str, obj: str) -> Verdict:
        """What is below is asked below: it is made ready once, for all that stand on it."""
        own = self._of(subject).ruling.verdict(resource, action, obj)
        if self._base is None or own is Verdict.DENIED:
            return own
        below = self._base._verdict(subject, resource, action, obj)
        return own if below is Verdict.NOTHING else below

    def grants_to(self, member: str) -> bool:
        """Whether some grant has this very name in its first place."""
        return member in self._roles or (self._base is not None and self._base.grants_to(member))

    def has_rules_for(self, subject: str) -> bool:
        """Whether some rule counts for it, be it by a role."""
        return any(self._own_rules(name) for name in self._names(subject))

    def _of(self, subject: str) -> _Known:
        return self._known.get(subject) or self._known.put(subject, self._made(subject))

    def _made(self, subject: str) -> _Known:
        names = self._names(subject)
        below = self._base._of(subject).names if self._base else frozenset()
        rules = [
            rule
            for name in names
            for rule in (self._rules.get(name, ()) if name in below else self._own_rules(name))
        ]
        return _Known(names, Ruling(rules, self._mode))

    def _names(self, subject: str) -> frozenset[str]:
        """Itself and all whose rights it inherits."""
        seen = {subject}
        reached = [subject]
        for _ in range(_DEEPEST):
            roles = dict.fromkeys(
                grant.role for member in reached for grant in self._own_roles(member)
            )
            reached = [role for role in roles if role not in seen]
            seen.update(reached)
        return frozenset(seen)

    def _own_rules(self, name: str) -> Sequence[Rule]:
        base = self._base._own_rules(name) if self._base else ()
        return (*base, *self._rules.get(name, ()))

    def _own_roles(self, name: str) -> Sequence[Grant]:
        base = self._base._own_roles(name) if self._base else ()
        return (*base, *self._roles.get(name, ()))


class Remembered(Generic[Value]):
    """At most so many values by key; the ones that were put first go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[str, Value] = {}
        self.get = self._values.get

    def put(self, key: str, value: Value) -> Value:
        while len(self._values) >= self._most:
            del self._values[next(iter(self._values))]
        self._values[key] = value
        return value


def _by(items: Iterable[Item], key: Callable[[Item], str]) -> Mapping[str, Sequence[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found
