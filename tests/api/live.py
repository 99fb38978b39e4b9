"""The methods on what is live, over a cluster and a tree in memory."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.api.applications import NOW, Api
from tests.cli.world import NAMESPACE, app, project
from tests.fakes.clusters import FakeConnection
from tests.fakes.evaluate import FakeEvaluator
from tests.fakes.pods import FakePods
from tiphys.api.calls import Call, ServerStream, Unary
from tiphys.api.handlers.live import SERVICE, LiveHandlers
from tiphys.api.handlers.logs import LogHandlers
from tiphys.api.terminal import TerminalEndpoint
from tiphys.core.settings.clusters import ClusterTable
from tiphys.model.access import Caller
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.live import ObjectList
from tiphys.model.resource import ApiResource, Manifest, key_of
from tiphys.services.applications.service import Applications
from tiphys.services.applications.surroundings import Surroundings
from tiphys.services.liveview.finding import Finder

SERVER = "https://kubernetes.default.svc"


class FakeView:
    """LiveView of one application `a`."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.orphans: list[dict[str, Any]] = []
        self.diffs: list[dict[str, Any]] = []
        self.known = True
        self.pushed: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return {"nodes": self.nodes, "orphanedNodes": self.orphans} if self.known else None

    async def trees(self, namespace: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        while (tree := await self.pushed.get()) is not None:
            yield tree

    async def managed(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]] | None:
        return self.diffs if self.known else None

    async def cluster_info(self, server: str) -> Mapping[str, Any] | None:
        return None


@dataclass
class FakeSessions:
    """Tokens and who is behind them; `renewed` ones are to be replaced."""

    callers: dict[str, Caller] = field(default_factory=dict)
    renewed: set[str] = field(default_factory=set)

    async def caller(self, token: str) -> tuple[Caller, str]:
        found = self.callers.get(token)
        if found is None:
            raise ApiError(ApiCode.UNAUTHENTICATED, "invalid session: no such token")
        return found, "another" if token in self.renewed else ""


class LiveApi(Api):
    """With an application `a` in the project `default`, and what `seen` puts into its tree."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.view = FakeView()
        self.pods = FakePods()
        self.sessions = FakeSessions()
        self.refreshed: list[str] = []
        self.rules = self.rule._rules
        self.cluster.chosen = self._chosen  # type: ignore[attr-defined]
        self.uses = Applications(
            self.cluster,
            self.cluster,
            self.cluster,
            self.sources,
            namespace=NAMESPACE,
            connect=lambda _cluster: self._connection(),
            evaluator=FakeEvaluator(),
            clock=lambda: NOW,
            surroundings=Surroundings(
                self.calls._applications._settings, lambda: ClusterTable.of([]), self.rules
            ),
        )
        self.finder = Finder(self.view, self._refresh, self.rules)
        live = LiveHandlers(
            self.rule,
            self.uses,
            self.view,
            self.finder,
            self.rules,
            self.audit,
            self.cluster,  # type: ignore[arg-type]
            lambda: self.config,
        )
        logs = LogHandlers(self.rule, self.uses, self.finder, lambda: self.config, lambda: NOW)
        self.handlers = {**live.methods(), **logs.methods()}

    async def begin(self, *objects: Mapping[str, Any], **spec: Any) -> LiveApi:
        """The objects are live and in the tree; everything is allowed."""
        self.access.allow("*")
        self.cluster.seed(project(), app("a", spec=spec), *objects)
        for one in objects:
            self.seen(one)
        await self.heard()
        return self

    async def include_mutations(self) -> None:
        """What others would change counts: nothing here keeps account of who manages what."""
        options = {"argocd.argoproj.io/compare-options": "IncludeMutationWebhook=true"}
        self.cluster.change(app("a", metadata={"annotations": options}))
        await self.heard()

    def seen(self, manifest: Mapping[str, Any], **other: Any) -> None:
        """What the controller has seen of an object."""
        live = self.cluster.objects.get(key_of(manifest), manifest)
        key = key_of(manifest)
        owners = live["metadata"].get("ownerReferences") or ()
        version = str(live["apiVersion"]).rpartition("/")[2]
        item = {
            "group": key.group,
            "version": version,
            "kind": key.kind,
            "namespace": key.namespace,
            "name": key.name,
            "uid": live["metadata"].get("uid", ""),
            "parentRefs": [{"uid": one["uid"]} for one in owners],
        }
        self.view.nodes.append({**item, **other})
        self.view.diffs.append(
            {name: item[name] for name in ("group", "kind", "namespace", "name")}
        )

    def stream_of(self, method: str, /, **message: Any) -> AsyncIterator[Any]:
        handler = self.handlers[f"{SERVICE}/{method}"]
        assert isinstance(handler, ServerStream)
        return handler.run(Call(caller=self.caller), message)

    async def run(self, method: str, /, **message: Any) -> dict[str, Any]:
        handler = self.handlers[f"{SERVICE}/{method}"]
        assert isinstance(handler, Unary)
        answer = await handler.run(Call(caller=self.caller), message)
        assert isinstance(answer, Mapping)
        return dict(answer)

    async def manifest(self, method: str, /, **message: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.run(method, **message))["manifest"])
        return found

    def terminal(self) -> TerminalEndpoint:
        self.config["exec.enabled"] = "true"
        return TerminalEndpoint(
            self.sessions,
            self.access,
            self.rule,
            self.catalogue,
            self.uses,
            self.finder,
            lambda: self.config,
        )

    async def _refresh(self, name: object) -> None:
        self.refreshed.append(str(name))
        self.view.known = True

    def _connection(self) -> FakeConnection:
        found = FakeConnection(self.cluster)
        found.pods_of_it = self.pods
        return found

    async def _chosen(
        self, resource: ApiResource, *, namespace: str, field_selector: str
    ) -> ObjectList:
        found = [one for key, one in self.cluster.objects.items() if key.kind == resource.kind]
        wanted = dict(part.split("=", 1) for part in field_selector.split(","))
        kept = [
            item
            for item in found
            if item["metadata"]["namespace"] == namespace
            and all(
                str(item["involvedObject"].get(name.rpartition(".")[2], "")) == value
                for name, value in wanted.items()
            )
        ]
        return ObjectList(tuple(kept), "7")


def config_map(name: str = "cm", **parts: Any) -> dict[str, Any]:
    return _object("ConfigMap", name, data={"a": "1"}, **parts)


def secret(value: str, name: str = "token", **parts: Any) -> dict[str, Any]:
    return _object("Secret", name, data={"password": value}, **parts)


def pod(name: str, *, running: bool = True, owner: str = "") -> dict[str, Any]:
    state: dict[str, Any] = {"running": {}} if running else {"waiting": {}}
    found = _object("Pod", name, status={"containerStatuses": [{"name": "web", "state": state}]})
    if owner:
        found["metadata"]["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": owner}
        ]
    return found


def _object(kind: str, name: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "demo", **parts.pop("metadata", {})}
    return copy.deepcopy({"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts})


def asked(manifest: Manifest, **more: Any) -> dict[str, Any]:
    """A request for one object."""
    key = key_of(manifest)
    return {
        "name": "a",
        "group": key.group,
        "version": "v1",
        "kind": key.kind,
        "namespace": key.namespace,
        "resourceName": key.name,
        **more,
    }
