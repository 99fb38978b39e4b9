"""Generated cases: what was applied, what others changed since, and what is desired now."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.adapters.kubectl.fields import Json, Kind, chosen_of
from tests.adapters.kubectl.kinds import COMMON, KINDS


@dataclass(frozen=True)
class Case:
    """`edits` are fields that somebody sets in the live object, None takes one out."""

    name: str
    applied: Json
    edits: Mapping[str, Any]
    desired: Json

    def placed(self, manifest: Json, namespace: str) -> Json:
        return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def cases(seed: int, count: int) -> list[Case]:
    """The first so many of a seed: each is the same whatever the count."""
    return [_case(Random(f"{seed}-{number}"), number) for number in range(count)]  # noqa: S311


def _case(random: Random, number: int) -> Case:
    kind = random.choices(KINDS, [one.weight for one in KINDS])[0]
    fields = {**kind.fields, **COMMON}
    first = {path: chosen_of(random, values) for path, values in fields.items()}
    second = {**first, **_changed(random, fields)}
    if random.random() < 0.15:
        second = first
    edits = _changed(random, fields) if random.random() < 0.7 else {}
    # A map or list that is desired no more kubectl removes with the entries of others: not we.
    shared = {path for path, value in first.items() if isinstance(value, dict | list)}
    edits = {path: edits[path] for path in edits if path not in shared or second[path] is not None}
    name = f"{kind.kind.lower()}-{number}"
    return Case(name, _object(kind, name, first), edits, _object(kind, name, second))


def _changed(random: Random, fields: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    paths = random.sample(sorted(fields), min(len(fields), random.randint(0, 4)))
    return {path: chosen_of(random, fields[path]) for path in paths}


def _object(kind: Kind, name: str, fields: Mapping[str, Any]) -> Json:
    made: Json = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name},
        **copy.deepcopy(dict(kind.base)),
    }
    return edited(made, fields)


def edited(manifest: Json, fields: Mapping[str, Any]) -> Json:
    """A copy with the fields set, or taken out where they are None."""
    made = copy.deepcopy(manifest)
    for path, value in fields.items():
        *parents, last = path.split(".")
        at = made
        for part in parents:
            at = at.setdefault(part, {})
        if value is None:
            at.pop(last, None)
        else:
            at[last] = copy.deepcopy(value)
    return made
