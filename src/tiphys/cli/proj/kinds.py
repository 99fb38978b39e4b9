"""Allows and denies kinds, by putting them into a list or taking them out of its opposite."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tiphys.cli.command import Call, command
from tiphys.cli.globals import Flag, text
from tiphys.cli.proj.session import change, require_words, tell, wrong
from tiphys.model.appproject import (
    AppProject,
    AppProjectSpec,
    ClusterResourceRestrictionItem,
    GroupKindRestriction,
)

_FIELDS = {
    ("allow", True): "namespace_resource_whitelist",
    ("deny", True): "namespace_resource_blacklist",
    ("allow", False): "cluster_resource_whitelist",
    ("deny", False): "cluster_resource_blacklist",
}
_CLUSTER_USAGE = "PROJECT GROUP KIND [NAME] [flags]"
_NAMESPACED_USAGE = "PROJECT GROUP KIND [flags]"


def _list_flag(default: str) -> Flag:
    return text("list", "Which list is changed: allow or deny", "l", default)


@command(
    "allow-cluster-resource",
    (_list_flag("allow"),),
    usage=_CLUSTER_USAGE,
    summary="Allow a cluster-scoped kind.",
)
def allow_cluster(call: Call) -> None:
    _change(call, allow=True, namespaced=False)


@command(
    "deny-cluster-resource",
    (_list_flag("allow"),),
    usage=_CLUSTER_USAGE,
    summary="Deny a cluster-scoped kind.",
)
def deny_cluster(call: Call) -> None:
    _change(call, allow=False, namespaced=False)


@command(
    "allow-namespace-resource",
    (_list_flag("deny"),),
    usage=_NAMESPACED_USAGE,
    summary="Allow a namespaced kind.",
)
def allow_namespaced(call: Call) -> None:
    _change(call, allow=True, namespaced=True)


@command(
    "deny-namespace-resource",
    (_list_flag("deny"),),
    usage=_NAMESPACED_USAGE,
    summary="Deny a namespaced kind.",
)
def deny_namespaced(call: Call) -> None:
    _change(call, allow=False, namespaced=True)


def _change(call: Call, *, allow: bool, namespaced: bool) -> None:
    require_words(call, 3, 3 if namespaced else 4)
    chosen = call.text("list")
    if chosen not in ("allow", "deny"):
        raise wrong(f"--list is allow or deny, not {chosen}")
    field = _FIELDS[chosen, namespaced]
    # To allow is to be in the one list, or not to be in the other.
    adds = allow == (chosen == "allow")
    entry = _entry(call, namespaced=namespaced)

    def make(project: AppProject) -> AppProjectSpec | None:
        known: tuple[Any, ...] | None = getattr(project.spec, field)
        if (entry in (known or ())) == adds:
            return None
        changed = (
            (*(known or ()), entry) if adds else tuple(one for one in known or () if one != entry)
        )
        return replace(project.spec, **{field: changed})

    def told(project: AppProject) -> AppProjectSpec | None:
        changed = make(project)
        if changed is not None:
            tell(_message(call, chosen, adds=adds, namespaced=namespaced))
        return changed

    change(call, told)


def _entry(
    call: Call, *, namespaced: bool
) -> GroupKindRestriction | ClusterResourceRestrictionItem:
    _, group, kind, *name = call.words
    if namespaced:
        return GroupKindRestriction(group=group, kind=kind)
    return ClusterResourceRestrictionItem(group=group, kind=kind, name="".join(name))


def _message(call: Call, chosen: str, *, adds: bool, namespaced: bool) -> str:
    _, group, kind, *name = call.words
    done = "added to" if adds else "removed from"
    listed = "allowed" if chosen == "allow" else "denied"
    if namespaced:
        return f"Group '{group}' and kind '{kind}' is {done} {listed} namespaced resources"
    shown = "".join(name)
    return (
        f"Group '{group}', kind '{kind}', and name '{shown}' is {done} {listed} cluster resources"
    )
