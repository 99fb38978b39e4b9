"""Deep links: what is configured, what templates see, what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.links import (
    DeepLink,
    LinkKind,
    MadeLink,
    application_data,
    deep_links,
    may_be_shown,
    project_data,
    resource_data,
)
from tiphys.model.cluster import Cluster, ClusterConfig
from tiphys.model.errors import SettingsError

APP: dict[str, Any] = {"metadata": {"name": "shop"}, "spec": {}}
CLUSTER = Cluster(server="https://c", name="c", shard=1, config=ClusterConfig(bearer_token="T0KEN"))


def test_links_are_read() -> None:
    text = "[{title: T, url: u, description: D, icon.class: fa, if: x}, {title: S, url: v, if: }]"
    assert deep_links(LinkKind.PROJECT, {"project.links": text}) == (
        DeepLink("T", "u", "D", "fa", "x"),
        DeepLink("S", "v"),
    )
    assert deep_links(LinkKind.RESOURCE, {"project.links": text}) == ()


@pytest.mark.parametrize("text", ["x", "[7]", "[{title: 7}]", "[{href: x}]"])
def test_what_are_no_links(text: str) -> None:
    with pytest.raises(SettingsError):
        deep_links(LinkKind.APPLICATION, {"application.links": text})


def test_templates_see_no_credentials() -> None:
    found = application_data(APP, CLUSTER, "https://cd")
    assert found["application"] == found["app"] == APP
    assert found["cluster"] == {
        "server": "https://c",
        "name": "c",
        "namespaces": [],
        "shard": 1,
        "project": "",
        "labels": {},
        "annotations": {},
    }
    assert found["managedByURL"] == "https://cd"
    assert set(application_data(APP, None, "")) == {"application", "app", "managedByURL"}
    project = {"spec": {"a": 1}, "status": {"jwtTokensByRole": {"x": 1}}}
    assert project_data(project) == {"project": {"spec": {"a": 1}, "status": {}}}
    of_resource = resource_data({"kind": "Pod"}, APP, None, project)
    assert of_resource["resource"] == {"kind": "Pod"}
    assert of_resource["project"]["status"] == {}
    assert of_resource["managedByURL"] == ""


@pytest.mark.parametrize(
    ("url", "seen"), [("https://other", "https://other"), ("javascript:alert(1)", "")]
)
def test_who_manages_an_application(url: str, seen: str) -> None:
    metadata = {"annotations": {"argocd.argoproj.io/managed-by-url": url}}
    found = resource_data({}, {"metadata": metadata}, None, {})
    assert found["managedByURL"] == seen


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a/b?c", True),
        ("http://a", True),
        ("JaVaScRiPt:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("vbscript:x", False),
        ("//a/b", False),
        ("/b", False),
        ("https://", False),
        ("", False),
    ],
)
def test_browsers_are_sent_only_to_the_web(url: str, shown: bool) -> None:
    assert may_be_shown(MadeLink("T", url)) is shown


def test_a_link_without_a_title_is_none() -> None:
    assert not may_be_shown(MadeLink("", "https://a"))


def test_the_contract_s_shape() -> None:
    assert MadeLink("T", "u").to_json() == {"title": "T", "url": "u"}
    assert MadeLink("T", "u", "D", "fa").to_json() == {
        "title": "T",
        "url": "u",
        "description": "D",
        "iconClass": "fa",
    }
