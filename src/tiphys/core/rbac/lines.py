"""The text of a policy: one rule or grant a line, written as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tiphys.core.rbac.errors import PolicyError


@dataclass(frozen=True, slots=True)
class Rule:
    """`p, subject, resource, action, object, effect`."""

    subject: str
    resource: str
    action: str
    obj: str
    effect: str


@dataclass(frozen=True, slots=True)
class Grant:
    """`g, member, role`: the member has what the role has."""

    member: str
    role: str


@dataclass(frozen=True, slots=True)
class PolicyText:
    rules: tuple[Rule, ...] = ()
    grants: tuple[Grant, ...] = ()


def parse(text: str) -> PolicyText:
    """Raises PolicyError for the first line that is none."""
    rules: list[Rule] = []
    grants: list[Grant] = []
    # Only these end a line; splitlines knows more of them.
    for line in map(str.strip, text.split("\n")):
        if not line or line.startswith("#"):
            continue
        match fields(line):
            case ["p", *rest] if len(rest) == 5:
                rules.append(Rule(*rest))
            case ["g", member, role]:
                grants.append(Grant(member, role))
            case _:
                raise PolicyError(line)
    return PolicyText(tuple(rules), tuple(grants))


def policy_text(data: Iterable[tuple[str, str]]) -> str:
    """Of the ConfigMap's data: `policy.csv`, then the other `policy.<name>.csv` in their order."""
    known = dict(data)
    more = sorted(
        key
        for key in known
        if key.startswith("policy.") and key.endswith(".csv") and key != "policy.csv"
    )
    return "\n".join([known.get("policy.csv", ""), *(known[key] for key in more)])


def fields(line: str) -> list[str] | None:
    """None where quotes are not in order. Blanks before a field do not belong to it."""
    found = []
    rest = line
    while True:
        rest = rest.lstrip()
        field = _quoted(rest) if rest.startswith('"') else _plain(rest)
        if field is None:
            return None
        text, rest = field
        found.append(text)
        if not rest:
            return found
        rest = rest[1:]


def _plain(text: str) -> tuple[str, str] | None:
    """The field, and what follows it: nothing, or what begins with a comma."""
    field, comma, rest = text.partition(",")
    return None if '"' in field else (field, comma + rest)


def _quoted(text: str) -> tuple[str, str] | None:
    field = ""
    at = 1
    while (end := text.find('"', at)) >= 0:
        field += text[at:end]
        after = text[end + 1 : end + 2]
        if after in ("", ","):
            return field, text[end + 1 :]
        if after != '"':
            return None
        field += '"'
        at = end + 2
    return None
