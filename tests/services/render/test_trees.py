"""Several trees as one, and what object ids tell of them."""

from __future__ import annotations

from tests.fakes.git import FakeTree
from tiphys.model.render import MOUNT, EntryKind
from tiphys.services.render.trees import Trees

MAIN = FakeTree("c1", {"web/a": "1", "web/deep/b": "2", "api/a": "3"})
SIDE = FakeTree("c2", {"envs/prod": "p"})
TREES = Trees(MAIN, {"side": SIDE})


def test_paths_lead_into_their_tree() -> None:
    read = TREES.read(["web/a", f"{MOUNT}side/envs/prod", f"{MOUNT}side", f"{MOUNT}gone/x", "gone"])
    found = {path: entry and (entry.data or dict(entry.children)) for path, entry in read.items()}
    assert found == {
        "web/a": b"1",
        f"{MOUNT}side/envs/prod": b"p",
        f"{MOUNT}side": {"envs": EntryKind.FOLDER},
        f"{MOUNT}gone/x": None,
        "gone": None,
    }
    assert TREES.commit == "c1"


def test_object_ids_are_asked_of_each_tree_at_once() -> None:
    side = f"{MOUNT}side/envs/prod"
    before = (MAIN.calls["oids"], SIDE.calls["oids"])
    oids = TREES.oids(["web/a", side, "api/a", f"{MOUNT}gone", ""])
    assert oids[side] == SIDE.oids(["envs/prod"])["envs/prod"]
    assert oids[""] == MAIN.oids([""])[""]
    assert oids[f"{MOUNT}gone"] is None
    assert (MAIN.calls["oids"], SIDE.calls["oids"]) == (before[0] + 2, before[1] + 2)


def test_walks_stay_in_their_tree() -> None:
    assert set(TREES.walk("web")) == {"web", "web/a", "web/deep", "web/deep/b"}
    assert set(TREES.walk(f"{MOUNT}side/envs")) == {f"{MOUNT}side/envs", f"{MOUNT}side/envs/prod"}
    assert set(TREES.walk(f"{MOUNT}side")) >= {f"{MOUNT}side", f"{MOUNT}side/envs"}
    assert TREES.walk(f"{MOUNT}gone") == {}
    assert not any(path.startswith(MOUNT) for path in TREES.walk(""))


def test_what_stands_in_for_a_file_is_read_and_not_remembered() -> None:
    over = TREES.over({"web/a": b"new", "web/extra": b"more"})
    read = over.read(["web/a", "web/extra", "web", "api/a"])
    assert read["web/a"] is not None
    assert read["web/extra"] is not None
    assert (read["web/a"].data, read["web/extra"].data) == (b"new", b"more")
    assert read["web"] is not None
    assert set(read["web"].children) == {"a", "deep", "extra"}
    walked = over.walk("web")
    assert set(walked) == {"web", "web/a", "web/extra", "web/deep", "web/deep/b"}
    assert walked["web/a"].data == b"new"
    assert "web/a" not in over.walk("api")
    assert over.oids(["web/a", "web/extra"]) == {
        "web/a": MAIN.oids(["web/a"])["web/a"],
        "web/extra": None,
    }


def test_more_trees_may_come_to_stand_beside() -> None:
    more = TREES.over({"web/a": b"new"}).beside({"more": MAIN})
    assert more.oids([f"{MOUNT}more/api/a", f"{MOUNT}side/envs"]).keys() >= {f"{MOUNT}more/api/a"}
    entry = more.read(["web/a"])["web/a"]
    assert entry is not None
    assert entry.data == b"new"
