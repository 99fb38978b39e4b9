"""Global projects, and label selectors."""

from typing import Any

import pytest

from tests.core.project.build import app_project
from tiphys.core.project import EffectiveProject, effective_project
from tiphys.core.project.selector import SelectorError, selects
from tiphys.core.settings.settings import GlobalProject

KIND = {"group": "apps", "kind": "Deployment"}
WIDE = app_project(
    "wide",
    clusterResourceWhitelist=[KIND],
    clusterResourceBlacklist=[KIND],
    namespaceResourceWhitelist=[KIND],
    namespaceResourceBlacklist=[KIND],
    syncWindows=[{"kind": "deny", "schedule": "* * * * *", "duration": "1h"}],
    sourceRepos=["https://wide"],
    destinations=[{"server": "https://wide", "namespace": "wide"}],
    destinationServiceAccounts=[{"server": "*", "namespace": "*", "defaultServiceAccount": "wide"}],
    roles=[{"name": "r"}],
    sourceNamespaces=["wide"],
    orphanedResources={"warn": True},
    signatureKeys=[{"keyID": "ABC"}],
)
ALSO = app_project("also", sourceRepos=["https://also"])
KNOWN = {"wide": WIDE, "also": ALSO}


def effective(*entries: GlobalProject, **spec: Any) -> EffectiveProject:
    mine = app_project(labels={"team": "a"}, **spec)
    return effective_project(mine, entries, KNOWN.get)


def test_what_a_global_project_adds() -> None:
    spec = effective(GlobalProject("wide", {}), sourceRepos=["https://mine"]).spec
    assert spec.source_repos == ("https://mine", "https://wide")
    for field in (
        "cluster_resource_whitelist",
        "cluster_resource_blacklist",
        "namespace_resource_whitelist",
        "namespace_resource_blacklist",
        "sync_windows",
        "destinations",
        "destination_service_accounts",
    ):
        assert len(getattr(spec, field)) == 1
    assert (spec.roles, spec.source_namespaces, spec.signature_keys) == ((), (), ())
    assert spec.orphaned_resources is None


def test_an_absent_whitelist_stays_absent() -> None:
    assert effective(GlobalProject("also", {})).spec.namespace_resource_whitelist is None


def test_several_in_their_order() -> None:
    entries = (GlobalProject("also", {}), GlobalProject("wide", {}))
    assert effective(*entries).spec.source_repos == ("https://also", "https://wide")


@pytest.mark.parametrize(
    "first",
    [
        GlobalProject("absent", {}),
        GlobalProject("wide", {"matchExpressions": [{"key": "a", "operator": "Near"}]}),
    ],
)
def test_what_ends_the_list(first: GlobalProject) -> None:
    assert effective(first, GlobalProject("also", {})).spec.source_repos == ()


@pytest.mark.parametrize(
    "first",
    [GlobalProject("team", {}), GlobalProject("absent", {"matchLabels": {"team": "b"}})],
)
def test_what_is_passed_over(first: GlobalProject) -> None:
    assert effective(first, GlobalProject("also", {})).spec.source_repos == ("https://also",)


@pytest.mark.parametrize(
    "selector",
    [
        {},
        {"matchLabels": {"a": "1"}},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]},
        {"matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["1"]}]},
        {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "c", "operator": "DoesNotExist"}]},
    ],
)
def test_selects(selector: dict[str, Any]) -> None:
    assert selects(selector, {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"a": "1", "b": "1"}},
        {"matchExpressions": [{"key": "c", "operator": "In", "values": ["1"]}]},
        {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]},
        {"matchExpressions": [{"key": "c", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]},
    ],
)
def test_does_not_select(selector: dict[str, Any]) -> None:
    assert not selects(selector, {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": ["a"]},
        {"matchExpressions": {"key": "a"}},
        {"matchExpressions": ["a"]},
        {"matchExpressions": [{"operator": "Exists"}]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": "1"}]},
        {"matchExpressions": [{"key": "a", "operator": "In"}]},
        {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["1"]}]},
        # Found even where a label decides already.
        {"matchLabels": {"z": "1"}, "matchExpressions": [{"key": "a", "operator": "Near"}]},
    ],
)
def test_bad_selectors(selector: dict[str, Any]) -> None:
    with pytest.raises(SelectorError):
        selects(selector, {"a": "1"})
