"""Tables, ages and the tree as the contract prints them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.cli.world import guestbook
from tiphys.cli.app.treeview import tree_table
from tiphys.cli.output import age, table, to_json, to_yaml
from tiphys.model.application import Application
from tiphys.model.status import HealthCode, HealthStatus
from tiphys.services.applications import TreeNode


def test_the_last_column_is_not_filled_up() -> None:
    assert table([("A", "B"), ("long", "")]) == "A     B\nlong  \n"


def test_json_is_safe_in_pages() -> None:
    assert to_json({"a": "<&>é"}) == '{\n  "a": "\\u003c\\u0026\\u003eé"\n}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain words", "plain words"),
        ("true", '"true"'),
        ("12", '"12"'),
        ("2026-11-23T10:03:31Z", '"2026-11-23T10:03:31Z"'),
        ("", '""'),
        ("a: b", "'a: b'"),
        ("two\nlines\n", "|\n  two\n  lines"),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_yaml_quotes_as_go_does(value: object, text: str) -> None:
    assert to_yaml({"k": value}) == f"k: {text}\n"


def test_yaml_lists_stand_below_their_keys() -> None:
    assert to_yaml({"b": ["x"], "a": {"c": 1}}) == "a:\n  c: 1\nb:\n- x\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (301, "5m1s"), (3599, "59m"), (10800, "3h"),
     (12000, "3h20m"), (36000, "10h"), (172800, "2d"), (180000, "2d2h"), (864000, "10d"),
     (86400 * 730, "2y"), (86400 * 800, "2y70d"), (86400 * 365 * 9, "9y")],
)  # fmt: skip
def test_ages(seconds: int, text: str) -> None:
    assert age("1970-01-01T00:00:00Z", seconds) == text


def test_no_time_has_no_age() -> None:
    assert age("", 5) == "<unknown>"


def nodes() -> list[TreeNode]:
    healthy = HealthStatus(HealthCode.HEALTHY)
    replicas = "guestbook-ui-5c4869d9fd"
    born = "2026-11-23T10:03:33Z"

    def node(uid: str, kind: str, name: str, parent: str = "") -> TreeNode:
        health = None if kind == "Secret" else healthy
        return TreeNode(
            uid=uid, group="", kind=kind, namespace="demo", name=name,
            parent=parent, created_at=born, health=health,
        )  # fmt: skip

    return [
        node("1", "Secret", "guestbook-secret"),
        node("2", "Service", "guestbook-ui"),
        node("3", "Deployment", "guestbook-ui"),
        node("4", "ReplicaSet", replicas, "3"),
        node("5", "Pod", f"{replicas}-tjvfz", "4"),
    ]


NOW = datetime(2026, 11, 23, 10, 3, 34, tzinfo=UTC).timestamp()


def shown(*, detailed: bool) -> str:
    return tree_table(Application(guestbook()), nodes(), detailed=detailed, now_seconds=NOW)


def test_a_tree() -> None:
    assert (
        shown(detailed=False)
        == """\
KIND/NAME                              STATUS  HEALTH   MESSAGE
Secret/guestbook-secret                Synced           secret/guestbook-secret created
Service/guestbook-ui                   Synced  Healthy  service/guestbook-ui created
Deployment/guestbook-ui                Synced  Healthy  deployment.apps/guestbook-ui created
└─ReplicaSet/guestbook-ui-5c4869d9fd           Healthy\x20\x20
  └─Pod/guestbook-ui-5c4869d9fd-tjvfz          Healthy\x20\x20
"""
    )


def test_a_tree_with_ages_and_reasons() -> None:
    lines = shown(detailed=True).splitlines()
    assert lines[0] == (
        "KIND/NAME                              STATUS  HEALTH   AGE  "
        "MESSAGE                               REASON"
    )
    assert lines[3] == (
        "Deployment/guestbook-ui                Synced  Healthy  1s   "
        "deployment.apps/guestbook-ui created  "
    )
    assert lines[5] == (
        "  └─Pod/guestbook-ui-5c4869d9fd-tjvfz          Healthy  1s   "
        "                                      "
    )


def test_siblings_have_a_line_between_them() -> None:
    first, *rest = nodes()
    pods = [
        TreeNode(uid=str(n), group="", kind="Pod", namespace="demo", name=f"p{n}", parent="4")
        for n in (7, 8)
    ]
    out = tree_table(
        Application(guestbook()), [first, *rest[:3], *pods], detailed=False, now_seconds=NOW
    )
    assert "  ├─Pod/p7" in out
    assert "  └─Pod/p8" in out


def test_nothing_live_is_nothing_shown() -> None:
    assert tree_table(Application(guestbook()), [], detailed=True, now_seconds=NOW) == ""
