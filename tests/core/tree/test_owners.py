"""Owners that objects name, and those that only the kinds' habits tell."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.tree.owners import claim_stem, claim_stems, owners_of
from tiphys.model.resource import OwnerReference, key_of


def manifest(api_version: str, kind: str, name: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", **parts.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def owners(of: dict[str, Any]) -> tuple[OwnerReference, ...]:
    return owners_of(of, key_of(of))


def test_references_are_read_as_they_are_written() -> None:
    pod = manifest(
        "v1",
        "Pod",
        "web-1",
        metadata={
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "web",
                    "uid": "u1",
                    "controller": True,
                },
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "seed", "uid": "u2"},
            ]
        },
    )
    assert owners(pod) == (
        OwnerReference("apps", "ReplicaSet", "web", "u1", controller=True),
        OwnerReference("", "ConfigMap", "seed", "u2"),
    )


def test_endpoints_belong_to_the_service_of_their_name() -> None:
    assert owners(manifest("v1", "Endpoints", "web")) == (OwnerReference("", "Service", "web", ""),)


def test_endpoints_with_an_owner_keep_it() -> None:
    reference = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
    found = owners(manifest("v1", "Endpoints", "web", metadata={"ownerReferences": [reference]}))
    assert found == (OwnerReference("", "Node", "n", "u"),)


def token_secret(kind: str, annotations: dict[str, str]) -> dict[str, Any]:
    return manifest("v1", "Secret", "t", type=kind, metadata={"annotations": annotations})


ACCOUNT = {
    "kubernetes.io/service-account.name": "robot",
    "kubernetes.io/service-account.uid": "u9",
}


def test_a_token_belongs_to_its_service_account() -> None:
    secret = token_secret("kubernetes.io/service-account-token", ACCOUNT)
    assert owners(secret) == (OwnerReference("", "ServiceAccount", "robot", "u9"),)


@pytest.mark.parametrize("missing", sorted(ACCOUNT))
def test_a_token_needs_both_name_and_uid(missing: str) -> None:
    annotations = {key: value for key, value in ACCOUNT.items() if key != missing}
    assert owners(token_secret("kubernetes.io/service-account-token", annotations)) == ()


def test_other_secrets_have_no_inferred_owner() -> None:
    assert owners(token_secret("Opaque", ACCOUNT)) == ()


def test_a_cluster_service_version_belongs_to_its_operator_group() -> None:
    version = manifest(
        "operators.coreos.com/v1alpha1",
        "ClusterServiceVersion",
        "etcd.v1",
        metadata={"annotations": {"olm.operatorGroup": "shop-group"}},
    )
    assert owners(version) == (
        OwnerReference("operators.coreos.com", "OperatorGroup", "shop-group", ""),
    )
    assert owners(manifest("operators.coreos.com/v1alpha1", "ClusterServiceVersion", "x")) == ()


def test_kinds_of_other_groups_infer_nothing() -> None:
    assert owners(manifest("example.com/v1", "Endpoints", "web")) == ()


def test_claims_are_found_by_template_and_set() -> None:
    stateful_set = manifest(
        "apps/v1",
        "StatefulSet",
        "db",
        spec={
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}, {"metadata": {"name": "log"}}]
        },
    )
    assert claim_stems(stateful_set) == ("data-db", "log-db")
    assert claim_stems(manifest("apps/v1", "StatefulSet", "db")) == ()


@pytest.mark.parametrize(
    ("claim", "stem"),
    [
        ("data-db-0", "data-db"),
        ("data-db-12", "data-db"),
        ("data-db", ""),
        ("0", ""),
        ("a-1-2", "a-1"),
    ],
)
def test_a_claims_stem_is_its_name_without_the_ordinal(claim: str, stem: str) -> None:
    assert claim_stem(claim) == stem
