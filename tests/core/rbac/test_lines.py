"""The text of policies: which lines are read, and which refuse the whole."""

from __future__ import annotations

import pytest

from tiphys.core.rbac.errors import PolicyError
from tiphys.core.rbac.lines import Grant, Rule, parse, policy_text


def test_rules_and_grants_blank_lines_and_comments() -> None:
    text = """
    # who may what
    p, role:dev, applications, get, team/*, allow

    g, alice, role:dev
    """
    found = parse(text)
    assert found.rules == (Rule("role:dev", "applications", "get", "team/*", "allow"),)
    assert found.grants == (Grant("alice", "role:dev"),)


def test_blanks_before_a_field_are_not_part_of_it_but_those_behind_are() -> None:
    assert parse("g,\t alice ,  role:dev").grants == (Grant("alice ", "role:dev"),)


def test_quotes_keep_commas_and_quotes() -> None:
    assert parse('g, "CN=a,OU=""b""", role:dev').grants == (Grant('CN=a,OU="b"', "role:dev"),)


def test_a_field_may_be_empty() -> None:
    assert parse("p, , certificates, get, , deny").rules == (
        Rule("", "certificates", "get", "", "deny"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "p, role:dev, applications, get, team/*",
        "p, role:dev, applications, get, team/*, allow, more",
        "p",
        "g, alice",
        "g, alice, role:dev, more",
        "g2, alice, role:dev",
        "x, alice, role:dev",
        ", alice, role:dev",
        'g, "alice, role:dev',
        'g, "alice"s, role:dev',
        'g, al"ice, role:dev',
    ],
)
def test_anything_else_refuses_the_policy(line: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(f"g, bob, role:dev\n  {line}  \n")
    assert str(caught.value) == f"invalid RBAC policy: {line}"


def test_more_policies_follow_the_first_in_the_order_of_their_keys() -> None:
    data = {
        "policy.b.csv": "b",
        "policy.default": "role:readonly",
        "policy.csv": "first",
        "policy.a.csv": "a",
        "other.csv": "no",
    }
    assert policy_text(data.items()) == "first\na\nb"
    assert policy_text([]) == ""
