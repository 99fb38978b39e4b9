"""Label selectors as Kubernetes writes them in objects: matchLabels and matchExpressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SelectorError(ValueError):
    """The selector is none."""


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """An empty selector selects everything. Raises SelectorError."""
    exact = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    if not isinstance(exact, Mapping) or not isinstance(expressions, list | tuple):
        raise SelectorError("matchLabels is no mapping, or matchExpressions is no list")
    # All are looked at, for one that cannot be read spoils the whole.
    answers = [labels.get(key) == value for key, value in exact.items()]
    answers += [_expression(expression, labels) for expression in expressions]
    return all(answers)


def _expression(expression: Any, labels: Mapping[str, str]) -> bool:
    if not isinstance(expression, Mapping):
        raise SelectorError("an expression is no mapping")
    key, operator = expression.get("key"), expression.get("operator")
    values = expression.get("values") or ()
    if not isinstance(key, str) or not isinstance(values, list | tuple):
        raise SelectorError("an expression has no key, or its values are no list")
    match operator, bool(values):
        case "In", True:
            return key in labels and labels[key] in values
        case "NotIn", True:
            return labels.get(key) not in values
        case "Exists", False:
            return key in labels
        case "DoesNotExist", False:
            return key not in labels
        case _:
            raise SelectorError(f"operator {operator} with {len(values)} values")
