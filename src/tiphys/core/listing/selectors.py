"""Label selectors as they are written in requests: `a=b,c!=d,e in (f,g),h,!i`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_ONE = re.compile(
    rf"\s*(?:(?P<not>!)\s*(?P<absent>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<sign>==|=|!=)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,|$)"
)
_LONGEST = 10_000


class LabelSelectorError(ValueError):
    """The text is no selector."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`values` None: the label has to be there, or with `negated` not. A label that is absent is
    not in any set.
    """

    key: str
    values: frozenset[str] | None = None
    negated: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        found = self.key in labels if self.values is None else labels.get(self.key) in self.values
        return found is not self.negated


Selector = tuple[Requirement, ...]


def parse_selector(text: str) -> Selector:
    """An empty one selects everything. Raises LabelSelectorError."""
    found = []
    at = 0
    if len(text) > _LONGEST:
        raise LabelSelectorError("the selector is too long")
    while text.strip() and at < len(text):
        match = _ONE.match(text, at)
        if match is None or match.end() == at:
            raise LabelSelectorError(f"unable to parse requirement: {text[at:][:100]!r}")
        found.append(_requirement(match))
        at = match.end()
    if text.rstrip().endswith(","):
        raise LabelSelectorError("unable to parse requirement: nothing after the last comma")
    return tuple(found)


def selected(selector: Selector, labels: Mapping[str, str]) -> bool:
    return all(one.matches(labels) for one in selector)


def _requirement(match: re.Match[str]) -> Requirement:
    if match["not"]:
        return Requirement(match["absent"], negated=True)
    if match["sign"]:
        return Requirement(match["key"], frozenset((match["value"],)), match["sign"] == "!=")
    if match["word"]:
        values = frozenset(word.strip() for word in match["values"].split(","))
        return Requirement(match["key"], values, match["word"] == "notin")
    return Requirement(match["key"])
