"""The AppProject's typed views."""

from __future__ import annotations

import pytest

from tiphys.model.appproject import AppProject, AppProjectSpec, JWTToken, JWTTokens
from tiphys.model.errors import ManifestDecodeError
from tiphys.model.metadata import Metadata


def test_no_list_of_namespaced_kinds_is_not_an_empty_one() -> None:
    assert AppProject({"spec": {}}).spec.namespace_resource_whitelist is None
    empty = AppProject({"spec": {"namespaceResourceWhitelist": []}})
    assert empty.spec.namespace_resource_whitelist == ()
    assert empty.to_json()["spec"] == {"namespaceResourceWhitelist": []}


def test_tokens_are_read_by_role() -> None:
    project = AppProject(
        {"status": {"jwtTokensByRole": {"ci": {"items": [{"iat": 5, "id": "x"}]}}}}
    )
    assert project.status.jwt_tokens_by_role == {"ci": JWTTokens(items=(JWTToken(iat=5, id="x"),))}


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(ManifestDecodeError) as caught:
        _ = AppProject({"spec": {"roles": [{"description": "no name"}]}}).spec
    assert caught.value.field == "spec.roles[0].name"


def test_build_writes_a_whole_object() -> None:
    built = AppProject.build(Metadata(name="team"), AppProjectSpec(source_repos=("*",)))
    assert built.to_manifest() == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "team"},
        "spec": {"sourceRepos": ["*"]},
    }
    assert built.name == "team"
    assert built.to_json() == {
        "metadata": {"name": "team"},
        "spec": {"sourceRepos": ["*"]},
        "status": {},
    }


def test_unknown_fields_survive() -> None:
    manifest = {"spec": {"sourceRepos": ["*"], "fromTheFuture": 1}}
    assert AppProject.from_manifest(manifest).to_manifest() == manifest
