"""Whatever order reports arrive in, the index ends as the cluster is and never goes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.kube import CONFIG_MAPS
from tiphys.model.live import LiveChange, ObjectList, WatchEvent, WatchVerb
from tiphys.model.resource import ResourceKey
from tiphys.services.live.intake import Intake
from tiphys.services.live.store import ObjectStore

NAMES = ("a", "b")


@dataclass
class World:
    """A server with a few names, the watch's queue, and every answer that a write ever got."""

    version: int = 100
    uids: int = 0
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    queue: list[WatchEvent] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def write(self, name: str) -> None:
        self.version += 1
        old = self.objects.get(name)
        if old is None:
            self.uids += 1
        uid = old["metadata"]["uid"] if old else f"u{self.uids}"
        verb = WatchVerb.MODIFIED if old else WatchVerb.ADDED
        self.objects[name] = self._manifest(name, uid)
        self.queue.append(WatchEvent(verb, self.objects[name]))
        self.answers.append(self.objects[name])

    def delete(self, name: str) -> None:
        old = self.objects.pop(name, None)
        if old is not None:
            self.version += 1
            last = self._manifest(name, old["metadata"]["uid"])
            self.queue.append(WatchEvent(WatchVerb.DELETED, last))

    def listed(self) -> ObjectList:
        """A list as of now; the watch goes on from there."""
        self.queue.clear()
        return ObjectList(tuple(self.objects.values()), str(self.version))

    def _manifest(self, name: str, uid: str) -> dict[str, Any]:
        meta = {"name": name, "namespace": "shop", "uid": uid}
        meta["resourceVersion"] = str(self.version)
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


steps = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("deliver"), st.integers(1, 3)),
    st.tuples(st.just("answer"), st.integers(0, 30)),
    st.tuples(st.just("relist"), st.none()),
)


def key(name: str) -> ResourceKey:
    return ResourceKey("", "ConfigMap", "shop", name)


@given(st.lists(steps, max_size=40))
def test_reports_in_any_order(steps: list[tuple[str, Any]]) -> None:
    world, store = World(), ObjectStore()
    told: list[LiveChange] = []
    intake = Intake(store, lambda manifest: None, told.append)
    for step, argument in steps:
        before = {name: store.get(key(name)) for name in NAMES}
        if step == "write":
            world.write(argument)
        elif step == "delete":
            world.delete(argument)
        elif step == "deliver":
            for event in world.queue[:argument]:
                intake.changed(CONFIG_MAPS, event)
            del world.queue[:argument]
        elif step == "answer" and world.answers:
            intake.observed(CONFIG_MAPS, world.answers[argument % len(world.answers)])
        elif step == "relist":
            intake.replaced(CONFIG_MAPS, world.listed())
        for name, old in before.items():
            new = store.get(key(name))
            if old is not None and new is not None:
                assert int(new.resource_version) >= int(old.resource_version)
    for event in world.queue:
        intake.changed(CONFIG_MAPS, event)
    live = {name: store.get(key(name)) for name in NAMES}
    assert {name: one.resource_version for name, one in live.items() if one} == {
        name: manifest["metadata"]["resourceVersion"] for name, manifest in world.objects.items()
    }
    assert len(store) == len(world.objects)
    assert folded(told) == {name for name, one in live.items() if one}


def folded(changes: list[LiveChange]) -> set[str]:
    """What a listener would hold that only went by what it was told."""
    held: set[str] = set()
    for change in changes:
        if change.new is None:
            held.discard(change.key.name)
        else:
            held.add(change.key.name)
    return held
