"""What administrators say of kinds: how they are compared, judged and listened to.

These are the `resource.customizations.*` and `resource.compareoptions` of argocd-cm as values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from tiphys.core.settings.glob import matches
from tiphys.model.resource import GroupKind, ResourceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRule:
    """Fields of some objects that count for nothing.

    `group` and `kind` are globs; `namespace` and `name` are exact, empty for any. A pointer is
    RFC 6901's, a jq expression names paths that are deleted, and a manager stands for all that
    it owns in managedFields.
    """

    group: str = "*"
    kind: str = "*"
    namespace: str = ""
    name: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()

    def concerns(self, key: ResourceKey) -> bool:
        return (
            matches(self.group, key.group)
            and matches(self.kind, key.kind)
            and self.namespace in ("", key.namespace)
            and self.name in ("", key.name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthScript:
    """A Lua script that judges kinds; `group` and `kind` are globs."""

    group: str
    kind: str
    script: str
    open_libs: bool = False

    @property
    def exact(self) -> bool:
        return not any(sign in self.group + self.kind for sign in "*?[{")


@dataclass(frozen=True, slots=True)
class KnownTypeField:
    """A field of a custom kind that has the type of a built-in one, such as core/v1/PodSpec."""

    group: str
    kind: str
    field: str
    type: str


class IgnoredStatus(Enum):
    """resource.compareoptions, ignoreResourceStatusField: of which kinds /status is left out."""

    ALL = "all"
    CRD = "crd"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceOverrides:
    """All of them together. `ignore_updates` only stops refreshes, never a comparison."""

    ignore_differences: tuple[IgnoreRule, ...] = ()
    ignore_updates: tuple[IgnoreRule, ...] = ()
    health: tuple[HealthScript, ...] = ()
    known_types: tuple[KnownTypeField, ...] = ()
    ignored_status: IgnoredStatus = IgnoredStatus.ALL
    ignore_aggregated_roles: bool = False
    ignore_differences_on_updates: bool = True

    def health_script(self, kind: GroupKind) -> HealthScript | None:
        """The script for a kind: an exact one before one with wildcards."""
        found = [
            one
            for one in self.health
            if matches(one.group, kind.group) and matches(one.kind, kind.kind)
        ]
        return next((one for one in found if one.exact), found[0] if found else None)


def rules_for(rules: Iterable[IgnoreRule], key: ResourceKey) -> tuple[IgnoreRule, ...]:
    """The rules that concern an object, in their order."""
    return tuple(rule for rule in rules if rule.concerns(key))
