"""A command line on a cluster in memory, with somebody in the controller's place.

Commands run through the real parser, commands and service; only the cluster, the repository
and the controller are stand-ins.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.fakes.clusters import FakeConnection
from tests.fakes.evaluate import FakeEvaluator
from tests.fakes.kube import BUILT_IN, FakeCluster
from tests.fakes.pods import FakePods
from tests.fakes.remote import FakeRemote
from tiphys.adapters.jose import sign
from tiphys.cli.main import run
from tiphys.cli.ports import (
    CertificateApi,
    ClusterAdminApi,
    ClusterChoice,
    ClusterTargets,
    KeyApi,
    RepositoryApi,
    ServerChoice,
    SignedIn,
    SignIn,
)
from tiphys.core.app.asking import Asking
from tiphys.core.source.revision import resolve
from tiphys.model.application import ApplicationSource
from tiphys.model.connection import ServerConnection, ServerTls
from tiphys.model.errors import (
    KubeError,
    RenderError,
    RepositoryError,
    RepositoryUnreachableError,
)
from tiphys.model.resource import ApiResource, Manifest, ResourceKey
from tiphys.services.applications import Applications
from tiphys.services.applications.service import APPLICATIONS, PROJECTS
from tiphys.services.applications.values import LocalFiles
from tiphys.services.backup.service import Backups
from tiphys.services.clusters.ports import Connection
from tiphys.services.evaluate.ports import Pruned
from tiphys.services.install import Installed
from tiphys.services.live.ports import KubeWriter
from tiphys.services.projects.service import Projects
from tiphys.services.remote.server import RemoteServer
from tiphys.services.render.around import Around, Looked, SourceError

NAMESPACE = "argocd"
COMMIT = "c89a47e1c17249845dbcdd61eefa832ff7c1d90a"
REPO = "http://127.0.0.1:9181/examples.git"
NOW = datetime(2026, 11, 23, 10, 3, 33, tzinfo=UTC)
_DATA = Path(__file__).parent / "data"

Controller = Callable[[FakeCluster], Awaitable[None]]


def guestbook() -> dict[str, Any]:
    """An application as the contract leaves it after a sync."""
    manifest: dict[str, Any] = json.loads((_DATA / "guestbook.json").read_text())
    return manifest


def app(name: str, *, spec: Mapping[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """An application that nobody has looked at yet."""
    metadata = {"name": name, "namespace": NAMESPACE, **parts.pop("metadata", {})}
    default = {
        "project": "default",
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
        "source": {"repoURL": REPO, "path": "guestbook"},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": default | dict(spec or {}),
        **parts,
    }


def project(name: str = "default", **spec: Any) -> dict[str, Any]:
    open_to_all = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": open_to_all | spec,
    }


def settings(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": NAMESPACE},
        "data": data,
    }


class FakeSources:
    """A repository with the folders `guestbook` and `helm` and one branch."""

    refs: Mapping[str, str] = {"HEAD": COMMIT, "refs/heads/main": COMMIT}

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.revisions: list[str] = []
        self.local: list[LocalFiles] = []
        self.manifests: Sequence[Manifest] = ()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[FakeSources]:
        """What a command opens that needs no cluster."""
        yield self

    async def reachable(self, source: ApplicationSource, project: str) -> None:
        self.asked.append("reachable")
        if source.repo_url != REPO:
            raise RepositoryUnreachableError("repository not found", url=source.repo_url)

    async def resolve(self, asking: Asking, project: str) -> tuple[str, ...]:
        found = []
        for number, revision in enumerate(asking.revisions, 1):
            try:
                found.append(resolve(revision, self.refs).revision)
            except RepositoryError as error:
                raise SourceError(number, error) from None
        return tuple(found)

    async def render(
        self, asking: Asking, around: Around, files: LocalFiles | None = None
    ) -> Looked:
        if files is not None:
            self.local.append(files)
            return Looked(tuple(self.manifests), asking.revisions)
        self.asked.append("render")
        self.revisions += asking.revisions
        for number, source in enumerate(asking.sources, 1):
            if source.path not in ("guestbook", "helm") and not source.ref:
                error = RenderError(f"{source.path}: app path does not exist")
                raise SourceError(number, error)
        return Looked(tuple(self.manifests), asking.revisions)


class FakeDocuments:
    """Reads YAML without an engine."""

    async def decode(self, data: bytes) -> Sequence[Mapping[str, Any]]:
        return [document for document in yaml.safe_load_all(data) if document]


class FakeSetup:
    async def install(self, namespace: str) -> Installed:
        key = ResourceKey("", "ConfigMap", namespace, "argocd-cm")
        return Installed(created=(key,), updated=(), kept=())

    async def kubeconfig(self, account: str, namespace: str) -> str:
        return f"for {account} in {namespace}\n"


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def fatal(self) -> str:
        """The message of the last line on standard error."""
        line = json.loads(self.err.splitlines()[-1])
        assert list(line) == ["level", "msg", "time"]
        assert line["level"] == "fatal"
        return str(line["msg"])


class Evaluator(FakeEvaluator):
    """Remembers how long an expression was let run."""

    def __init__(self) -> None:
        super().__init__()
        self.within: list[float] = []

    async def without_paths(
        self, manifests: Sequence[Manifest], expressions: Sequence[str], *, within: float
    ) -> Sequence[Pruned]:
        self.within.append(within)
        return await super().without_paths(manifests, expressions, within=within)


class _Busy:
    """A writer whose patches take a moment, so that they can be counted side by side."""

    def __init__(self, world: World, cluster: FakeCluster) -> None:
        self._world = world
        self._cluster = cluster
        self._now = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def patch(self, *arguments: Any, **options: Any) -> Manifest:
        self._now += 1
        self._world.at_once = max(self._world.at_once, self._now)
        await asyncio.sleep(0.01)
        self._now -= 1
        return await self._cluster.patch(*arguments, **options)


class World:
    """Objects stay from one command to the next."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._objects: list[Manifest] = [project()]
        self._latest = 500
        self.sources = FakeSources()
        self.choices: list[ClusterChoice] = []
        self.servers: list[ServerChoice] = []
        self.remote = FakeRemote()
        self.server_tls = ServerTls(present=True)
        self.logged_out: list[str] = []
        self.signing: list[SignIn] = []
        self.signed = ("", "")
        self.renewed: list[str] = []
        self.controller: Controller | None = None
        self.fail: Callable[[str, ResourceKey], KubeError | None] = lambda verb, key: None
        self.slow = False
        self.evaluator = Evaluator()
        self.at_once = 0
        self.pods = FakePods()

    def seed(self, *manifests: Manifest) -> World:
        self._objects += manifests
        return self

    def find(self, kind: str, name: str, namespace: str = "") -> Manifest | None:
        return next(
            (
                m
                for m in self._objects
                if (m["kind"], m["metadata"]["name"]) == (kind, name)
                and namespace in ("", m["metadata"].get("namespace"))
            ),
            None,
        )

    def app(self, name: str, namespace: str = NAMESPACE) -> Manifest:
        found = self.find("Application", name, namespace)
        assert found is not None
        return found

    def run(self, *line: str, program: str = "argocd", core: bool = True) -> Ran:
        self._capture.readouterr()
        code = run(program, [*line, *(["--core"] if core else [])], self)
        captured = self._capture.readouterr()
        return Ran(code, captured.out, captured.err)

    # What commands are given.

    @asynccontextmanager
    async def server(
        self, choice: ServerChoice, warn: Callable[[str], None]
    ) -> AsyncIterator[RemoteServer]:
        self.servers.append(choice)
        yield RemoteServer(self.remote, choice.connection.url, self.sources, lambda: NOW)

    async def tls(self, connection: ServerConnection) -> ServerTls:
        return self.server_tls

    async def sign_in(self, asked: SignIn, say: Callable[[str], None]) -> SignedIn:
        self.signing.append(asked)
        return SignedIn(*self.signed)

    async def renew(self, asked: SignIn, refresh_token: str) -> SignedIn:
        self.signing.append(asked)
        self.renewed.append(refresh_token)
        return SignedIn(*self.signed)

    async def log_out(self, connection: ServerConnection) -> None:
        self.logged_out.append(connection.token)

    @asynccontextmanager
    async def core(self, choice: ClusterChoice) -> AsyncIterator[Applications]:
        self.choices.append(choice)
        cluster = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
        cluster.restore(self._latest, *self._objects)
        cluster.fail = self.fail
        played = asyncio.create_task(self._play(cluster))
        try:
            yield Applications(
                cluster,
                cast("KubeWriter", _Busy(self, cluster)) if self.slow else cluster,
                cluster,
                self.sources,
                namespace=NAMESPACE,
                connect=lambda _cluster: self._connection(cluster),
                evaluator=self.evaluator,
                clock=lambda: NOW,
            )
        finally:
            played.cancel()
            with suppress(asyncio.CancelledError):
                await played
            self._objects = list(cluster.objects.values())
            self._latest = cluster.latest + 1

    def _connection(self, cluster: FakeCluster) -> Connection:
        found = FakeConnection(cluster)
        found.pods_of_it = self.pods
        return found

    def clusters(self, choice: ClusterChoice) -> AbstractAsyncContextManager[ClusterAdminApi]:
        raise AssertionError(f"nothing is known of clusters here: {choice}")

    def repositories(self, choice: ClusterChoice) -> AbstractAsyncContextManager[RepositoryApi]:
        raise AssertionError(f"nothing is known of repositories here: {choice}")

    def certificates(self, choice: ClusterChoice) -> AbstractAsyncContextManager[CertificateApi]:
        raise AssertionError(f"nothing is known of certificates here: {choice}")

    def keys(self, choice: ClusterChoice) -> AbstractAsyncContextManager[KeyApi]:
        raise AssertionError(f"nothing is known of keys here: {choice}")

    def backups(self, choice: ClusterChoice) -> AbstractAsyncContextManager[Backups]:
        raise AssertionError("backups are tested on a control plane")

    async def dashboard(
        self, choice: ClusterChoice, address: str, port: int, ready: Callable[[int], None]
    ) -> None:
        ready(port)

    async def require_redis_password(self, choice: ClusterChoice) -> str:
        return "argocd-redis"

    def hashed(self, password: str) -> str:
        raise AssertionError("passwords are tested by themselves")

    def targets(self, kubeconfig: str) -> ClusterTargets:
        raise AssertionError(f"no kubeconfig is known here: {kubeconfig}")

    @asynccontextmanager
    async def projects(self, choice: ClusterChoice) -> AsyncIterator[Projects]:
        self.choices.append(choice)
        cluster = FakeCluster([*BUILT_IN, APPLICATIONS, PROJECTS])
        cluster.restore(self._latest, *self._objects)
        yield Projects(
            cluster,
            cluster,
            namespace=NAMESPACE,
            now=lambda: NOW,
            new_id=lambda: "4cc40ea6-9e49-4bd6-ab61-5b4bd3aac4e3",
            sign=sign,
        )
        self._objects = list(cluster.objects.values())
        self._latest = cluster.latest + 1

    @asynccontextmanager
    async def documents(self) -> AsyncIterator[FakeDocuments]:
        yield FakeDocuments()

    async def served_kinds(self, choice: ClusterChoice) -> Sequence[ApiResource]:
        self.choices.append(choice)
        return BUILT_IN

    @asynccontextmanager
    async def setup(self, choice: ClusterChoice) -> AsyncIterator[FakeSetup]:
        self.choices.append(choice)
        yield FakeSetup()

    async def _play(self, cluster: FakeCluster) -> None:
        if self.controller is not None:
            await self.controller(cluster)


def key(name: str) -> ResourceKey:
    return ResourceKey("argoproj.io", "Application", NAMESPACE, name)


async def when(cluster: FakeCluster, name: str, true: Callable[[Manifest], bool]) -> Manifest:
    """The application as soon as it is so."""
    while True:
        manifest = cluster.objects.get(key(name))
        if manifest is not None and true(manifest):
            return manifest
        await asyncio.sleep(0.001)


def asks_refresh(manifest: Manifest) -> bool:
    return "argocd.argoproj.io/refresh" in (manifest["metadata"].get("annotations") or {})


def without_annotations(manifest: Manifest) -> dict[str, Any]:
    metadata = {k: v for k, v in manifest["metadata"].items() if k != "annotations"}
    return {**manifest, "metadata": metadata}
