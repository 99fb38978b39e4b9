"""Health of objects, out of the tree."""

from __future__ import annotations

from typing import Any

from tiphys.core.app.treehealth import wants_health, with_tree_health

DEPLOYMENT = {"group": "apps", "kind": "Deployment", "namespace": "demo", "name": "web"}
SECRET = {"kind": "Secret", "namespace": "demo", "name": "s"}
JOB = {"group": "batch", "kind": "Job", "namespace": "demo", "name": "j"}


def stored(*resources: dict[str, Any], source: str = "appTree") -> dict[str, Any]:
    return {
        "metadata": {"name": "a"},
        "status": {"resourceHealthSource": source, "resources": list(resources)},
    }


def test_only_statuses_without_it_need_it() -> None:
    assert wants_health(stored(SECRET))
    assert not wants_health(stored(SECRET, source=""))
    assert not wants_health(stored())
    assert not wants_health({"metadata": {"name": "a"}})


def test_each_object_gets_what_its_node_says() -> None:
    tree = {
        "nodes": [
            {**DEPLOYMENT, "uid": "1", "health": {"status": "Progressing", "message": "1 of 2"}},
            {**SECRET, "uid": "2"},
            {**JOB},
        ]
    }
    other = {**SECRET, "name": "unknown"}
    found = with_tree_health(stored(DEPLOYMENT, SECRET, JOB, other), tree)
    assert found["status"]["resources"] == [
        {**DEPLOYMENT, "health": {"status": "Progressing", "message": "1 of 2"}},
        SECRET,
        {**JOB, "health": {"status": "Missing", "message": "Resource has not been created"}},
        other,
    ]


def test_what_was_stored_stays_as_it_was() -> None:
    before = stored(DEPLOYMENT)
    with_tree_health(before, {"nodes": [{**DEPLOYMENT, "uid": "1", "health": {"status": "x"}}]})
    assert before == stored(DEPLOYMENT)


def test_there_may_be_nothing() -> None:
    assert with_tree_health({"metadata": {}}, {})["status"] == {"resources": []}
    assert with_tree_health(stored(SECRET), {"nodes": None})["status"]["resources"] == [SECRET]
