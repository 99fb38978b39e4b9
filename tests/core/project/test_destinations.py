"""Which clusters and namespaces a project allows."""

from typing import Any

import pytest

from tests.core.project.build import app_project, project
from tiphys.core.project import destination_permitted, effective_project
from tiphys.model.cluster import Cluster

ALL = {"server": "*", "namespace": "*"}


def permitted(*entries: dict[str, str], namespace: str = "demo", **spec: Any) -> bool:
    return destination_permitted(
        project(destinations=list(entries), **spec), "https://one:6443", "one", namespace
    )


@pytest.mark.parametrize(
    "entry",
    [
        ALL,
        {"name": "*", "namespace": "*"},
        {"server": "https://one:6443", "namespace": "demo"},
        {"server": "https://*:6443", "namespace": "d*"},
        {"name": "one", "namespace": "demo"},
        # Server or name: the other may differ.
        {"server": "https://other", "name": "one", "namespace": "demo"},
        {"server": "!https://other", "namespace": "demo"},
        {"server": "*", "namespace": "!kube-system"},
        {"name": "!other", "namespace": "*"},
    ],
)
def test_permitted(entry: dict[str, str]) -> None:
    assert permitted(entry)


@pytest.mark.parametrize(
    "entry",
    [
        {"server": "https://other", "namespace": "*"},
        {"server": "*", "namespace": "other"},
        {"server": "*"},
        {"namespace": "*"},
        {"server": "*", "namespace": "{demo"},
    ],
)
def test_not_permitted(entry: dict[str, str]) -> None:
    assert not permitted(entry)


def test_nothing_listed_is_nothing_allowed() -> None:
    assert not permitted()


def test_blank_namespace_matches_only_blank_and_star() -> None:
    assert permitted({"server": "*"}, namespace="")
    assert permitted(ALL, namespace="")
    assert permitted({"server": "*", "namespace": "!kube-system"}, namespace="")
    assert not permitted({"server": "*", "namespace": "demo"}, namespace="")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "denial",
    [
        # The name denies whatever the namespace, the server only with the namespace.
        {"name": "!one", "namespace": "elsewhere"},
        {"server": "!https://one:6443", "namespace": "demo"},
        {"server": "*", "namespace": "!demo"},
    ],
)
def test_denials_win(denial: dict[str, str], *, first: bool) -> None:
    assert not permitted(*([denial, ALL] if first else [ALL, denial]))


@pytest.mark.parametrize(
    "denial",
    [
        {"server": "!https://one:6443", "namespace": "elsewhere"},
        {"server": "https://other", "namespace": "!demo"},
    ],
)
def test_denials_of_something_else_deny_nothing(denial: dict[str, str]) -> None:
    assert permitted(ALL, denial)


def test_clusters_of_the_project_are_destinations() -> None:
    clusters = [
        Cluster(server="https://mine", name="mine", project="team"),
        Cluster(server="https://part", name="part", project="team", namespaces=("a", "b")),
        Cluster(server="https://other", name="other", project="others"),
    ]
    found = effective_project(app_project(), clusters=clusters)
    assert destination_permitted(found, "https://mine", "mine", "any")
    assert destination_permitted(found, "https://part", "part", "b")
    assert not destination_permitted(found, "https://part", "part", "c")
    assert not destination_permitted(found, "https://other", "other", "any")


def test_only_clusters_of_the_project() -> None:
    spec: dict[str, Any] = {"destinations": [ALL], "permitOnlyProjectScopedClusters": True}
    mine = Cluster(server="https://mine", name="mine", project="team")
    found = effective_project(app_project(**spec), clusters=[mine])
    assert destination_permitted(found, "https://mine", "mine", "demo")
    assert destination_permitted(found, "https://elsewhere", "mine", "demo")
    assert not destination_permitted(found, "https://one", "one", "demo")
