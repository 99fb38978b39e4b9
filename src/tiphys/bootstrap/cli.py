"""The command line: picks what its commands need, when they need it.

Adapters are imported inside of functions, for help has to be shown in a tenth of a second.
"""

from __future__ import annotations

import os
import secrets
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cli.main import run

if TYPE_CHECKING:
    from tiphys.adapters.kube import KubeClient, KubeConfig, KubeDiscovery, Transport
    from tiphys.bootstrap.sources import CommandSources
    from tiphys.cli.ports import (
        CertificateApi,
        ClusterAdminApi,
        ClusterChoice,
        ClusterTargets,
        CoreAdminApi,
        Documents,
        KeyApi,
        ProjectApi,
        RepositoryApi,
        ServerApi,
        ServerChoice,
        Setup,
        SignedIn,
        SignIn,
    )
    from tiphys.core.app.asking import Asking
    from tiphys.model.application import ApplicationSource
    from tiphys.model.connection import ServerConnection, ServerTls
    from tiphys.model.resource import ApiResource, Manifest
    from tiphys.services.applications import SourceCheck
    from tiphys.services.applications.values import LocalFiles
    from tiphys.services.backup.service import Backups
    from tiphys.services.devcluster.ports import ControlPlane
    from tiphys.services.evaluate.ports import Evaluator
    from tiphys.services.render.around import Around, Looked
    from tiphys.services.repositories.configmaps import ConfigMapEditor

DEFAULT_NAMESPACE = "argocd"
# The controller's kubeconfig is written anew with every installation.
_TOKEN_SECONDS = 365 * 24 * 3600

PROCESSES: dict[str, tuple[str, str]] = {
    "application-controller": (
        "tiphys.bootstrap.application_controller:application_controller",
        "Run the application controller",
    ),
    "cmp-server": ("tiphys.bootstrap.cmp_server:cmp_server", "Run a config management plugin"),
    "dex": ("tiphys.bootstrap.dex:dex", "Configure and run Dex"),
    "down": ("tiphys.bootstrap.up:down", "Stop what `tiphys up` started"),
    "git-server": ("tiphys.bootstrap.git_server:git_server", "Serve Git repositories on loopback"),
    "observe": ("tiphys.bootstrap.observe:observe", "Tell what a sync would do, beside another"),
    "repo-server": ("tiphys.bootstrap.repo_server:repo_server", "Run the process that renders"),
    "run": ("tiphys.bootstrap.application_controller:run", "Run Tiphys in one process"),
    "server": ("tiphys.bootstrap.server:server", "Run the API server"),
    "up": ("tiphys.bootstrap.up:up", "Start a control plane, Tiphys and the examples"),
}
"""Commands that are whole processes, by name: `module:attribute` and a summary."""

PROGRAMS = {
    "argocd-application-controller": "application-controller",
    "argocd-cmp-server": "cmp-server",
    "argocd-dex": "dex",
    "argocd-repo-server": "repo-server",
    "argocd-server": "server",
}
"""Names of programs that stand for a command."""


def main() -> None:
    program = Path(sys.argv[0]).name
    line = sys.argv[1:]
    # The contract's programs are one, which looks at the name that it is called by.
    called = os.environ.get("ARGOCD_BINARY_NAME") or program
    if called in PROGRAMS:
        program, line = called, [PROGRAMS[called], *line]
    code = run(program, line, CommandWiring(os.environ), PROCESSES)
    sys.exit(code)


class CommandWiring:
    """What commands ask for. Everything that is opened is closed at the end of the command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def server(
        self, choice: ServerChoice, warn: Callable[[str], None]
    ) -> AbstractAsyncContextManager[ServerApi]:
        from tiphys.bootstrap.remote import open_server

        return open_server(choice, warn, self._cluster)

    async def tls(self, connection: ServerConnection) -> ServerTls:
        from tiphys.adapters.apiclient import look_at_tls

        return await look_at_tls(connection)

    async def sign_in(self, asked: SignIn, say: Callable[[str], None]) -> SignedIn:
        from tiphys.bootstrap.signin import sign_in

        return await sign_in(asked, say)

    async def renew(self, asked: SignIn, refresh_token: str) -> SignedIn:
        from tiphys.bootstrap.signin import renew

        return await renew(asked, refresh_token)

    async def log_out(self, connection: ServerConnection) -> None:
        from tiphys.adapters.apiclient import log_out

        await log_out(connection)

    @asynccontextmanager
    async def core(self, choice: ClusterChoice) -> AsyncIterator[CoreAdminApi]:
        from tiphys.adapters.engine import EngineEvaluator
        from tiphys.adapters.kube import Limits
        from tiphys.bootstrap.clusters import connector
        from tiphys.services.applications import Applications

        async with self._cluster(choice) as (config, transport), AsyncExitStack() as stack:
            namespace = choice.namespace or config.namespace or DEFAULT_NAMESPACE
            client, discovery = _client(transport)
            sources = await stack.enter_async_context(_LazySources(client, namespace))
            evaluator = EngineEvaluator()
            stack.push_async_callback(evaluator.close)
            applications = Applications(
                client,
                client,
                discovery,
                sources,
                namespace=namespace,
                connect=connector(config, transport, component="cli", limits=Limits()),
                evaluator=evaluator,
            )
            stack.push_async_callback(applications.close)
            yield applications

    @asynccontextmanager
    async def projects(self, choice: ClusterChoice) -> AsyncIterator[ProjectApi]:
        from tiphys.adapters.jose import sign
        from tiphys.services.projects.service import Projects

        async with self._cluster(choice) as (config, transport):
            client, _ = _client(transport)
            yield Projects(
                client,
                client,
                namespace=choice.namespace or config.namespace or DEFAULT_NAMESPACE,
                now=lambda: datetime.now(UTC),
                new_id=lambda: str(uuid.uuid4()),
                sign=sign,
            )

    @asynccontextmanager
    async def clusters(self, choice: ClusterChoice) -> AsyncIterator[ClusterAdminApi]:
        from tiphys.bootstrap.clusters import connector
        from tiphys.services.applications.settings import SettingsReader
        from tiphys.services.clusters.catalogue import ClusterCatalogue

        async with self._cluster(choice) as (config, transport):
            namespace = choice.namespace or config.namespace or DEFAULT_NAMESPACE
            client, _ = _client(transport)
            settings = SettingsReader(client, namespace)

            async def in_cluster() -> bool:
                return (await settings.present()).in_cluster

            yield ClusterCatalogue(
                client,
                client,
                connector(config, transport, component="cli"),
                namespace=namespace,
                in_cluster=in_cluster,
                now=lambda: datetime.now(UTC),
            )

    @asynccontextmanager
    async def repositories(self, choice: ClusterChoice) -> AsyncIterator[RepositoryApi]:
        from tiphys.bootstrap.connections import open_tester
        from tiphys.services.repositories.catalogue import RepositoryCatalogue

        async with self._cluster(choice) as (config, transport), open_tester() as tester:
            client, _ = _client(transport)
            yield RepositoryCatalogue(
                client,
                client,
                tester,
                namespace=choice.namespace or config.namespace or DEFAULT_NAMESPACE,
                now=lambda: datetime.now(UTC),
            )

    @asynccontextmanager
    async def certificates(self, choice: ClusterChoice) -> AsyncIterator[CertificateApi]:
        from tiphys.services.repositories.certificates import CertificateCatalogue

        async with self._config_maps(choice) as config_maps:
            yield CertificateCatalogue(config_maps)

    @asynccontextmanager
    async def keys(self, choice: ClusterChoice) -> AsyncIterator[KeyApi]:
        from tiphys.adapters.gnupg import GnuPG
        from tiphys.services.repositories.keys import KeyCatalogue

        async with self._config_maps(choice) as config_maps:
            yield KeyCatalogue(config_maps, GnuPG())

    @asynccontextmanager
    async def _config_maps(self, choice: ClusterChoice) -> AsyncIterator[ConfigMapEditor]:
        from tiphys.services.repositories.configmaps import ConfigMapEditor

        async with self._cluster(choice) as (config, transport):
            client, _ = _client(transport)
            namespace = choice.namespace or config.namespace or DEFAULT_NAMESPACE
            yield ConfigMapEditor(client, client, namespace)

    def targets(self, kubeconfig: str) -> ClusterTargets:
        from tiphys.bootstrap.clustertargets import KubeconfigTargets

        return KubeconfigTargets(self._kubeconfigs(kubeconfig))

    @asynccontextmanager
    async def documents(self) -> AsyncIterator[Documents]:
        from tiphys.bootstrap.sources import EngineDocuments

        documents = EngineDocuments()
        try:
            yield documents
        finally:
            await documents.close()

    @asynccontextmanager
    async def sources(self) -> AsyncIterator[SourceCheck]:
        from tiphys.bootstrap.logs import configure_logs
        from tiphys.bootstrap.sources import open_sources
        from tiphys.services.repositories.registry import KnownRepositories

        configure_logs("warn")
        async with open_sources(KnownRepositories()) as sources:
            yield sources

    @asynccontextmanager
    async def evaluator(self) -> AsyncIterator[Evaluator]:
        from tiphys.adapters.engine import EngineEvaluator

        evaluator = EngineEvaluator()
        try:
            yield evaluator
        finally:
            await evaluator.close()

    async def general_settings(self, choice: ClusterChoice) -> Mapping[str, str]:
        from tiphys.services.applications.settings import SettingsReader

        async with self._cluster(choice) as (config, transport):
            namespace = choice.namespace or config.namespace or DEFAULT_NAMESPACE
            return await SettingsReader(_client(transport)[0], namespace).general()

    async def config_map(self, choice: ClusterChoice, name: str) -> Mapping[str, str]:
        from tiphys.bootstrap.following import CONFIG_MAPS

        return (await self._named(choice, CONFIG_MAPS, name)).get("data") or {}

    async def secret(self, choice: ClusterChoice, name: str) -> Mapping[str, str]:
        from tiphys.bootstrap.following import SECRETS
        from tiphys.services.access.book import texts

        return texts(await self._named(choice, SECRETS, name))

    async def _named(self, choice: ClusterChoice, resource: ApiResource, name: str) -> Manifest:
        async with self._cluster(choice) as (config, transport):
            namespace = choice.namespace or config.namespace or DEFAULT_NAMESPACE
            return await _client(transport)[0].get(resource, namespace, name)

    def hashed(self, password: str) -> str:
        from tiphys.adapters.passwords import hashed

        return hashed(password)

    async def served_kinds(self, choice: ClusterChoice) -> Sequence[ApiResource]:
        async with self._cluster(choice) as (_, transport):
            _, discovery = _client(transport)
            await discovery.refresh()
            return discovery.preferred()

    @asynccontextmanager
    async def backups(self, choice: ClusterChoice) -> AsyncIterator[Backups]:
        from tiphys.services.backup.service import Backups

        async with self._cluster(choice) as (config, transport):
            client, _ = _client(transport)
            yield Backups(client, client, choice.namespace or config.namespace or DEFAULT_NAMESPACE)

    async def dashboard(
        self, choice: ClusterChoice, address: str, port: int, ready: Callable[[int], None]
    ) -> None:
        from tiphys.bootstrap.dashboard import serve_dashboard

        await serve_dashboard(choice, address, port, ready)

    async def require_redis_password(self, choice: ClusterChoice) -> str:
        from tiphys.services.redispassword import require_redis_password

        async with self._cluster(choice) as (config, transport):
            client, _ = _client(transport)
            namespace = choice.namespace or config.namespace or DEFAULT_NAMESPACE
            return await require_redis_password(client, namespace, secrets.token_urlsafe(24))

    @asynccontextmanager
    async def setup(self, choice: ClusterChoice) -> AsyncIterator[Setup]:
        async with self._cluster(choice) as (config, transport):
            yield _Setup(config, *_client(transport))

    def control_plane(self, name: str) -> ControlPlane:
        from tiphys.adapters.devcluster import DevCluster
        from tiphys.adapters.devcluster.places import state_folder

        return DevCluster(name, root=state_folder(self._environment))

    @asynccontextmanager
    async def _cluster(self, choice: ClusterChoice) -> AsyncIterator[tuple[KubeConfig, Transport]]:
        from tiphys.adapters.kube import Transport
        from tiphys.bootstrap.access import limits_of

        config = self._config(choice)
        transport = Transport(config, component="cli", limits=limits_of(choice.access))
        try:
            yield config, transport
        finally:
            await transport.close()

    def _config(self, choice: ClusterChoice) -> KubeConfig:
        from tiphys.adapters.kube import load_kubeconfig
        from tiphys.bootstrap.access import with_access

        access = choice.access
        found = load_kubeconfig(
            self._kubeconfigs(choice.kubeconfig),
            choice.context,
            cluster=access.cluster,
            user=access.user,
        )
        return with_access(found, access)

    def _kubeconfigs(self, named: str) -> Sequence[Path]:
        named = named or self._environment.get("KUBECONFIG", "")
        paths: Sequence[Path] = [Path(part) for part in named.split(os.pathsep) if part]
        return paths or [Path.home() / ".kube" / "config"]


def _client(transport: Transport) -> tuple[KubeClient, KubeDiscovery]:
    from tiphys.adapters.kube import KubeClient, KubeDiscovery

    return KubeClient(transport), KubeDiscovery(transport)


class _LazySources:
    """SourceCheck for commands of which most never ask for a source: opened when one does."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._open = AsyncExitStack()
        self._sources: CommandSources | None = None

    async def __aenter__(self) -> _LazySources:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def reachable(self, source: ApplicationSource, project: str) -> None:
        await (await self._opened()).reachable(source, project)

    async def resolve(self, asking: Asking, project: str) -> tuple[str, ...]:
        return await (await self._opened()).resolve(asking, project)

    async def render(
        self, asking: Asking, around: Around, files: LocalFiles | None = None
    ) -> Looked:
        return await (await self._opened()).render(asking, around, files)

    async def _opened(self) -> CommandSources:
        from tiphys.bootstrap.logs import configure_logs
        from tiphys.bootstrap.sources import open_sources
        from tiphys.services.repositories.reading import read_visible

        if self._sources is None:
            # What a command prints is its answer, and nothing else.
            configure_logs("warn")
            repositories = await read_visible(self._client, self._namespace)
            self._sources = await self._open.enter_async_context(open_sources(repositories))
        return self._sources


class _Setup:
    def __init__(self, config: KubeConfig, client: KubeClient, discovery: KubeDiscovery) -> None:
        self._config = config
        self._client = client
        self._discovery = discovery

    async def install(self, namespace: str) -> Any:
        from tiphys.bootstrap.manifests import install_manifests
        from tiphys.services.install import Installer

        installer = Installer(self._client, self._client, self._discovery)
        return await installer.install(install_manifests(), namespace)

    async def kubeconfig(self, account: str, namespace: str) -> str:
        from tiphys.services.install import account_kubeconfig

        return await account_kubeconfig(
            self._client,
            account,
            server=self._config.server,
            ca=self._config.ca,
            namespace=namespace,
            seconds=_TOKEN_SECONDS,
        )
