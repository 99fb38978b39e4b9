"""Which report is older, what is remembered of the departed, and which claims are whose."""

from __future__ import annotations

import pytest

from tiphys.model.resource import OwnerReference, ResourceKey
from tiphys.services.live.claims import ClaimOwners
from tiphys.services.live.order import Departed, is_older


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [("9", "10", True), ("10", "9", False), ("7", "7", False), ("", "7", False), ("a", "b", False)],
)
def test_versions_are_compared_as_numbers_where_both_are(
    version: str, than: str, older: bool
) -> None:
    assert is_older(version, than) is older


def test_only_the_newest_departed_are_remembered() -> None:
    departed = Departed(kept=2)
    for uid in ("a", "", "b", "c"):
        departed.add(uid)
    assert [uid in departed for uid in ("a", "", "b", "c")] == [False, False, True, True]
    departed.clear()
    assert "c" not in departed


CLAIM = ResourceKey("", "PersistentVolumeClaim", "shop", "data-db-0")
SET = ResourceKey("apps", "StatefulSet", "shop", "db")
MANIFEST = {
    "metadata": {"name": "db", "uid": "u1"},
    "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
}


def test_a_claim_that_is_gone_is_adopted_no_more() -> None:
    owners = ClaimOwners()
    assert owners.owner(CLAIM) is None
    other = CLAIM._replace(name="data-db-1")
    owners.owner(other)
    owners.forget(CLAIM)
    assert list(owners.claims(SET, MANIFEST)) == [other]
    owners.forget(other)
    assert list(owners.claims(SET, MANIFEST)) == []


def test_a_set_that_is_gone_owns_nothing() -> None:
    owners = ClaimOwners()
    assert list(owners.claims(SET, MANIFEST)) == []
    assert owners.owner(CLAIM) == OwnerReference("apps", "StatefulSet", "db", "u1")
    owners.forget(SET._replace(name="other"))
    assert owners.owner(CLAIM) is not None
    owners.forget(SET)
    assert owners.owner(CLAIM) is None


def test_a_claim_without_an_ordinal_belongs_to_no_set() -> None:
    assert ClaimOwners().owner(CLAIM._replace(name="data")) is None


def test_forgetting_a_claim_without_an_ordinal_is_nothing() -> None:
    owners = ClaimOwners()
    owners.owner(CLAIM)
    owners.forget(CLAIM._replace(name="data"))
    assert list(owners.claims(SET, MANIFEST)) == [CLAIM]
