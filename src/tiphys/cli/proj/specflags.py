"""The flags by which a project's spec is written, and what they make of it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tiphys.cli.command import Call
from tiphys.cli.globals import commas, text, texts, yes
from tiphys.cli.proj.session import wrong
from tiphys.model.appproject import (
    ApplicationDestinationServiceAccount,
    AppProjectSpec,
    ClusterResourceRestrictionItem,
    GroupKindRestriction,
    OrphanedResourcesMonitorSettings,
    SignatureKey,
)
from tiphys.model.appspec import ApplicationDestination

SPEC_FLAGS = (
    texts("allow-cluster-resource", "A cluster-scoped kind, as [group/]Kind[/name]"),
    texts("allow-namespaced-resource", "A namespaced kind, as [group/]Kind"),
    texts("deny-cluster-resource", "A denied cluster-scoped kind, as [group/]Kind[/name]"),
    texts("deny-namespaced-resource", "A denied namespaced kind, as [group/]Kind"),
    text("description", "What the project is for"),
    texts("dest", "A destination, as server,namespace", "d"),
    texts("dest-service-accounts", "Whom to act as, as server,namespace,account"),
    yes("orphaned-resources", "Watch for objects that belong to no application"),
    yes("orphaned-resources-warn", "Make a condition of them"),
    commas("signature-keys", "Ids of the keys that commits must be signed with"),
    commas("source-namespaces", "Namespaces of applications"),
    texts("src", "A repository", "s"),
)


def asked(call: Call) -> bool:
    return any(call.given(flag.name) for flag in SPEC_FLAGS)


def apply_flags(call: Call, spec: AppProjectSpec) -> AppProjectSpec:
    """Each flag that was given replaces its whole list."""
    changes: dict[str, Any] = {}
    for flag, field, read in (
        ("description", "description", lambda: call.text("description")),
        ("dest", "destinations", lambda: _destinations(call)),
        ("src", "source_repos", lambda: call.texts("src")),
        ("source-namespaces", "source_namespaces", lambda: call.parts("source-namespaces")),
        ("signature-keys", "signature_keys", lambda: _keys(call)),
        ("dest-service-accounts", "destination_service_accounts", lambda: _accounts(call)),
        (
            "allow-cluster-resource",
            "cluster_resource_whitelist",
            lambda: _cluster_kinds(call, "allow-cluster-resource"),
        ),
        (
            "deny-cluster-resource",
            "cluster_resource_blacklist",
            lambda: _cluster_kinds(call, "deny-cluster-resource"),
        ),
        (
            "allow-namespaced-resource",
            "namespace_resource_whitelist",
            lambda: _kinds(call, "allow-namespaced-resource"),
        ),
        (
            "deny-namespaced-resource",
            "namespace_resource_blacklist",
            lambda: _kinds(call, "deny-namespaced-resource"),
        ),
    ):
        if call.given(flag):
            changes[field] = read()
    if call.given("orphaned-resources") or call.given("orphaned-resources-warn"):
        changes["orphaned_resources"] = _orphans(call, spec)
    return replace(spec, **changes)


def _destinations(call: Call) -> tuple[ApplicationDestination, ...]:
    found = []
    for value in call.texts("dest"):
        parts = value.split(",")
        if len(parts) != 2:
            raise wrong(f"Expected destination of the form: server,namespace. Received: {value}")
        found.append(ApplicationDestination(server=parts[0], namespace=parts[1]))
    return tuple(found)


def _accounts(call: Call) -> tuple[ApplicationDestinationServiceAccount, ...]:
    found = []
    for value in call.texts("dest-service-accounts"):
        parts = value.split(",")
        if len(parts) != 3:
            raise wrong(
                "Expected destination service account of the form: "
                f"server,namespace,account. Received: {value}"
            )
        found.append(
            ApplicationDestinationServiceAccount(
                server=parts[0], namespace=parts[1], default_service_account=parts[2]
            )
        )
    return tuple(found)


def _keys(call: Call) -> tuple[SignatureKey, ...]:
    return tuple(SignatureKey(key_id=signature_key(text)) for text in call.parts("signature-keys"))


def signature_key(value: str) -> str:
    """The id of a GnuPG key: a long one, or a fingerprint."""
    known = value.upper()
    if len(known) not in (16, 40) or any(sign not in "0123456789ABCDEF" for sign in known):
        raise wrong(f"'{value}' is not the id of a GnuPG key")
    return known


def _kinds(call: Call, flag: str) -> tuple[GroupKindRestriction, ...]:
    found = []
    for value in call.texts(flag):
        group, _, kind = value.rpartition("/")
        if not kind or "/" in group:
            raise wrong(f"--{flag} takes [group/]Kind, but was given {value}")
        found.append(GroupKindRestriction(group=group, kind=kind))
    return tuple(found)


def _cluster_kinds(call: Call, flag: str) -> tuple[ClusterResourceRestrictionItem, ...]:
    found = []
    for value in call.texts(flag):
        parts = value.split("/")
        match parts:
            case [kind]:
                item = ClusterResourceRestrictionItem(group="", kind=kind)
            case [group, kind]:
                item = ClusterResourceRestrictionItem(group=group, kind=kind)
            case [group, kind, name]:
                item = ClusterResourceRestrictionItem(group=group, kind=kind, name=name)
            case _:
                raise wrong(f"--{flag} takes [group/]Kind[/name], but was given {value}")
        if not item.kind:
            raise wrong(f"--{flag} takes [group/]Kind[/name], but was given {value}")
        found.append(item)
    return tuple(found)


def _orphans(call: Call, spec: AppProjectSpec) -> OrphanedResourcesMonitorSettings | None:
    """What is ignored stays; without either flag nothing is watched for any more."""
    if not call.yes("orphaned-resources") and not call.given("orphaned-resources-warn"):
        return None
    before = spec.orphaned_resources or OrphanedResourcesMonitorSettings()
    if call.given("orphaned-resources-warn"):
        return replace(before, warn=call.yes("orphaned-resources-warn"))
    return before
