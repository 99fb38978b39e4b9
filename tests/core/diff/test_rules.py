"""Which rules concern an object, and how it is compared."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.diff.rules import CompareRules, DiffMode, ObjectRules, compare_rules
from tiphys.core.settings.overrides import (
    IgnoredStatus,
    IgnoreRule,
    KnownTypeField,
    ResourceOverrides,
)
from tiphys.core.settings.settings import Settings
from tiphys.model.appspec import ApplicationSpec
from tiphys.model.resource import ResourceKey
from tiphys.model.structs import decode

WEB = ResourceKey("apps", "Deployment", "shop", "web")
CRD = ResourceKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "a")
ROLE = ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "a")


def spec(**fields: Any) -> ApplicationSpec:
    raw = {"destination": {}, "project": "default", **fields}
    return decode(raw, ApplicationSpec, at="spec")


def test_rules_of_application_and_settings_are_united() -> None:
    system = IgnoreRule(json_pointers=("/b", "/c"), jq_path_expressions=(".d",))
    settings = Settings(overrides=ResourceOverrides(ignore_differences=(system,)), jq_timeout=2.0)
    own = {"group": "apps", "kind": "*", "name": "web", "namespace": "shop",
           "jsonPointers": ["/a", "/b"], "managedFieldsManagers": ["m"]}  # fmt: skip
    rules = compare_rules(spec(ignoreDifferences=[own]), frozenset(), settings)
    assert rules.jq_timeout == 2.0
    assert rules.of(WEB) == ObjectRules(
        pointers=("/a", "/b", "/c"), expressions=(".d",), managers=("m",)
    )
    assert rules.of(WEB._replace(name="api")).pointers == ("/b", "/c")
    assert rules.of(WEB._replace(namespace="bar")).pointers == ("/b", "/c")
    assert rules.of(WEB._replace(group="")).pointers == ("/b", "/c")


@pytest.mark.parametrize(
    ("ignored", "deployment", "definition"),
    [
        (IgnoredStatus.ALL, True, True),
        (IgnoredStatus.CRD, False, True),
        (IgnoredStatus.NONE, False, False),
    ],
)
def test_status_is_ignored_by_setting(
    ignored: IgnoredStatus, deployment: bool, definition: bool
) -> None:
    rules = CompareRules(ignored_status=ignored)
    assert rules.of(WEB).status is deployment
    assert rules.of(CRD).status is definition


def test_only_cluster_roles_are_aggregated() -> None:
    rules = CompareRules(ignore_aggregated_roles=True)
    assert rules.of(ROLE).aggregated
    assert not rules.of(WEB).aggregated
    assert not CompareRules().of(ROLE).aggregated


def test_known_types_are_of_their_kind() -> None:
    known = KnownTypeField("apps", "Deployment", "spec.x", "core/Quantity")
    assert CompareRules(known_types=(known,)).of(WEB).known_types == (known,)
    assert CompareRules(known_types=(known,)).of(ROLE).known_types == ()


def test_rules_are_plain_until_something_is_left_out() -> None:
    assert ObjectRules().plain
    assert ObjectRules(status=False).plain
    for rules in (
        ObjectRules(pointers=("/a",)),
        ObjectRules(expressions=(".a",)),
        ObjectRules(managers=("m",)),
        ObjectRules(aggregated=True),
    ):
        assert not rules.plain


def target(options: str = "") -> dict[str, Any]:
    notes = {"argocd.argoproj.io/sync-options": options} if options else {}
    return {"kind": "X", "metadata": {"name": "a", "annotations": notes}}


@pytest.mark.parametrize(
    ("application", "own", "mode"),
    [
        ([], "", DiffMode.CLIENT),
        (["ServerSideApply=true"], "", DiffMode.STRUCTURED),
        (["ServerSideApply=true"], "ServerSideApply=false", DiffMode.CLIENT),
        ([], "Prune=false,ServerSideApply=true", DiffMode.STRUCTURED),
        (["ServerSideApply=false"], "ServerSideApply=true", DiffMode.STRUCTURED),
    ],
)
def test_who_applies_server_side_is_compared_by_owners(
    application: list[str], own: str, mode: DiffMode
) -> None:
    app = spec(syncPolicy={"syncOptions": application})
    assert compare_rules(app, frozenset(), Settings()).mode(target(own)) is mode


@pytest.mark.parametrize(
    ("setting", "options", "mode"),
    [
        (False, "", DiffMode.CLIENT),
        (True, "", DiffMode.SERVER),
        (False, "ServerSideDiff=true", DiffMode.SERVER),
        (True, "ServerSideDiff=false", DiffMode.CLIENT),
        (True, "ServerSideDiff=true,ServerSideDiff=false", DiffMode.CLIENT),
    ],
)
def test_the_server_is_asked_by_setting_or_annotation(
    setting: bool, options: str, mode: DiffMode
) -> None:
    settings = Settings(server_side_diff=setting)
    rules = compare_rules(spec(), frozenset(options.split(",")), settings)
    assert rules.mode(target()) is mode


def test_what_webhooks_change_counts_only_where_asked() -> None:
    assert not compare_rules(spec(), frozenset(), Settings()).mutations
    options = frozenset({"IncludeMutationWebhook=true"})
    assert compare_rules(spec(), options, Settings()).mutations
