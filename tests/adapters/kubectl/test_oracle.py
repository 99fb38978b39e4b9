"""Against kubectl: our apply ends in the same object, our diff is empty exactly when its is.

Every case is made twice, in two namespaces: kubectl works in one, we work in the other.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.adapters.kubectl.generator import Case, cases, edited
from tests.adapters.kubectl.tool import Kubectl
from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import KubeClient, KubeDiscovery, Transport, load_kubeconfig
from tiphys.core.diff.applied import last_applied, with_last_applied
from tiphys.core.diff.compare import Question, compare, judge, left_of
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.diff.patch import three_way_patch
from tiphys.core.diff.rules import DiffMode
from tiphys.model.errors import InvalidObjectError
from tiphys.model.live import PatchKind
from tiphys.model.names import ANNOTATION_LAST_APPLIED
from tiphys.model.resource import ApiResource, GroupVersionKind, Manifest, gvk_of

SOAK = bool(os.environ.get("TIPHYS_SOAK"))
COUNT = 300 if SOAK else 60
SEED = int(os.environ.get("TIPHYS_SEED", "1"))
THEIRS, OURS, SERVER = "kubectl", "tiphys", "server"
_AT_ONCE = 10
# What the cluster chooses for each object.
_CHOSEN = ("clusterIP", "clusterIPs", "controller-uid")


@dataclass
class Site:
    client: KubeClient
    discovery: KubeDiscovery
    kubectl: Kubectl
    namespaces: dict[str, str]

    def resource(self, manifest: Manifest) -> ApiResource:
        found = self.discovery.find(gvk_of(manifest))
        assert found is not None
        return found

    async def read(self, case: Case, side: str) -> Manifest:
        place = self.namespaces[side]
        return await self.client.get(self.resource(case.applied), place, case.name)

    async def edit(self, case: Case, side: str) -> None:
        """Somebody changes the live object; what the server refuses does not happen."""
        for _ in range(20):
            live = dict(await self.read(case, side))
            try:
                await self.client.replace(
                    self.resource(case.applied), edited(live, case.edits), manager="somebody"
                )
                return
            except InvalidObjectError:
                return
            except Exception as error:
                if "modified" not in str(error):
                    raise

    async def server_side(self, case: Case, wanted: Manifest, *, dry_run: bool = False) -> Manifest:
        placed = case.placed(dict(wanted), self.namespaces[SERVER])
        resource = self.resource(placed)
        return await self.client.patch(
            resource, self.namespaces[SERVER], case.name, PatchKind.APPLY, placed,
            dry_run=dry_run, force=True,
        )  # fmt: skip

    async def apply(self, case: Case) -> None:
        live = await self.read(case, OURS)
        desired = with_last_applied(case.placed(case.desired, self.namespaces[OURS]))
        patch = three_way_patch(
            original=last_applied(live) or {},
            modified=desired,
            current=live,
            schema=await self.discovery.schema(gvk_of(desired)),
        )
        if not patch.empty:
            await self.client.patch(
                self.resource(desired), self.namespaces[OURS], case.name, patch.kind,
                dict(patch.body),
            )  # fmt: skip

    async def differences(self, case: Case) -> tuple[FieldDifference, ...]:
        live = await self.read(case, THEIRS)
        desired = case.placed(case.desired, self.namespaces[THEIRS])
        schema = await self.discovery.schema(gvk_of(desired))
        return compare(desired, live, schema=schema).differences


@pytest.fixture(scope="session")
async def site(
    devcluster: DevCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    transport = Transport(load_kubeconfig([devcluster.kubeconfig]), component="tests")
    client, discovery = KubeClient(transport), KubeDiscovery(transport)
    await discovery.refresh()
    kubectl = Kubectl(devcluster.kubeconfig, tmp_path_factory.mktemp("kubectl"))
    space = discovery.find(GroupVersionKind("", "v1", "Namespace"))
    assert space is not None
    names = {side: f"{side}-{uuid.uuid4().hex[:8]}" for side in (THEIRS, OURS, SERVER)}
    for name in names.values():
        await client.create(
            space, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
    yield Site(client, discovery, kubectl, names)
    for name in names.values():
        found = await client.get(space, "", name)
        await client.delete(space, "", name, uid=found["metadata"]["uid"])
    await transport.close()


async def test_apply_and_diff_do_what_kubectl_does(site: Site) -> None:
    generated = cases(SEED, COUNT)
    made = [case.placed(case.applied, site.namespaces[side]) for side in (THEIRS, OURS)
            for case in generated]  # fmt: skip
    failed = site.kubectl.apply(made)
    assert failed == {}, next(iter(failed.values()))
    gate = asyncio.Semaphore(_AT_ONCE)
    await _all(gate, [site.edit(case, side) for case in generated for side in (THEIRS, OURS)])
    wanted = [case.placed(case.desired, site.namespaces[THEIRS]) for case in generated]
    refused = site.kubectl.apply(wanted, "--dry-run=server")
    valid = [case for case in generated if case.name not in refused]
    assert len(valid) > COUNT * 0.8
    wanted = [case.placed(case.desired, site.namespaces[THEIRS]) for case in valid]
    shown = site.kubectl.differing(wanted)
    ours = dict(zip([case.name for case in valid],
                    await _all(gate, [site.differences(case) for case in valid]),
                    strict=True))  # fmt: skip
    told = {name: [(d.field, d.desired, d.live) for d in found] for name, found in ours.items()}
    problems = [
        f"diff of {name}: kubectl shows {name in shown}, we show {told[name]}"
        for name in told
        if bool(told[name]) is not (name in shown)
    ]
    # kubectl puts a directive into new items of a union, which a strict server refuses.
    beyond = site.kubectl.apply(wanted)
    assert len(beyond) <= COUNT // 30, beyond
    await _all(gate, [site.apply(case) for case in valid])
    for case in [case for case in valid if case.name not in beyond]:
        theirs, mine = await site.read(case, THEIRS), await site.read(case, OURS)
        found = compare(_comparable(theirs), _comparable(mine), schema=None).differences
        found += compare(_comparable(mine), _comparable(theirs), schema=None).differences
        if found:
            problems.append(
                f"apply of {case.name}: {[(d.field, d.desired, d.live) for d in found]}"
            )
        if again := await site.differences(case):
            problems.append(f"after apply of {case.name}: {[d.field for d in again]}")
    assert not problems, "\n".join(problems)


async def test_what_a_server_side_apply_gives_is_predicted(site: Site) -> None:
    generated = cases(SEED, COUNT)
    gate = asyncio.Semaphore(_AT_ONCE)
    await _all(gate, [site.server_side(case, case.applied) for case in generated])
    await _all(gate, [site.edit(case, SERVER) for case in generated])
    asked = 0
    problems = []
    for case in generated:
        try:
            answer = await site.server_side(case, case.desired, dry_run=True)
        except InvalidObjectError:
            continue
        asked += 1
        live = await site.read(case, SERVER)
        desired = case.placed(case.desired, site.namespaces[SERVER])
        schema = await site.discovery.schema(gvk_of(desired))
        ours = compare(desired, live, schema=schema, mode=DiffMode.STRUCTURED)
        question = Question(
            desired=desired, live=live, schema=schema, mode=DiffMode.SERVER, predicted=answer
        )
        theirs = judge(question, left_of(question))
        told, said = _fields(ours.differences), _fields(theirs.differences)
        # What the server's registries do about a change of another field is theirs to know.
        if bool(told) is not bool(said) or not all(_within(one, said) for one in told):
            problems.append(f"{case.name}: we say {sorted(told - said)}, not {sorted(said - told)}")
    assert asked > COUNT * 0.8
    assert not problems, "\n".join(problems)


def _within(field: str, fields: set[str]) -> bool:
    """Whether a field, or a part of it, is among them."""
    return any(one == field or one.startswith((f"{field}.", f"{field}[")) for one in fields)


def _fields(differences: Sequence[FieldDifference]) -> set[str]:
    return {one.field for one in differences}


async def _all(gate: asyncio.Semaphore, work: list[Any]) -> list[Any]:
    async def one(job: Any) -> Any:
        async with gate:
            return await job

    return await asyncio.gather(*map(one, work))


def _comparable(manifest: Manifest) -> dict[str, Any]:
    """What does not depend on when and in which namespace the object was made."""
    made = {name: value for name, value in manifest.items() if name != "status"}
    meta = manifest["metadata"]
    notes = {k: v for k, v in (meta.get("annotations") or {}).items()
             if k != ANNOTATION_LAST_APPLIED and "kubernetes.io/" not in k}  # fmt: skip
    made["metadata"] = {
        "name": meta["name"], "labels": meta.get("labels") or {}, "annotations": notes,
        "finalizers": meta.get("finalizers") or [],
    }  # fmt: skip
    return dict(_without(made))


def _without(value: Any) -> Any:
    """A value without what the cluster chooses for each object."""
    if isinstance(value, dict):
        return {k: _without(v) for k, v in value.items() if not k.endswith(_CHOSEN)}
    return [_without(item) for item in value] if isinstance(value, list) else value
