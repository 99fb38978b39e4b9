"""What a subject may: held against a naive evaluator, and against casbin."""

from __future__ import annotations

import casbin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.rbac.naive import naive_allows, naive_glob
from tiphys.core.rbac.builtin import BUILTIN
from tiphys.core.rbac.lines import Grant, PolicyText, Rule, parse
from tiphys.core.rbac.patterns import MatchMode
from tiphys.core.rbac.policies import Policies, Remembered

_MODEL = """
[request_definition]
r = sub, res, act, obj
[policy_definition]
p = sub, res, act, obj, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub) && glob(r.res, p.res) && glob(r.act, p.act) && glob(r.obj, p.obj)
"""


def policies(text: str, mode: MatchMode = MatchMode.GLOB) -> Policies:
    return Policies(parse(text), mode)


def test_deny_wins_among_the_rules_of_one_subject_and_its_roles() -> None:
    found = policies(
        """
        p, role:dev, applications, *, team/*, allow
        p, alice, applications, delete, team/*, deny
        g, alice, role:dev
        g, bob, role:dev
        """
    )
    assert found.allows("alice", "applications", "get", "team/a")
    assert not found.allows("alice", "applications", "delete", "team/a")
    assert found.allows("bob", "applications", "delete", "team/a")


def test_an_effect_of_another_name_does_nothing() -> None:
    found = policies(
        "p, a, logs, get, x/*, Allow\np, a, exec, create, x/*, allow\np, a, exec, *, *, Deny"
    )
    assert not found.allows("a", "logs", "get", "x/y")
    assert found.allows("a", "exec", "create", "x/y")


def test_names_are_exact() -> None:
    found = policies("p, role:*, logs, get, *, allow\ng, al*, role:*")
    assert not found.allows("alice", "logs", "get", "x")
    assert not found.allows("role:dev", "logs", "get", "x")
    assert found.allows("al*", "logs", "get", "x")


def _chain(length: int) -> str:
    steps = [f"g, r{number}, r{number + 1}" for number in range(length)]
    return "\n".join([*steps, f"p, r{length}, logs, get, *, allow"])


def test_roles_are_inherited_over_ten_levels() -> None:
    assert policies(_chain(10)).allows("r0", "logs", "get", "x/y")
    assert not policies(_chain(11)).allows("r0", "logs", "get", "x/y")


def test_roles_of_one_another_end() -> None:
    assert not policies("g, a, b\ng, b, a").allows("a", "logs", "get", "x/y")


def test_policies_on_top_of_others() -> None:
    base = policies("p, role:x, logs, get, *, allow\ng, group, role:x")
    on_top = Policies(
        parse("g, alice, role:x\np, bob, exec, create, *, allow"), MatchMode.GLOB, base
    )
    assert on_top.allows("alice", "logs", "get", "a/b")
    assert not base.allows("alice", "logs", "get", "a/b")
    assert on_top.allows("group", "logs", "get", "a/b")
    assert on_top.grants_to("group")
    assert on_top.grants_to("alice")
    assert not on_top.grants_to("bob")
    assert on_top.has_rules_for("bob")
    assert on_top.has_rules_for("role:x")
    assert on_top.has_rules_for("alice")
    assert not on_top.has_rules_for("carol")


def test_what_cannot_be_read_allows_nothing_and_denies_all() -> None:
    found = policies(
        """
        p, a, logs, get, [x, allow
        p, b, logs, get, *, allow
        p, b, logs, get, [x, deny
        """
    )
    assert not found.allows("a", "logs", "get", "[x")
    assert not found.allows("b", "logs", "get", "other")


def test_regular_expressions() -> None:
    found = policies("p, a, ^(logs|exec)$, get, ^team-[0-9]+/, allow", MatchMode.REGEX)
    assert found.allows("a", "logs", "get", "team-1/x")
    assert not found.allows("a", "logsx", "get", "team-1/x")
    assert not found.allows("a", "logs", "get", "x/team-1/x")


@pytest.mark.parametrize("mode", MatchMode)
def test_many_rules_are_answered_like_few(mode: MatchMode) -> None:
    """Whether their objects begin with a project or not."""
    for before, after in (("t/", ""), ("", "/x")):
        objects = [f"{before}x{number}{after}" for number in range(600)]
        written = objects if mode is MatchMode.GLOB else [f"^{one}$" for one in objects]
        lines = [f"p, a, logs, get, {one}, allow" for one in written[:500]]
        lines += [f"p, a, logs, get, {one}, deny" for one in written[400:450]]
        lines += [f"p, a, logs, sync, {one}, allow" for one in written[550:]]
        found = policies("\n".join(lines), mode)
        allowed = [one for one in objects if found.allows("a", "logs", "get", one)]
        assert allowed == [*objects[:400], *objects[450:500]]
        assert [one for one in objects if found.allows("a", "logs", "sync", one)] == objects[550:]


def test_what_cannot_be_read_denies_among_many() -> None:
    lines = [f"p, a, logs, get, *-{number}, allow" for number in range(100)]
    assert policies("\n".join(lines)).allows("a", "logs", "get", "x-1")
    assert not policies("\n".join([*lines, "p, a, logs, get, [x, deny"])).allows(
        "a", "logs", "get", "x-1"
    )


@pytest.mark.parametrize("mode", MatchMode)
def test_many_rules_that_are_too_much_for_one_expression(
    mode: MatchMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiphys.core.rbac.patterns._MEMORY", 8 << 10)
    star = "*" if mode is MatchMode.GLOB else ".*"
    lines = [f"p, a, logs, get, {star}-of-team-{number}, allow" for number in range(100)]
    found = policies("\n".join(lines), mode)
    assert found.allows("a", "logs", "get", "t-of-team-99")
    assert not found.allows("a", "logs", "get", "t-of-team-x")


def test_any_number_of_resources_may_be_asked_for() -> None:
    found = policies("p, a, *, get, *, allow")
    assert all(found.allows("a", f"resource-{number}", "get", "x") for number in range(200))


def test_few_are_remembered() -> None:
    known = Remembered[int](2)
    for number in range(3):
        assert known.put(str(number), number) == number
    assert [known.get(key) for key in "012"] == [None, 1, 2]


_NAMES = st.sampled_from(["", "a", "b", "role:x", "role:y"])
_RESOURCES = st.sampled_from(["applications", "logs", "app*", "*"])
_ACTIONS = st.sampled_from(["get", "delete", "delete/*", "delete/*/a", "*", "?et"])
_OBJECTS = st.sampled_from(["*", "*/*", "p/*", "p/a", "q/*", "p/n/a", "*/a", "p*", "p", ""])
_EFFECTS = st.sampled_from(["allow", "allow", "deny", "other"])
_RULES = st.lists(st.builds(Rule, _NAMES, _RESOURCES, _ACTIONS, _OBJECTS, _EFFECTS), max_size=8)
_GRANTS = st.lists(st.builds(Grant, _NAMES, _NAMES), max_size=5)
_POLICIES = st.builds(PolicyText, _RULES.map(tuple), _GRANTS.map(tuple))
_QUESTIONS = st.lists(
    st.tuples(
        _NAMES,
        st.sampled_from(["applications", "logs", "exec"]),
        st.sampled_from(["get", "delete", "delete/g/a", "set"]),
        st.sampled_from(["p/a", "p/n/a", "q/a", "p", "", "pp/a"]),
    ),
    min_size=1,
    max_size=8,
)


@given(_POLICIES, _QUESTIONS)
def test_answers_are_those_of_a_naive_evaluator(
    policy: PolicyText, questions: list[tuple[str, str, str, str]]
) -> None:
    found = Policies(policy, MatchMode.GLOB)
    for question in questions:
        assert found.allows(*question) is naive_allows(policy, *question)


@given(_POLICIES, _POLICIES, _QUESTIONS)
def test_policies_on_top_of_others_are_as_if_they_were_written_together(
    below: PolicyText, above: PolicyText, questions: list[tuple[str, str, str, str]]
) -> None:
    layered = Policies(above, MatchMode.GLOB, Policies(below, MatchMode.GLOB))
    together = PolicyText(below.rules + above.rules, below.grants + above.grants)
    for question in questions:
        assert layered.allows(*question) is naive_allows(together, *question)


@settings(max_examples=60)
@given(_POLICIES, _QUESTIONS, st.booleans())
def test_answers_are_those_of_casbin(
    policy: PolicyText, questions: list[tuple[str, str, str, str]], builtin: bool
) -> None:
    if builtin:
        policy = PolicyText(BUILTIN.rules + policy.rules, BUILTIN.grants + policy.grants)
    found = Policies(policy, MatchMode.GLOB)
    oracle = _casbin(policy)
    for question in questions:
        assert found.allows(*question) is oracle.enforce(*question)


def _casbin(policy: PolicyText) -> casbin.Enforcer:
    model = casbin.Enforcer.new_model(text=_MODEL)
    oracle = casbin.Enforcer(model, enable_log=False)
    oracle.add_function("glob", lambda text, written: naive_glob(written, text))
    for rule in dict.fromkeys(policy.rules):
        oracle.add_policy(rule.subject, rule.resource, rule.action, rule.obj, rule.effect)
    for grant in dict.fromkeys(policy.grants):
        oracle.add_grouping_policy(grant.member, grant.role)
    return oracle
