"""Syncs on the real control plane: its schemas, its garbage collector, its Job controller."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.fakes.sync import FakeOperationStore
from tests.services.sync.build import HOOK, POLICY, START, WAVE, manifest, record, results
from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import KubeClient, KubeDiscovery, Transport, load_kubeconfig
from tiphys.core.health import judge
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest
from tiphys.core.sync.task import Plan
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.live import PatchKind
from tiphys.model.operation import ManagedNamespaceMetadata, OperationState
from tiphys.model.resource import Manifest, gvk_of, key_of
from tiphys.services.live.index import ClusterIndex
from tiphys.services.sync.ports import Cluster
from tiphys.services.sync.runner import SyncRunner


class Site:
    """A namespace of the cluster with a runner of syncs."""

    def __init__(self, ports: Cluster) -> None:
        self.ports = ports
        self.runner = SyncRunner(ports)
        self.namespace = f"sync-{uuid.uuid4().hex[:8]}"

    async def live(self, wanted: Manifest) -> Manifest | None:
        return await self.ports.index.manifest(key_of(wanted), gvk_of(wanted).version)

    async def plan(
        self,
        targets: Sequence[Manifest],
        hooks: Sequence[Manifest] = (),
        gone: Sequence[Manifest] = (),
        attempt: int = 0,
        **changes: Any,
    ) -> Plan:
        kinds = {}
        for one in (*targets, *hooks, *gone):
            found = self.ports.discovery.find(gvk_of(one))
            if found is not None:
                kinds[found.gvk] = found
        space = manifest("Namespace", self.namespace, namespace="")
        kinds[gvk_of(space)] = self.ports.discovery.find(gvk_of(space))  # type: ignore[assignment]
        there = await self.live(space)
        options = frozenset({"CreateNamespace=true"}) | changes.pop("options", frozenset())
        request = SyncRequest(
            namespace=self.namespace,
            revision="0123456789",
            started_at=START,
            attempt=attempt,
            prune=True,
            options=options,
            namespace_live=there is not None,
            namespace_object=there,
            kinds=kinds,
            wave_delay=0.0,
            **changes,
        )
        pairs = [SyncPair(one, await self.live(one)) for one in targets]
        pairs += [SyncPair(None, await self.live(one)) for one in gone]
        named = [
            HookTarget(one.phase, one.manifest, await self.live(one.manifest))
            for one in hook_targets(request, hooks)
        ]
        return plan(request, pairs, named)

    async def sync(
        self,
        targets: Sequence[Manifest],
        hooks: Sequence[Manifest] = (),
        gone: Sequence[Manifest] = (),
        attempt: int = 0,
        **changes: Any,
    ) -> tuple[OperationState, FakeOperationStore]:
        store = FakeOperationStore()
        made = await self.plan(targets, hooks, gone, attempt, **changes)
        state = record(retry_count=attempt)
        async with asyncio.timeout(60):
            return await self.runner.begin(made, state, store).run(), store

    async def read(self, wanted: Manifest) -> Any:
        """The object as the API server has it now."""
        resource = self.ports.discovery.find(gvk_of(wanted))
        assert resource is not None
        key = key_of(wanted)
        return await self.ports.reader.get(resource, key.namespace, key.name)

    async def one(self, target: Manifest, *options: str, **changes: Any) -> tuple[str, str]:
        """Phase and message of a sync of one object."""
        done, _ = await self.sync([target], options=frozenset(options), **changes)
        (found,) = [one for one in results(done) if one[0] == key_of(target).name]
        return done.phase, found[3]

    def config_map(self, name: str, **rest: Any) -> Manifest:
        return manifest(name=name, namespace=self.namespace, **rest)

    def deployment(self, name: str = "web", replicas: int = 1, **rest: Any) -> Manifest:
        labels = {"app": name}
        pod = {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]}
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        return manifest(
            "Deployment", name, api_version="apps/v1", namespace=self.namespace, spec=spec, **rest
        )

    def job(self, name: str, phase: str, **annotations: str) -> Manifest:
        pod = {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example.com/job:1"}],
        }
        return manifest(
            "Job",
            name,
            api_version="batch/v1",
            namespace=self.namespace,
            annotations={HOOK: phase, **annotations},
            spec={"backoffLimit": 0, "template": {"spec": pod}},
        )


@pytest.fixture
async def site(devcluster: DevCluster) -> AsyncIterator[Site]:
    transport = Transport(load_kubeconfig([devcluster.kubeconfig]), component="tests")
    client, discovery = KubeClient(transport), KubeDiscovery(transport)
    index = ClusterIndex(client, discovery, judge=judge)
    await index.start()
    await index.ready()
    yield Site(Cluster(client, client, discovery, index))
    await index.close()
    await transport.close()


async def test_hooks_waves_and_prunes(site: Site) -> None:
    hooks = [
        site.job("pre", "PreSync"),
        site.job("post", "PostSync", **{POLICY: "HookSucceeded"}),
        site.job("rescue", "SyncFail"),
    ]
    web = site.deployment()
    late = site.config_map("late", annotations={WAVE: "1"}, data={"x": "1"})
    done, store = await site.sync([web, late], hooks)
    assert (done.phase, done.message) == ("Succeeded", "successfully synced (no more tasks)")
    found = {name: (status, phase) for name, status, phase, _ in results(done)}
    assert found == {
        site.namespace: ("Synced", "Succeeded"),
        "pre": ("Synced", "Succeeded"),
        "web": ("Synced", "Succeeded"),
        "late": ("Synced", "Succeeded"),
        "post": ("Synced", "Succeeded"),
    }
    assert len(store.saved) <= 12
    # Again: the hooks of before go first, nothing else is written.
    done, _ = await site.sync([web, late], hooks, attempt=1)
    assert done.phase == "Succeeded"
    texts = {name: text for name, *_, text in results(done)}
    assert texts["late"] == "configmap/late unchanged"
    # Pruned objects are gone before the next wave.
    last = site.config_map("last", annotations={WAVE: "2"})
    done, _ = await site.sync([last], gone=[web, late])
    assert done.message == "successfully synced (all tasks run)"
    assert [status for _, status, _, _ in results(done)] == ["Pruned", "Pruned", "Synced"]
    assert await site.live(late) is None


async def test_a_definition_and_its_objects(site: Site) -> None:
    group = f"{site.namespace}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    definition = manifest(
        "CustomResourceDefinition",
        f"widgets.{group}",
        api_version="apiextensions.k8s.io/v1",
        namespace="",
        spec={"group": group, "scope": "Cluster", "names": names, "versions": [version]},
    )
    widget = manifest(
        "Widget", "w", api_version=f"{group}/v1", namespace=site.namespace, spec={"size": 1}
    )
    done, _ = await site.sync([definition, widget])
    assert (done.phase, done.message) == ("Succeeded", "successfully synced (all tasks run)")
    assert await site.live({**widget, "metadata": {"name": "w"}}) is not None


async def test_the_api_server_says_what_is_wrong(site: Site) -> None:
    wrong = site.deployment()
    wrong = {**wrong, "spec": {**wrong["spec"], "replica": 1}}
    done, _ = await site.sync([wrong])
    assert done.phase == "Failed"
    assert "one or more objects failed to apply, reason: " in done.message
    assert 'unknown field "spec.replica"' in done.message


# Each manner of writing


async def test_a_replacement(site: Site) -> None:
    assert await site.one(site.config_map("a", data={"x": "1"}), "Replace=true") == (
        "Succeeded",
        "configmap/a created",
    )
    first = await site.read(site.config_map("a"))
    assert "annotations" not in first["metadata"]
    said = await site.one(site.config_map("a", data={"y": "2"}), "Replace=true")
    assert said == ("Succeeded", "configmap/a replaced")
    second = await site.read(site.config_map("a"))
    assert (second["data"], second["metadata"]["uid"]) == ({"y": "2"}, first["metadata"]["uid"])
    # The dry run of a replacement is the server's, which knows what cannot be.
    wrong = site.config_map("a", data={"y": 3})
    done, _ = await site.sync([wrong], options=frozenset({"Replace=true"}))
    assert done.message == "one or more objects failed to apply (dry run)"


async def test_what_cannot_be_changed_by_force(site: Site) -> None:
    assert (await site.one(site.deployment()))[0] == "Succeeded"
    first = await site.read(site.deployment())
    moved = site.deployment()
    labels = {"app": "another"}
    spec = moved["spec"]
    moved = {
        **moved,
        "spec": {
            **spec,
            "selector": {"matchLabels": labels},
            "template": {**spec["template"], "metadata": {"labels": labels}},
        },
    }
    phase, said = await site.one(moved)
    assert phase == "Failed"
    assert "field is immutable" in said
    phase, said = await site.one(moved, forced=True)
    assert (phase, said) == ("Succeeded", "deployment.apps/web configured")
    second = await site.read(moved)
    assert second["spec"]["selector"]["matchLabels"] == labels
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    # The same by the options of the object.
    notes = {"argocd.argoproj.io/sync-options": "Force=true,Replace=true"}
    named = site.deployment(annotations=notes)
    assert await site.one(named) == ("Succeeded", "deployment.apps/web replaced")


async def test_the_server_takes_over_what_was_applied_before(site: Site) -> None:
    assert (await site.one(site.config_map("a", data={"x": "1", "y": "1"})))[0] == "Succeeded"
    said = await site.one(site.config_map("a", data={"x": "2"}), "ServerSideApply=true")
    assert said == ("Succeeded", "configmap/a serverside-applied")
    live = await site.read(site.config_map("a"))
    # What was applied client-side and is wanted no more is gone, its annotation too.
    assert live["data"] == {"x": "2"}
    assert not live["metadata"].get("annotations")
    owners = [(e["manager"], e["operation"]) for e in live["metadata"]["managedFields"]]
    assert owners == [("argocd-controller", "Apply")]


@pytest.mark.parametrize("migrates", [True, False])
async def test_what_kubectl_applied_is_migrated(site: Site, *, migrates: bool) -> None:
    await site.sync([])
    resource = site.ports.discovery.find(gvk_of(site.config_map("a")))
    assert resource is not None
    before = site.config_map("a", data={"x": "1", "y": "1"})
    await site.ports.writer.create(resource, before, manager="kubectl-client-side-apply")
    options = ["ServerSideApply=true"]
    if not migrates:
        options.append("ClientSideApplyMigration=false")
    assert (await site.one(site.config_map("a", data={"x": "2"}), *options))[0] == "Succeeded"
    live = await site.read(before)
    # Its other owner still wants the field, unless that one was taken over.
    assert live["data"] == ({"x": "2"} if migrates else {"x": "2", "y": "1"})


async def test_force_and_the_server_do_not_go_together(site: Site) -> None:
    await site.sync([])
    said = await site.one(site.config_map("a"), "ServerSideApply=true", forced=True)
    text = "error validating options: --force cannot be used with --server-side"
    assert said == ("Failed", text)


async def test_what_does_not_fit_goes_by_the_server(site: Site) -> None:
    big = site.config_map("big", data={"x": "y" * 300_000})
    assert await site.one(big) == ("Succeeded", "configmap/big serverside-applied")
    live = await site.read(big)
    assert "annotations" not in live["metadata"]
    # When it fits again, it is applied as ever.
    small = site.config_map("big", data={"x": "1"})
    assert await site.one(small) == ("Succeeded", "configmap/big configured")
    assert (await site.read(small))["data"] == {"x": "1"}


async def test_roles_and_bindings(site: Site) -> None:
    group = "rbac.authorization.k8s.io"

    def binding(role: str) -> Manifest:
        return manifest(
            "RoleBinding",
            "b",
            api_version=f"{group}/v1",
            namespace=site.namespace,
            roleRef={"apiGroup": group, "kind": "Role", "name": role},
            subjects=[{"kind": "ServiceAccount", "name": "s", "namespace": site.namespace}],
        )

    phase, said = await site.one(binding("one"))
    assert phase == "Succeeded"
    assert said.startswith(f"rolebinding.{group}/b reconciled. reconciliation required create\n")
    assert said.endswith(f"rolebinding.{group}/b created")
    phase, said = await site.one(binding("two"))
    assert phase == "Succeeded"
    assert "reconciliation required recreate" in said
    assert (await site.read(binding("two")))["roleRef"]["name"] == "two"


async def test_the_namespace_is_managed(site: Site) -> None:
    labels = {"team": "a"}
    metadata = ManagedNamespaceMetadata(labels=labels, annotations={"note": "b"})
    done, _ = await site.sync([site.config_map("a")], namespace_metadata=metadata)
    assert done.phase == "Succeeded"
    space = manifest("Namespace", site.namespace, namespace="")
    resource = site.ports.discovery.find(gvk_of(space))
    assert resource is not None
    live = await site.read(space)
    assert live["metadata"]["labels"]["team"] == "a"
    mine = {"metadata": {"labels": {"others": "1"}}}
    await site.ports.writer.patch(
        resource, "", site.namespace, PatchKind.MERGE, mine, manager="somebody"
    )
    changed = ManagedNamespaceMetadata(labels={"tier": "b"})
    done, _ = await site.sync([site.config_map("a")], namespace_metadata=changed)
    assert done.phase == "Succeeded"
    live = await site.read(space)
    labels = {k: v for k, v in live["metadata"]["labels"].items() if "/" not in k}
    assert labels == {"tier": "b", "others": "1"}
    assert "note" not in live["metadata"]["annotations"]


async def test_the_server_warns(site: Site) -> None:
    await site.sync([])
    pod = {
        "restartPolicy": "Never",
        "nodeSelector": {"beta.kubernetes.io/os": "linux"},
        "containers": [{"name": "main", "image": "registry.example.com/job:1"}],
    }
    job = manifest(
        "Job",
        "old",
        api_version="batch/v1",
        namespace=site.namespace,
        spec={"template": {"spec": pod}},
    )
    phase, said = await site.one(job)
    assert phase == "Succeeded"
    assert said.startswith("job.batch/old created. Warning: ")
    assert "beta.kubernetes.io/os" in said
