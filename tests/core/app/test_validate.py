"""What is wrong with a spec, and what of it is refused in this version."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.app.build import SOURCE, SPEC
from tiphys.core.app.conditions import Condition
from tiphys.core.app.spec import effective_source, project_name, sources_of
from tiphys.core.app.validate import Place, invalid, unsupported
from tiphys.core.project import EffectiveProject, effective_project
from tiphys.model.application import (
    ApplicationDestination,
    ApplicationSource,
    ApplicationSourceDirectory,
    ApplicationSpec,
    DrySource,
    SourceHydrator,
    SyncPolicy,
    SyncSource,
)
from tiphys.model.appproject import AppProject
from tiphys.model.cluster import Cluster
from tiphys.model.status import ConditionType

OPEN = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}
CLUSTER = Cluster(server="https://one", name="one")


def project(**spec: Any) -> EffectiveProject:
    manifest = {"metadata": {"name": "team"}, "spec": {**OPEN, **spec}}
    return effective_project(AppProject.from_manifest(manifest))


def checked(
    spec: ApplicationSpec,
    found: EffectiveProject | None = None,
    resolved: Cluster | str = CLUSTER,
    namespace: str = "argocd",
) -> list[Condition]:
    place = Place("web", namespace, "argocd")
    return invalid(spec, found or project(), place, resolved)


def texts(found: list[Condition]) -> list[str]:
    assert {condition.type for condition in found} <= {ConditionType.INVALID_SPEC_ERROR}
    return [condition.message for condition in found]


def test_a_good_spec() -> None:
    assert checked(SPEC) == []


@pytest.mark.parametrize(("name", "shown"), [("team", "team"), ("", "default")])
def test_missing_project(name: str, shown: str) -> None:
    spec = replace(SPEC, project=name)
    assert texts(invalid(spec, None, Place("web", "argocd", "argocd"), CLUSTER)) == [
        f"Application referencing project {shown} which does not exist"
    ]
    assert project_name(spec) == shown


@pytest.mark.parametrize("source", [None, replace(SOURCE, path=""), replace(SOURCE, repo_url="")])
def test_source_shape_stops_the_list(source: ApplicationSource | None) -> None:
    spec = replace(SPEC, source=source)
    assert texts(checked(spec, resolved="no such cluster")) == [
        "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
    ]


CHART = replace(SOURCE, path="", chart="redis", target_revision="7.x")
REF = replace(SOURCE, path="", ref="values")
UNVERSIONED = "spec.source.targetRevision is required if the manifest source is a helm chart"


def test_a_chart_needs_a_version() -> None:
    assert checked(replace(SPEC, source=CHART)) == []
    bare = replace(CHART, target_revision="")
    assert texts(checked(replace(SPEC, source=bare))) == [UNVERSIONED]
    assert texts(checked(replace(SPEC, sources=(SOURCE, bare)))) == [UNVERSIONED]


def test_several_sources_need_no_single_one() -> None:
    assert checked(replace(SPEC, source=None, sources=(SOURCE, CHART, REF))) == []


@pytest.mark.parametrize("bare", [replace(SOURCE, path=""), replace(SOURCE, repo_url="")])
def test_the_shape_of_each_of_several_sources(bare: ApplicationSource) -> None:
    spec = replace(SPEC, source=None, sources=(SOURCE, bare))
    assert texts(checked(spec, resolved="no such cluster")) == [
        "spec.source.repoURL and either source.path, source.chart, or source.ref are required "
        "for source 2 of 2"
    ]


def test_each_of_several_sources_has_to_be_permitted() -> None:
    narrow = project(sourceRepos=["https://git.example.com/apps.git"])
    other, third = (replace(REF, repo_url=f"https://git.example.com/{name}") for name in "bc")
    spec = replace(SPEC, source=None, sources=(SOURCE, other, third, other))
    assert texts(checked(spec, narrow)) == [
        "application repo https://git.example.com/b is not permitted in project 'team'",
        "application repo https://git.example.com/c is not permitted in project 'team'",
    ]


def test_a_destination_that_is_no_cluster_is_said() -> None:
    spec = replace(SPEC, destination=ApplicationDestination(name="prod"))
    problem = "there are no clusters with this name: prod"
    assert texts(checked(spec, resolved=problem)) == [problem]
    assert texts(checked(spec, resolved=CLUSTER)) == []


HYDRATOR = SourceHydrator(
    dry_source=DrySource(repo_url="r", target_revision="HEAD", path="p"),
    sync_source=SyncSource(target_branch="env/dev", path="p"),
)
REFUSED = [
    (replace(SPEC, source=None, source_hydrator=HYDRATOR), ["spec.sourceHydrator"]),
]


@pytest.mark.parametrize(("spec", "fields"), REFUSED)
def test_refused_fields(spec: ApplicationSpec, fields: list[str]) -> None:
    expected = [f"{field} is not supported by this version of Tiphys" for field in fields]
    assert texts(unsupported(spec)) == expected
    assert texts(checked(spec)) == expected


@pytest.mark.parametrize("option", ["PruneLast=true", "PruneLast=True", "NoSuchOption=true", ""])
def test_an_option_that_nobody_knows_means_nothing(option: str) -> None:
    assert unsupported(replace(SPEC, sync_policy=SyncPolicy(sync_options=(option,)))) == []


def test_what_the_project_does_not_permit() -> None:
    narrow = project(
        sourceRepos=["https://elsewhere"],
        destinations=[{"server": "*", "namespace": "other"}],
    )
    assert texts(checked(SPEC, narrow)) == [
        "application repo https://git.example.com/apps.git is not permitted in project 'team'",
        "application destination server 'https://one' and namespace 'demo' "
        "do not match any of the allowed destinations in project 'team'",
    ]
    by_name = replace(SPEC, destination=ApplicationDestination(name="one", namespace="demo"))
    assert "destination server 'one' and" in texts(checked(by_name, narrow))[1]


def test_all_that_is_wrong_with_source_and_destination_is_told() -> None:
    narrow = project(sourceRepos=[])
    spec = replace(SPEC, source=replace(SOURCE, repo_url="https://me:secret@git.example.com/a"))
    assert texts(checked(spec, narrow, "there are no clusters with this name: x")) == [
        "application repo https://git.example.com/a is not permitted in project 'team'",
        "there are no clusters with this name: x",
    ]


def test_a_namespace_that_the_project_does_not_permit() -> None:
    assert checked(SPEC, namespace="apps") == [
        Condition(
            ConditionType.UNKNOWN_ERROR,
            "application 'web' in namespace 'apps' is not permitted to use project 'team'",
        )
    ]
    assert checked(SPEC, project(sourceNamespaces=["app*"]), namespace="apps") == []


def test_effective_source() -> None:
    empty = replace(SOURCE, directory=ApplicationSourceDirectory())
    assert effective_source(replace(SPEC, source=empty)) == SOURCE
    recursive = replace(SOURCE, directory=ApplicationSourceDirectory(recurse=True))
    assert effective_source(replace(SPEC, source=recursive)) == recursive
    assert effective_source(replace(SPEC, sources=(SOURCE,))).repo_url == ""


def test_what_is_rendered() -> None:
    empty = replace(SOURCE, directory=ApplicationSourceDirectory())
    assert sources_of(replace(SPEC, source=empty)) == (SOURCE,)
    assert sources_of(replace(SPEC, source=CHART, sources=(empty, REF))) == (SOURCE, REF)
