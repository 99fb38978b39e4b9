"""Comparisons that ask the sandbox or the server."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.evaluate import FakeEvaluator
from tests.fakes.kube import FakeCluster
from tiphys.core.diff.compare import Comparison
from tiphys.core.diff.rules import CompareRules
from tiphys.core.settings.overrides import IgnoreRule, KnownTypeField, ResourceOverrides
from tiphys.core.settings.settings import Settings
from tiphys.model.errors import EvaluationError, ForbiddenError, KubeError
from tiphys.model.resource import Manifest, ResourceKey, key_of
from tiphys.services.compare import Ask, Comparisons, Eraser, UpdateFilter, respected


def config(name: str, **data: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def ask(desired: Manifest, live: Manifest) -> Ask:
    return Ask(key_of(live), desired, live)


class Here:
    def __init__(self) -> None:
        self.evaluator = FakeEvaluator()
        self.cluster = FakeCluster()
        self.eraser = Eraser(self.evaluator)
        self.comparisons = Comparisons(self.eraser)

    async def compare(self, *asks: Ask, **rules: Any) -> list[Any]:
        found = await self.comparisons.compare(
            asks, CompareRules(**rules), discovery=self.cluster, writer=self.cluster
        )
        return list(found)


def jq(*expressions: str, name: str = "") -> IgnoreRule:
    return IgnoreRule(jq_path_expressions=expressions, name=name)


async def test_objects_that_share_expressions_are_one_question() -> None:
    here = Here()
    asks = [ask(config(name, a="1", b="1"), config(name, a="2", b="1")) for name in "xyz"]
    own = jq(".data.b", name="z")
    found = await here.compare(*asks, ignore=(jq(".data.a"), own))
    assert [one.modified for one in found] == [False] * 3
    assert sorted(here.evaluator.asked) == [(2, (".data.a", ".data.b")), (4, (".data.a",))]
    assert [one.rule for one in found[0].hidden] == ["jqPathExpressions: .data.a"]


async def test_without_expressions_nobody_is_asked() -> None:
    here = Here()
    (found,) = await here.compare(ask(config("x", a="1"), config("x", a="2")))
    assert found.modified
    assert here.evaluator.asked == []
    assert here.cluster.calls == []


async def test_a_rule_that_cannot_be_used_is_said_once() -> None:
    here = Here()
    pair = ask(config("x", a="1"), config("x", a="2"))
    with capture_logs() as logs:
        for _ in range(2):
            (found,) = await here.compare(pair, ignore=(jq("a b"),))
            assert found.modified
    told = [one for one in logs if one["event"] == "ignore rule skipped"]
    assert [(one["jq"], one["reason"]) for one in told] == [("a b", "is not understood")]


async def test_a_broken_evaluator_is_the_answer_of_those_who_need_it() -> None:
    here = Here()
    here.evaluator.broken = True
    one, other = ask(config("x", a="1"), config("x", a="1")), ask(config("y"), config("y"))
    found = await here.compare(one, other, ignore=(jq(".data.a", name="x"),))
    assert isinstance(found[0], EvaluationError)
    assert isinstance(found[1], Comparison)
    assert not found[1].modified


async def test_the_server_says_what_applying_would_give() -> None:
    here = Here()
    live = config("x", a="1", b="2")
    here.cluster.seed(live)
    stored = here.cluster.objects[key_of(live)]
    (found,) = await here.compare(ask(config("x", a="3"), stored), server_side=True, mutations=True)
    assert [(d.field, d.desired, d.live) for d in found.differences] == [("data.a", "3", "1")]
    assert here.cluster.objects[key_of(live)] == stored
    assert here.cluster.calls == [("patch", key_of(live))]


async def test_what_the_server_refuses_is_the_answer() -> None:
    here = Here()
    here.cluster.seed(config("x"), config("y"))
    here.cluster.fail = lambda verb, key: (
        ForbiddenError("no", status=403) if key.name == "x" else None
    )
    odd = {**config("z"), "kind": "Odd"}
    found = await here.compare(
        *(ask(config(name), here.cluster.objects[key_of(config(name))]) for name in "xy"),
        ask(odd, odd), server_side=True,
    )  # fmt: skip
    assert isinstance(found[0], KubeError)
    assert isinstance(found[1], Comparison)
    assert "v1 Odd is not served" in str(found[2])


async def test_known_types_hold_for_their_kind() -> None:
    here = Here()
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}
    pair = ask({**widget, "spec": {"cpu": "1000m"}}, {**widget, "spec": {"cpu": "1"}})
    known = KnownTypeField("example.com", "Widget", "spec.cpu", "core/Quantity")
    unknown = KnownTypeField("example.com", "Widget", "spec.pod", "core/v1/NoSuchType")
    with capture_logs() as logs:
        for _ in range(2):
            (found,) = await here.compare(pair, known_types=(known, unknown))
            assert not found.modified
    assert [one["type"] for one in logs] == ["core/v1/NoSuchType"]
    (found,) = await here.compare(pair)
    assert found.modified


async def test_ignored_fields_are_applied_as_they_are_live() -> None:
    here = Here()
    entry = {"manager": "m", "fieldsV1": {"f:data": {"f:c": {}, "f:d": {}}}}
    live = config("x", a="2", b="2", c="2", d="2")
    live["metadata"]["managedFields"] = [entry]
    rules = CompareRules(
        ignore=(jq(".data.a"), IgnoreRule(managed_fields_managers=("m",), name="x"))
    )
    asks = [ask(config("x", a="1", b="1", c="1"), live), ask(config("y", a="1"), config("y"))]
    found = await respected(asks, rules, discovery=here.cluster, eraser=here.eraser)
    assert [one["data"] for one in found] == [{"a": "2", "b": "1", "c": "2", "d": "2"}, {}]
    assert here.evaluator.asked == [(4, (".data.a",))]
    here.evaluator.broken = True
    with pytest.raises(EvaluationError):
        await respected(asks, rules, discovery=here.cluster, eraser=here.eraser)


def updates(here: Here, *rules: IgnoreRule, on: bool = True) -> UpdateFilter:
    settings = Settings(overrides=ResourceOverrides(ignore_updates=rules), ignore_updates=on)
    return UpdateFilter(here.eraser, lambda: settings)


def test_which_objects_are_hashed() -> None:
    found = updates(Here())
    plain = config("x")
    noted = config("x")
    noted["metadata"]["annotations"] = {"argocd.argoproj.io/ignore-resource-updates": "true"}
    application = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    assert not found.concerns(plain, tracked=False)
    assert found.concerns(plain, tracked=True)
    assert found.concerns(noted, tracked=False)
    assert found.concerns(application, tracked=False)
    assert not updates(Here(), on=False).concerns(plain, tracked=True)


async def test_a_change_that_is_ignored_keeps_its_hash() -> None:
    here = Here()
    found = updates(here, IgnoreRule(json_pointers=("/data/a",)), jq(".data.b", name="j"))
    assert found.hash(config("x", a="1")) == found.hash(config("x", a="2"))
    assert found.hash(config("x", c="1")) != found.hash(config("x", c="2"))
    assert not found.needs_jq(ResourceKey("", "ConfigMap", "shop", "x"))
    assert found.needs_jq(ResourceKey("", "ConfigMap", "shop", "j"))
    one, two, plain, three = await found.hashes(
        [config("j", b="1"), config("j", b="2"), config("x", a="1"), config("j", c="2")]
    )
    assert one == two != three
    assert plain == found.hash(config("x", a="1"))
    assert here.evaluator.asked == [(3, (".data.b",))]
    here.evaluator.broken = True
    assert await found.hashes([config("j"), config("x")]) == ["", found.hash(config("x"))]


def test_other_rules_begin_another_generation() -> None:
    present = [Settings()]
    found = UpdateFilter(Here().eraser, lambda: present[0])
    found.hash(config("x"))
    before = found.generation
    present[0] = Settings(wave_delay=1.0)
    found.hash(config("x"))
    assert found.generation == before
    rule = IgnoreRule(json_pointers=("/data",))
    present[0] = Settings(overrides=ResourceOverrides(ignore_updates=(rule,)))
    found.hash(config("x"))
    assert found.generation == before + 1
