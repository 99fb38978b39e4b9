"""Discovery documents as values: group versions in the server's order of preference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tiphys.model.resource import ApiResource, GroupKind, GroupVersionKind

_FOLLOWED = frozenset({"list", "watch"})


@dataclass(frozen=True, slots=True)
class GroupVersion:
    """One version of a group with its kinds; subresources are left out."""

    group: str
    version: str
    resources: tuple[ApiResource, ...]

    @property
    def name(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True)
class Catalogue:
    """Everything that is served. Of a group's versions the preferred one comes first."""

    versions: tuple[GroupVersion, ...]

    @cached_property
    def by_kind(self) -> Mapping[GroupVersionKind, ApiResource]:
        return {resource.gvk: resource for resource in reversed([*self._all()])}

    @cached_property
    def preferred(self) -> tuple[ApiResource, ...]:
        """Of each kind the group's preferred version, or the first that has the kind."""
        found: dict[GroupKind, ApiResource] = {}
        for resource in self._all():
            found.setdefault(resource.group_kind, resource)
        return tuple(found.values())

    @cached_property
    def scopes(self) -> Mapping[GroupKind, bool]:
        return {resource.group_kind: resource.namespaced for resource in self.preferred}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Versions and kinds as charts ask for them: of what can be listed and watched."""
        kinds = [kind for kind, one in self.by_kind.items() if one.verbs >= _FOLLOWED]
        names = {kind.api_version for kind in kinds}
        names.update(f"{kind.api_version}/{kind.kind}" for kind in kinds)
        return tuple(sorted(names))

    def _all(self) -> Iterable[ApiResource]:
        for version in self.versions:
            yield from version.resources


def aggregated(
    answer: Mapping[str, Any], known: Mapping[str, GroupVersion]
) -> Sequence[GroupVersion]:
    """An APIGroupDiscoveryList; a version that is marked stale keeps what was known of it."""
    found = []
    for item in answer.get("items") or ():
        group = str((item.get("metadata") or {}).get("name") or "")
        for version in item.get("versions") or ():
            read = GroupVersion(
                group,
                str(version.get("version") or ""),
                tuple(
                    _resource(group, str(version.get("version") or ""), resource)
                    for resource in version.get("resources") or ()
                    if (resource.get("responseKind") or {}).get("kind")
                ),
            )
            stale = version.get("freshness") == "Stale"
            found.append(known.get(read.name, read) if stale else read)
    return found


def _resource(group: str, version: str, resource: Mapping[str, Any]) -> ApiResource:
    return ApiResource(
        group=group,
        version=version,
        kind=str(resource["responseKind"]["kind"]),
        plural=str(resource.get("resource") or ""),
        namespaced=resource.get("scope") == "Namespaced",
        verbs=frozenset(resource.get("verbs") or ()),
    )


def legacy_group_versions(answer: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """An APIVersions or APIGroupList; the preferred version of each group first."""
    if answer.get("kind") == "APIVersions":
        return [("", str(version)) for version in answer.get("versions") or ()]
    found: list[tuple[str, str]] = []
    for item in answer.get("groups") or ():
        group = str(item.get("name") or "")
        preferred = str((item.get("preferredVersion") or {}).get("version") or "")
        versions = [str(version.get("version")) for version in item.get("versions") or ()]
        # A stable sort: the others stay in the server's order.
        found.extend((group, v) for v in sorted(versions, key=lambda v: v != preferred))
    return found


def legacy_resources(group: str, version: str, answer: Mapping[str, Any]) -> GroupVersion:
    """An APIResourceList."""
    return GroupVersion(
        group,
        version,
        tuple(
            ApiResource(
                group=group,
                version=version,
                kind=str(resource.get("kind") or ""),
                plural=str(resource.get("name") or ""),
                namespaced=bool(resource.get("namespaced")),
                verbs=frozenset(resource.get("verbs") or ()),
            )
            for resource in answer.get("resources") or ()
            if "/" not in str(resource.get("name") or "/")
        ),
    )
