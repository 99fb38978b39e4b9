"""The objects of an application as rows: what the last sync said of them and how they are now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tiphys.cli.errors import FatalError
from tiphys.cli.output import table
from tiphys.model.application import Application, ResourceResult, ResourceStatus

HEADER = ("GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE")


@dataclass(frozen=True, slots=True)
class Row:
    """One object. For hooks status and health are the hook's phase and result."""

    group: str
    kind: str
    namespace: str
    name: str
    status: str = ""
    health: str = ""
    hook: str = ""
    message: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.group, self.kind, self.namespace, self.name)

    @property
    def cells(self) -> tuple[str, ...]:
        return (*self.key, self.status, self.health, self.hook, self.message)

    def merged(self, newer: Row) -> Row:
        """With every field that the newer one says something in."""
        return replace(
            self,
            status=newer.status or self.status,
            health=newer.health or self.health,
            hook=newer.hook or self.hook,
            message=newer.message or self.message,
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """`[!]GROUP:KIND:[NAMESPACE/]NAME`; `*` stands for all, an empty namespace as well."""

    group: str
    kind: str
    namespace: str
    name: str
    exclude: bool = False

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{'!' if self.exclude else ''}{self.group}:{self.kind}:{name}"

    def matches(self, group: str, kind: str, namespace: str, name: str) -> bool:
        return (
            self.group in ("*", group)
            and self.kind in ("*", kind)
            and self.namespace in ("", "*", namespace)
            and self.name in ("*", name)
        )


def parse_patterns(texts: Iterable[str]) -> tuple[Pattern, ...]:
    """Raises FatalError for what is none."""
    return tuple(_pattern(text) for text in texts)


def selected(patterns: Sequence[Pattern], group: str, kind: str, namespace: str, name: str) -> bool:
    """Excluding wins; with excluding patterns alone everything else is selected."""
    hits = [pattern for pattern in patterns if pattern.matches(group, kind, namespace, name)]
    if any(pattern.exclude for pattern in hits):
        return False
    return bool(hits) or all(pattern.exclude for pattern in patterns)


def rows_of(application: Application, patterns: Sequence[Pattern] = ()) -> list[Row]:
    """First the last sync's, in its order, then the rest by key."""
    status = application.status
    live = {_key(resource): resource for resource in status.resources}
    rows: list[Row] = []
    state = status.operation_state
    for result in state.sync_result.resources if state and state.sync_result else ():
        rows.append(_result_row(result, live.get(_key(result))))
    named = {row.key for row in rows}
    rest = [resource for key, resource in live.items() if key not in named]
    rows += [_live_row(resource) for resource in sorted(rest, key=lambda r: "/".join(_key(r)))]
    return [row for row in rows if not patterns or selected(patterns, *row.key)]


def resource_table(application: Application) -> str:
    return table([HEADER, *(row.cells for row in rows_of(application))])


def _pattern(text: str) -> Pattern:
    parts = re.fullmatch(r"(!?)([^:]*):([^:]*):([^:]*)", text)
    if parts is None:
        raise FatalError(f"resource should have GROUP:KIND:NAME, but instead got: {text}")
    namespace, _, name = parts[4].rpartition("/")
    return Pattern(parts[2], parts[3], namespace, name, exclude=bool(parts[1]))


def _key(item: ResourceStatus | ResourceResult) -> tuple[str, str, str, str]:
    return (item.group, item.kind, item.namespace, item.name)


def _result_row(result: ResourceResult, live: ResourceStatus | None) -> Row:
    status, health = result.hook_phase, result.status
    if live is not None and not result.hook_type:
        status, health = live.status, live.health.status if live.health else ""
    return Row(*_key(result), status, health, result.hook_type, result.message)


def _live_row(resource: ResourceStatus) -> Row:
    return Row(*_key(resource), resource.status, resource.health.status if resource.health else "")
