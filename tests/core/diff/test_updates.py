"""Which changes of a live object change its hash."""

from __future__ import annotations

from typing import Any

from tiphys.core.diff.rules import ObjectRules
from tiphys.core.diff.updates import before_jq, update_hash, update_rules
from tiphys.core.settings.overrides import IgnoredStatus, IgnoreRule, ResourceOverrides
from tiphys.core.settings.settings import Settings
from tiphys.model.resource import Manifest, ResourceKey

POD = ResourceKey("", "Pod", "shop", "a")
UPDATES = IgnoreRule(json_pointers=("/u",))
DIFFERENCES = IgnoreRule(json_pointers=("/d",))


def rules(**overrides: Any) -> ObjectRules:
    found = ResourceOverrides(
        ignore_updates=(UPDATES,), ignore_differences=(DIFFERENCES,), **overrides
    )
    return update_rules(Settings(overrides=found)).of(POD)


def hashed(manifest: Manifest, own: ObjectRules) -> str:
    return update_hash(before_jq(manifest, own))


def test_rules_of_comparisons_count_unless_switched_off() -> None:
    assert rules().pointers == ("/u", "/d")
    assert rules().status
    alone = rules(ignore_differences_on_updates=False)
    assert alone.pointers == ("/u",)
    assert not alone.status
    assert not rules(ignored_status=IgnoredStatus.NONE).status


def test_what_is_ignored_leaves_the_hash() -> None:
    base = {"metadata": {"name": "a"}, "spec": 1}
    noise = {"metadata": {"name": "a", "resourceVersion": "2", "generation": 3,
             "managedFields": [{}]}, "spec": 1, "u": 1, "d": 2, "status": 5}  # fmt: skip
    assert hashed(base, rules()) == hashed(noise, rules())
    assert hashed(base, rules()) != hashed({**base, "spec": 2}, rules())
    alone = rules(ignore_differences_on_updates=False)
    assert hashed(base, alone) != hashed({**base, "status": 1}, alone)
    assert hashed({"spec": 1}, rules()) == hashed({"spec": 1, "u": 2}, rules())


def test_what_managers_own_leaves_the_hash() -> None:
    entry = {"manager": "hpa", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    meta = {"name": "a", "managedFields": [entry]}
    own = ObjectRules(managers=("hpa",))
    one, two = ({"metadata": meta, "spec": {"replicas": n}} for n in (1, 2))
    assert hashed(one, own) == hashed(two, own)
    nobody = ObjectRules(managers=("other",))
    assert hashed(one, nobody) != hashed(two, nobody)
