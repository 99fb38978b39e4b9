"""Clusters as callers write them, and what an update makes of a stored one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tiphys.core.settings.clusterrequest import asked_cluster, updated
from tiphys.core.settings.clustersecret import shown
from tiphys.model.errors import ApiError

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def test_a_cluster_is_read() -> None:
    found = asked_cluster(
        {
            "server": "https://a/",
            "namespaces": ["x", "y"],
            "clusterResources": True,
            "shard": 0,
            "project": "team",
            "labels": {"argocd.argoproj.io/secret-type": "other", "l": "1"},
            "annotations": {"n": "2"},
            "config": {"bearerToken": "T0KEN"},
        }
    )
    assert (found.server, found.name, found.namespaces) == ("https://a", "https://a", ("x", "y"))
    assert (found.cluster_resources, found.shard, found.project) == (True, 0, "team")
    assert (found.labels, found.annotations) == ({"l": "1"}, {"n": "2"})
    assert (found.config.bearer_token, found.secret) == ("T0KEN", "")
    assert asked_cluster({"name": "n"}, "https://b").server == "https://b"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({}, "cluster: server is missing"),
        (
            {"server": "s", "config": {"bearerToken": {"S3CRET": 1}}},
            "cluster: config.bearerToken is not a text",
        ),
        (
            {"server": "s", "annotations": {LAST_APPLIED: "S3CRET"}},
            f"annotation {LAST_APPLIED} cannot be set",
        ),
    ],
)
def test_what_is_none(message: dict[str, object], said: str) -> None:
    with pytest.raises(ApiError) as caught:
        asked_cluster(message)
    assert str(caught.value) == said


def test_an_update_of_fields() -> None:
    stored = replace(
        asked_cluster({"server": "https://a", "name": "a", "config": {"bearerToken": "t"}}),
        secret="s",
    )
    asked = asked_cluster({"server": "https://a", "name": "b", "labels": {"l": "1"}})
    named = updated(stored, asked, ["name", "info"])
    assert (named.name, named.labels, named.config.bearer_token) == ("b", {}, "t")
    whole = updated(stored, asked, [])
    assert (whole.name, whole.labels, whole.config.bearer_token) == ("b", {"l": "1"}, "")
    assert whole.secret == "s"
    with pytest.raises(ApiError):
        updated(stored, asked_cluster({"server": "https://c"}), ["name"])


def test_when_a_cluster_is_to_be_read_anew() -> None:
    cluster = asked_cluster({"server": "https://a"})
    assert "refreshRequestedAt" not in shown(cluster)
    note = {"argocd.argoproj.io/refresh": "2026-01-01T00:00:00Z"}
    asked = replace(cluster, annotations=note)
    assert shown(asked)["refreshRequestedAt"] == "2026-01-01T00:00:00Z"
