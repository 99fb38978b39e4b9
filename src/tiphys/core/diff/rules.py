"""How an application's objects are compared: the mode, and which fields count for nothing.

An application's own rules and the administrator's are united; none takes another one back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from tiphys.core.manifest.annotations import sync_options
from tiphys.core.settings.glob import matches
from tiphys.core.settings.overrides import IgnoredStatus, IgnoreRule, KnownTypeField, rules_for
from tiphys.core.settings.settings import Settings
from tiphys.model.appspec import ApplicationSpec, ResourceIgnoreDifferences
from tiphys.model.resource import GroupKind, Manifest, ResourceKey

SERVER_SIDE_APPLY = "ServerSideApply=true"
_CLIENT_SIDE_APPLY = "ServerSideApply=false"
_SERVER_SIDE_DIFF = "ServerSideDiff=true"
_OWN_DIFF = "ServerSideDiff=false"
_MUTATIONS = "IncludeMutationWebhook=true"
_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_CLUSTER_ROLE = GroupKind("rbac.authorization.k8s.io", "ClusterRole")


class DiffMode(Enum):
    """What tells which fields differ. CLIENT is three-way, or two-way without last-applied."""

    CLIENT = "client"
    STRUCTURED = "structured"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRules:
    """What is left out of the comparison of one object."""

    pointers: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    status: bool = True
    aggregated: bool = False
    known_types: tuple[KnownTypeField, ...] = ()
    masked: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether nothing but the status is left out."""
        return not (self.pointers or self.expressions or self.managers or self.aggregated)


PLAIN = ObjectRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRules:
    """All that a comparison depends on beside the two objects and their type.

    `structured` is the application's ServerSideApply option; `mutations` says that what webhooks
    change counts in server-side comparisons. `jq_timeout` is in seconds. `masked` are annotations
    of Secrets that are shown masked.
    """

    ignore: tuple[IgnoreRule, ...] = ()
    ignored_status: IgnoredStatus = IgnoredStatus.ALL
    ignore_aggregated_roles: bool = False
    known_types: tuple[KnownTypeField, ...] = ()
    structured: bool = False
    server_side: bool = False
    mutations: bool = False
    jq_timeout: float = 1.0
    masked: tuple[str, ...] = ()

    def of(self, key: ResourceKey) -> ObjectRules:
        """The rules that concern one object, each once."""
        found = rules_for(self.ignore, key)
        return ObjectRules(
            pointers=_united(rule.json_pointers for rule in found),
            expressions=_united(rule.jq_path_expressions for rule in found),
            managers=_united(rule.managed_fields_managers for rule in found),
            status=self._ignores_status(key.group_kind),
            aggregated=self.ignore_aggregated_roles and key.group_kind == _CLUSTER_ROLE,
            known_types=tuple(
                one
                for one in self.known_types
                if matches(one.group, key.group) and matches(one.kind, key.kind)
            ),
            masked=self.masked,
        )

    def mode(self, target: Manifest) -> DiffMode:
        """The object's own annotation beats the application's option."""
        if self.server_side:
            return DiffMode.SERVER
        own = sync_options(target)
        if SERVER_SIDE_APPLY in own or (self.structured and _CLIENT_SIDE_APPLY not in own):
            return DiffMode.STRUCTURED
        return DiffMode.CLIENT

    def _ignores_status(self, kind: GroupKind) -> bool:
        match self.ignored_status:
            case IgnoredStatus.ALL:
                return True
            case IgnoredStatus.CRD:
                return kind == _CRD
            case IgnoredStatus.NONE:
                return False
            case _:
                assert_never(self.ignored_status)


def compare_rules(
    spec: ApplicationSpec, compare_options: frozenset[str], settings: Settings
) -> CompareRules:
    """`compare_options` are those of the Application's annotation."""
    overrides = settings.overrides
    options = spec.sync_policy.sync_options if spec.sync_policy else ()
    return CompareRules(
        ignore=(*map(_ignore_rule, spec.ignore_differences), *overrides.ignore_differences),
        ignored_status=overrides.ignored_status,
        ignore_aggregated_roles=overrides.ignore_aggregated_roles,
        known_types=overrides.known_types,
        structured=SERVER_SIDE_APPLY in options,
        server_side=_OWN_DIFF not in compare_options
        and (settings.server_side_diff or _SERVER_SIDE_DIFF in compare_options),
        mutations=_MUTATIONS in compare_options,
        jq_timeout=settings.jq_timeout,
        masked=settings.masked_annotations,
    )


def _ignore_rule(rule: ResourceIgnoreDifferences) -> IgnoreRule:
    return IgnoreRule(
        group=rule.group,
        kind=rule.kind,
        namespace=rule.namespace,
        name=rule.name,
        json_pointers=rule.json_pointers,
        jq_path_expressions=rule.jq_path_expressions,
        managed_fields_managers=rule.managed_fields_managers,
    )


def _united(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for part in parts for text in part))
