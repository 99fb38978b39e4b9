"""Rules leave fields out of comparisons, and what they hide is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.core.diff.documents import schema_of
from tiphys.core.diff.applied import with_last_applied
from tiphys.core.diff.compare import Comparison, Question, compare, judge, left_of, sides
from tiphys.core.diff.explain import FieldDifference, ItemKey
from tiphys.core.diff.ignore import Sides, hiding_rule, ruled, steps, without_ignored
from tiphys.core.diff.rules import DiffMode, ObjectRules

Json = dict[str, Any]
DEPLOYMENT = schema_of("Deployment")


def deployment(*, managed: Any = (), status: Any = None, **spec: Any) -> Json:
    made = {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "managedFields": list(managed)}, "spec": spec}  # fmt: skip
    return made if status is None else {**made, "status": status}


def compared(target: Json, live: Json, **rules: Any) -> Comparison:
    return compare(target, live, schema=DEPLOYMENT, rules=ObjectRules(**rules))


def told(found: tuple[FieldDifference, ...]) -> list[tuple[str, Any, Any, str]]:
    return [(one.field, one.desired, one.live, one.rule) for one in found]


def test_a_pointer_hides_its_field_and_no_other() -> None:
    target, live = deployment(replicas=1, paused=True), deployment(replicas=3)
    answer = compared(target, live, pointers=("/spec/replicas",))
    assert told(answer.differences) == [("spec.paused", True, None, "")]
    assert told(answer.hidden) == [("spec.replicas", 1, 3, "jsonPointers: /spec/replicas")]
    assert not compared(deployment(replicas=1), live, pointers=("/spec/replicas",)).modified
    assert answer.live is not None
    assert "spec" not in answer.live


def test_what_was_applied_is_ignored_too() -> None:
    before, target = deployment(minReadySeconds=5, replicas=1), deployment(replicas=1)
    live = {**before, "metadata": with_last_applied(before)["metadata"]}
    assert compared(target, live).modified
    assert not compared(target, live, pointers=("/spec/minReadySeconds",)).modified


def pod(*containers: Json) -> Json:
    return deployment(template={"spec": {"containers": list(containers)}})


def test_a_pointer_through_a_list_names_the_rule() -> None:
    target, live = pod({"name": "a", "image": "x"}), pod({"name": "a", "image": "y"})
    pointer = "/spec/template/spec/containers/0/image"
    answer = compared(target, live, pointers=("/spec/replicas", pointer))
    assert not answer.modified
    assert told(answer.hidden) == [
        ("spec.template.spec.containers[name=a].image", "x", "y", f"jsonPointers: {pointer}")
    ]


def test_what_managers_own_is_taken_from_live() -> None:
    entry = {"manager": "hpa", "time": "2026-01-01T00:00:00Z", "operation": "Update",
             "fieldsV1": {"f:spec": {"f:replicas": {}}}}  # fmt: skip
    target = deployment(replicas=1, minReadySeconds=2)
    live = deployment(replicas=3, minReadySeconds=1, managed=[entry])
    answer = compared(target, live, managers=("other", "hpa"))
    assert told(answer.differences) == [("spec.minReadySeconds", 2, 1, "")]
    (hidden,) = answer.hidden
    assert (hidden.manager, hidden.time) == ("hpa", "2026-01-01T00:00:00Z")
    assert told(answer.hidden) == [("spec.replicas", 1, 3, "managedFieldsManagers: hpa")]
    assert compared(target, live, managers=("other",)).modified


def test_what_managers_own_is_taken_from_live_in_the_answer_of_the_server() -> None:
    entry = {"manager": "hpa", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    target, live = deployment(replicas=1), deployment(replicas=3, managed=[entry])
    question = Question(desired=target, live=live, schema=DEPLOYMENT, mode=DiffMode.SERVER,
                        rules=ObjectRules(managers=("hpa",)), predicted=target)  # fmt: skip
    assert not judge(question, left_of(question)).modified
    plain = replace(question, rules=ObjectRules())
    assert judge(plain, sides(plain)).modified
    silent = replace(plain, predicted=None)
    assert judge(silent, sides(silent)).modified


def test_status_counts_where_it_is_not_ignored() -> None:
    target, live = deployment(status={"replicas": 1}), deployment(status={"replicas": 3})
    hidden = compared(target, live)
    assert not hidden.modified
    assert told(hidden.hidden) == [("status.replicas", 1, 3, "ignoreResourceStatusField")]
    assert compared(deployment(), live).hidden == ()
    seen = compared(target, live, status=False)
    assert told(seen.differences) == [("status.replicas", 1, 3, "")]
    assert seen.live is not None
    assert seen.live["status"] == {"replicas": 3}
    assert not compared(deployment(), live, status=False).modified


ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "a"}}  # fmt: skip


def test_rules_of_aggregated_roles_are_left_out() -> None:
    rule: Json = {"clusterRoleSelectors": []}
    target = {**ROLE, "aggregationRule": rule, "rules": []}
    live = {**ROLE, "aggregationRule": rule, "rules": [{"verbs": ["get"]}]}
    aggregated = ObjectRules(aggregated=True)
    answer = compare(target, live, schema=None, rules=aggregated)
    assert not answer.modified
    assert [one.rule for one in answer.hidden] == ["ignoreAggregatedRoles"]
    bare = {name: value for name, value in live.items() if name != "aggregationRule"}
    assert compare(
        {**target, "aggregationRule": None}, bare, schema=None, rules=aggregated
    ).modified


def test_what_jq_took_out_is_hidden_by_it() -> None:
    target, live = deployment(replicas=1), deployment(replicas=3)
    rules = ObjectRules(expressions=(".spec.replicas", ".x"))
    question = Question(desired=target, live=live, schema=DEPLOYMENT, rules=rules)
    side = left_of(question)
    left = side.replaced([{**one, "spec": {}} for one in side.manifests()])
    answer = judge(question, left)
    assert not answer.modified
    assert told(answer.hidden) == [("spec.replicas", 1, 3, "jqPathExpressions: .spec.replicas, .x")]


def test_what_cannot_be_compared_without_rules_hides_nothing() -> None:
    target = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a"},
        "data": {"a": "MQ=="},
    }
    live = {**target, "data": {"a": "Mg=="}}
    rules = ObjectRules(pointers=("/data/a",))
    answer = compare(target, live, schema=schema_of("Secret"), rules=rules)
    assert told(answer.hidden) == [("data.a", "+" * 8, "+" * 12, "jsonPointers: /data/a")]


def test_sides_are_replaced_in_their_order() -> None:
    one, two, three, four = ({"n": n} for n in range(4))
    full = Sides(one, two, three, four)
    assert full.manifests() == [one, two, three, four]
    assert full.replaced([four, three, two, one]) == Sides(four, three, two, one)
    assert Sides(one, two, None, four).replaced([two, one, three]) == Sides(two, one, None, three)


def test_without_rules_the_sides_are_what_they_were() -> None:
    both = Sides({"a": 1}, {"a": 2})
    assert ruled(both, ObjectRules(), both.live) is both


def test_one_object_loses_what_is_ignored() -> None:
    rules = ObjectRules(pointers=("/spec/a",))
    assert without_ignored({"spec": {"a": 1}, "status": 1}, rules) == {"spec": {}}
    kept = ObjectRules(status=False)
    assert without_ignored({"status": 1}, kept) == {"status": 1}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a", ItemKey("name", "y"), "v"), ("a", "1", "v")),
        (("a", 0, "name"), ("a", "0", "name")),
        (("a", 7, "name"), ("a", "7", "name")),
        (("a", ItemKey("name", "z"), "v"), ()),
        (("b", "c", "d"), ("b", "c", "d")),
    ],
)
def test_a_path_becomes_a_pointer(path: Any, found: tuple[str, ...]) -> None:
    assert steps(path, {"a": [{"name": "x"}, {"name": "y"}], "b": 1}) == found


def test_a_rule_beneath_a_field_hides_it_too() -> None:
    rules = ObjectRules(pointers=("", "/x", "/spec/a/b"), managers=("m",), expressions=(".j",))
    raw = Sides({"spec": {"a": {"b": 1}}}, {"spec": {}})
    difference = FieldDifference(("spec", "a"), {"b": 1}, None)
    assert hiding_rule(difference, raw, rules, raw.live) == "jsonPointers: /spec/a/b"
    other = FieldDifference(("rules",), 1, 2)
    assert hiding_rule(other, raw, rules, raw.live) == "jqPathExpressions: .j"
