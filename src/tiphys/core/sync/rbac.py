"""Roles and bindings: what has to be added to live ones, and which cannot be changed in place.

As `kubectl auth reconcile` tells it. What is granted in the end is what the apply says that
follows; here is only found out what was missing, and whether the role that is bound differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from tiphys.model.resource import GroupVersionKind, Manifest

_GROUP = "rbac.authorization.k8s.io"
_KINDS = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
_MOST_STEPS = 20_000
_LISTS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")


def is_rbac(gvk: GroupVersionKind) -> bool:
    return gvk.group == _GROUP and gvk.version == "v1" and gvk.kind in _KINDS


def binds_another(desired: Manifest, live: Manifest) -> bool:
    """Whether another role is bound: that cannot be changed, only made anew."""
    wanted, found = desired.get("roleRef"), live.get("roleRef")
    if not isinstance(wanted, Mapping) or not isinstance(found, Mapping):
        return False
    return any(wanted.get(name) != found.get(name) for name in ("kind", "name"))


def reconciled(name: str, desired: Manifest, live: Manifest | None, *, tried: bool = False) -> str:
    """What is told of it, in front of what the apply says. `name` is the object's."""
    details, dry_run = _details(desired, live), " (dry run)" if tried else ""
    said = f"{name} reconciled{dry_run}"
    return f"{said}. {details}" if details else said


def _details(desired: Manifest, live: Manifest | None) -> str:
    rules = missing_rules(_mappings(desired, "rules"), _mappings(live or {}, "rules"))
    subjects = missing_subjects(_mappings(desired, "subjects"), _mappings(live or {}, "subjects"))
    if live is None:
        verb = "create"
    elif binds_another(desired, live):
        verb = "recreate"
    elif rules or subjects:
        verb = "update"
    else:
        return ""
    lines = [f"reconciliation required {verb}"]
    lines += ["\tmissing rules added:", *(f"\t\t{_rule(rule)}" for rule in rules)] if rules else []
    if subjects:
        lines += ["\tmissing subjects added:", *(f"\t\t{_subject(one)}" for one in subjects)]
    return "\n".join(lines)


def missing_rules(wanted: Sequence[Manifest], found: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """The wanted rules that grant something which no rule that is there grants.

    Of rules that multiply to too many grants only those are there that are there word for word.
    """
    if sum(map(_grant_count, wanted)) * len(found) > _MOST_STEPS:
        return tuple(rule for rule in wanted if rule not in found)
    return tuple(
        rule
        for rule in wanted
        if not all(any(_covers(one, grant) for one in found) for grant in _grants(rule))
    )


def missing_subjects(wanted: Iterable[Manifest], found: Iterable[Manifest]) -> tuple[Manifest, ...]:
    there = {_subject(one) for one in found}
    return tuple(one for one in wanted if _subject(one) not in there)


Grant = tuple[str, str, str, str, str]


def _grant_count(rule: Manifest) -> int:
    verbs, groups, resources, names, paths = (len(_texts(rule, name)) for name in _LISTS)
    return verbs * (paths + groups * resources * (names or 1))


def _grants(rule: Manifest) -> Iterable[Grant]:
    """One verb on one resource or path each; `` where a rule names no object."""
    verbs, groups, resources, names, paths = (_texts(rule, name) for name in _LISTS)
    for verb, path in product(verbs, paths):
        yield verb, "", "", "", path
    yield from ((v, g, r, n, "") for v, g, r, n in product(verbs, groups, resources, names or [""]))


def _covers(rule: Manifest, grant: Grant) -> bool:
    verb, group, resource, name, path = grant
    verbs, groups, resources, names, paths = (_texts(rule, each) for each in _LISTS)
    if verb not in verbs and "*" not in verbs:
        return False
    if path:
        return any(
            one in ("*", path) or (one.endswith("*") and path.startswith(one[:-1])) for one in paths
        )
    grouped = group in groups or "*" in groups
    return grouped and _has_resource(resources, resource) and (not names or name in names)


def _has_resource(resources: Sequence[str], wanted: str) -> bool:
    _, slash, part = wanted.partition("/")
    return wanted in resources or "*" in resources or (bool(slash) and f"*/{part}" in resources)


def _mappings(manifest: Manifest, name: str) -> list[Mapping[str, Any]]:
    items = manifest.get(name)
    return [one for one in items if isinstance(one, Mapping)] if isinstance(items, list) else []


def _texts(rule: Manifest, name: str) -> list[str]:
    items = rule.get(name)
    return [str(item) for item in items] if isinstance(items, list) else []


def _rule(rule: Manifest) -> str:
    named = zip(
        ("Verbs", "APIGroups", "Resources", "ResourceNames", "NonResourceURLs"),
        _LISTS,
        strict=True,
    )
    parts = (f"{shown}:[{' '.join(_texts(rule, name))}]" for shown, name in named)
    return "{" + " ".join(parts) + "}"


def _subject(subject: Manifest) -> str:
    """As it counts: the group of users and groups is filled in by the server."""
    kind = str(subject.get("kind") or "")
    group = subject.get("apiGroup") or ("" if kind == "ServiceAccount" else _GROUP)
    name, namespace = subject.get("name") or "", subject.get("namespace") or ""
    return f"{{Kind:{kind} APIGroup:{group} Name:{name} Namespace:{namespace}}}"
