"""Whole syncs as files: what is asked for and what is there, and what becomes of it in which order.

The expectations are the contract's. In an expected result stand name, status, phase and, where it
is not only that something was created, the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.core.sync.world import HEALTHY, START, World, run
from tiphys.core.manifest.keys import place
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest
from tiphys.core.sync.state import to_record
from tiphys.core.sync.task import Plan
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.operation import ResourceResult, SyncOperationResource
from tiphys.model.resource import (
    ApiResource,
    GroupVersionKind,
    Manifest,
    ResourceKey,
    gvk_of,
    key_of,
)
from tiphys.model.status import HealthCode, HealthStatus

FOLDER = Path(__file__).parents[2] / "corpus" / "sync"
CASES = sorted(path.name for path in FOLDER.iterdir())
CLUSTER_SCOPED = ("Namespace", "CustomResourceDefinition")


def test_there_are_cases() -> None:
    assert len(CASES) > 20


@pytest.mark.parametrize("case", CASES)
def test_a_sync(case: str) -> None:
    given = yaml.safe_load((FOLDER / case / "input.yaml").read_text())
    expected = yaml.safe_load((FOLDER / case / "expected.yaml").read_text())
    world = World(
        health={name: health_of(word) for name, word in given.get("health", {}).items()},
        fails=frozenset(given.get("fails", ())),
        dry_fails=frozenset(given.get("dry_fails", ())),
    )
    messages: list[str] = []
    state = run(planned(given), world, messages=messages)
    assert (state.record.phase, state.record.message) == (expected["phase"], expected["message"])
    assert world.log == expected["commands"]
    result = to_record(state).sync_result
    assert result
    shown = zip(result.resources, expected["results"], strict=True)
    assert [told(one, wanted) for one, wanted in shown] == expected["results"]
    for text in expected.get("waits", ()):
        assert text in messages


def planned(given: Mapping[str, Any]) -> Plan:
    live = {key_of(one): one for one in map(alive, given.get("live", ()))}
    targets = [placed(one) for one in given.get("targets", ())]
    pruned = [alive(one) for one in given.get("pruned", ())]
    hooks = [placed(one) for one in given.get("hooks", ())]
    asked = request(given, [*targets, *pruned, *hooks])
    pairs = [
        SyncPair(
            one,
            live.get(key_of(one)),
            modified=one["metadata"].get("name") not in given.get("unchanged", ()),
        )
        for one in targets
    ]
    pairs += [SyncPair(None, one) for one in pruned]
    named = [
        HookTarget(hook.phase, hook.manifest, live.get(key_of(hook.manifest)))
        for hook in hook_targets(asked, hooks)
    ]
    return plan(asked, pairs, named)


def request(given: Mapping[str, Any], manifests: Iterable[Manifest]) -> SyncRequest:
    fields = dict(given.get("request", {}))
    options = frozenset(fields.pop("options", ()))
    resources = tuple(SyncOperationResource(**one) for one in fields.pop("resources", ()))
    refusals = given.get("permits", {})

    def permits(key: ResourceKey, _namespaced: bool) -> str:
        text: str = refusals.get(key.kind, "")
        return text

    space = GroupVersionKind("", "v1", "Namespace")
    kinds = {gvk_of(one) for one in manifests} | {space}
    served = {
        kind: ApiResource(
            kind.group,
            kind.version,
            kind.kind,
            kind.kind.lower() + "s",
            kind.kind not in CLUSTER_SCOPED,
            frozenset(),
        )
        for kind in kinds
        if kind.kind not in given.get("unserved", ())
    }
    return SyncRequest(
        namespace="demo",
        started_at=START,
        kinds=served,
        options=options,
        resources=resources,
        permits=permits,
        **{"revision": "abc", **fields},
    )


def placed(manifest: Manifest) -> Manifest:
    namespaced = manifest["kind"] not in CLUSTER_SCOPED
    return place(manifest, namespaced=namespaced, destination="demo")


def alive(manifest: Manifest) -> Manifest:
    item = placed(manifest)
    return {**item, "metadata": {**item["metadata"], "uid": f"live-{item['metadata']['name']}"}}


def health_of(word: str) -> HealthStatus:
    return HEALTHY if word == "Healthy" else HealthStatus(HealthCode(word), f"it is {word}")


def told(result: ResourceResult, wanted: str) -> str:
    """As the expectation is written: with the message, if that has more than three words."""
    short = f"{result.name} {result.status} {result.hook_phase}"
    long = f"{short} {result.message}"
    created = result.message in (f"{result.name} created", "")
    return short if created and wanted == short else long
