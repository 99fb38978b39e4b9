"""What commands need of the outside. The composition root hands it in as the root's object."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    # Only for signatures: help is shown without loading the model.
    from tiphys.core.pods.chosen import Wanted
    from tiphys.core.repositories.knownhosts import HostKey
    from tiphys.core.repositories.record import Record
    from tiphys.model.application import Application
    from tiphys.model.appproject import AppProject
    from tiphys.model.cluster import Cluster, KubeContext
    from tiphys.model.connection import ServerConnection, ServerTls
    from tiphys.model.openpgp import PublicKey
    from tiphys.model.resource import Manifest, ResourceKey
    from tiphys.services.applications import (
        AppEvent,
        AppName,
        SourceCheck,
        SyncCommand,
        TreeNode,
    )
    from tiphys.services.applications.explain import Explained
    from tiphys.services.applications.managed import Managed
    from tiphys.services.applications.results import Result
    from tiphys.services.applications.values import Asked, Looking, Windows
    from tiphys.services.backup.service import Backups
    from tiphys.services.clusters.catalogue import ClusterAnswer, ClusterUse
    from tiphys.services.clusters.target import ClusterTarget
    from tiphys.services.install import Installed
    from tiphys.services.pods.logs import Entry, LogQuery
    from tiphys.services.projects.service import Detailed
    from tiphys.services.repositories.catalogue import RepositoryAnswer
    from tiphys.services.repositories.certificates import Certificate
    from tiphys.services.repositories.keys import AddedKeys, ListedKeys


class CoreApi(Protocol):
    """The calls on applications. All raise ApiError and KubeError."""

    async def get(self, name: AppName) -> Application: ...

    async def refresh(self, name: AppName, *, hard: bool) -> Application: ...

    async def list(self, *, selector: str = "", namespace: str = "") -> Sequence[Application]: ...

    async def create(
        self, application: Application, *, upsert: bool, validate: bool
    ) -> Application: ...

    async def update_spec(
        self, name: AppName, spec: Mapping[str, Any], *, validate: bool
    ) -> Application: ...

    async def patch(self, name: AppName, kind: str, patch: Any) -> Application: ...

    async def approve_deletion(self, name: AppName) -> None: ...

    async def delete(
        self, name: AppName, *, cascade: bool = True, propagation: str | None = None
    ) -> None: ...

    async def sync(self, name: AppName, command: SyncCommand) -> Application: ...

    async def rollback(self, name: AppName, entry: int, *, prune: bool) -> Application: ...

    async def terminate(self, name: AppName) -> None: ...

    def watch(self, name: AppName, resource_version: str) -> AsyncIterator[AppEvent]: ...

    async def tree(self, application: Application) -> Sequence[TreeNode]: ...

    async def orphans(self, application: Application) -> Sequence[TreeNode]: ...

    async def explain(self, application: Application) -> Sequence[Explained]: ...

    async def managed(
        self, application: Application, asked: Asked, looking: Looking | None = None
    ) -> Sequence[Managed]: ...

    async def desired(self, application: Application, asked: Asked) -> Sequence[Manifest]: ...

    async def manifests(self, application: Application, asked: Asked) -> Sequence[Manifest]: ...

    async def live_keys(self, application: Application) -> Sequence[ResourceKey]: ...

    async def get_object(self, application: Application, key: ResourceKey) -> Manifest: ...

    async def patch_object(
        self, application: Application, key: ResourceKey, kind: str, patch: Any
    ) -> Manifest: ...

    async def delete_object(
        self, application: Application, key: ResourceKey, *, force: bool, orphan: bool
    ) -> None: ...

    def logs(self, name: AppName, wanted: Wanted, query: LogQuery) -> AsyncIterator[Entry]:
        """Of the Pods that are meant, and of those below what is meant."""
        ...

    async def windows(self, application: Application) -> Windows: ...

    async def url(self) -> str: ...


class CoreAdminApi(CoreApi, Protocol):
    """What only direct access to the cluster gives."""

    async def result(self, application: Application, looking: Looking) -> Result: ...


class ProjectApi(Protocol):
    """The calls on projects. All raise ApiError and KubeError."""

    async def list(self) -> Sequence[AppProject]: ...

    async def get(self, name: str) -> AppProject: ...

    async def detailed(self, name: str) -> Detailed: ...

    async def create(self, project: AppProject, *, upsert: bool) -> AppProject: ...

    async def update(self, project: AppProject) -> AppProject: ...

    async def delete(self, name: str) -> object: ...

    async def create_token(
        self, name: str, role: str, *, expires_in: int = 0, token_id: str = ""
    ) -> str: ...

    async def delete_token(
        self, name: str, role: str, *, issued: int, token_id: str = ""
    ) -> None: ...


class ClusterApi(Protocol):
    """The calls on clusters. All raise ApiError and KubeError."""

    async def clusters(self) -> Sequence[Cluster]: ...

    async def list(self) -> Sequence[ClusterAnswer]: ...

    async def find(self, selector: str) -> Sequence[Cluster]: ...

    async def get(self, selector: str) -> ClusterAnswer: ...

    async def create(self, cluster: Cluster, *, upsert: bool) -> Cluster: ...

    async def change(self, selector: str, change: Callable[[Cluster], Cluster]) -> Cluster: ...

    async def delete(self, selector: str) -> Sequence[Cluster]: ...

    async def rotate(self, selector: str, say: Callable[[str], None]) -> None: ...


class ClusterAdminApi(ClusterApi, Protocol):
    """What only direct access to the control plane gives."""

    async def uses(self) -> Sequence[ClusterUse]: ...

    async def count(self, cluster: Cluster) -> tuple[str, int]: ...

    async def replicas(self) -> int: ...

    async def store(self, cluster: Cluster) -> None: ...


class RepositoryApi(Protocol):
    """The calls on repositories and templates. All raise ApiError and KubeError."""

    async def list(
        self, *, fresh: bool = False, trying: bool = True
    ) -> Sequence[RepositoryAnswer]: ...

    async def get(
        self, url: str, project: str = "", *, fresh: bool = False
    ) -> RepositoryAnswer: ...

    async def validate(self, record: Record) -> None: ...

    async def create(self, record: Record, *, upsert: bool) -> Record: ...

    async def delete(self, url: str, project: str = "") -> None: ...

    async def templates(self) -> Sequence[Record]: ...

    async def create_template(self, record: Record, *, upsert: bool) -> Record: ...

    async def delete_template(self, url: str) -> None: ...


class CertificateApi(Protocol):
    """The calls on certificates and keys of servers. All raise ApiError and KubeError."""

    async def list(self, *, pattern: str = "", kind: str = "") -> Sequence[Certificate]: ...

    async def add_server(self, server: str, pems: Sequence[str], *, upsert: bool) -> None: ...

    async def add_keys(self, keys: Sequence[HostKey], *, upsert: bool) -> Sequence[HostKey]: ...

    async def delete(
        self, pattern: str, *, kind: str = "", subtype: str = ""
    ) -> Sequence[Certificate]: ...


class KeyApi(Protocol):
    """The calls on the keys of signatures. All raise ApiError and KubeError."""

    async def list(self) -> ListedKeys: ...

    async def get(self, asked: str) -> PublicKey: ...

    async def add(self, text: str) -> AddedKeys: ...

    async def delete(self, key_id: str) -> None: ...


class ClusterTargets(Protocol):
    """The clusters that the kubeconfig names. Raises KubeError."""

    def contexts(self) -> Sequence[KubeContext]: ...

    def open(
        self, context: str, *, proxy: str = ""
    ) -> AbstractAsyncContextManager[ClusterTarget]: ...


class Documents(Protocol):
    """Reads what a user wrote as YAML. Raises RenderError."""

    async def decode(self, data: bytes) -> Sequence[Mapping[str, Any]]: ...


class Setup(Protocol):
    """Puts Tiphys into a cluster. Raises KubeError."""

    async def install(self, namespace: str) -> Installed: ...

    async def kubeconfig(self, account: str, namespace: str) -> str:
        """With the rights of one of the accounts that were installed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeAccess:
    """What flags say of the way to a cluster; what is empty is left to the kubeconfig.

    `cluster` and `user` are names in it. Certificates and keys are names of files.
    """

    cluster: str = ""
    user: str = ""
    server: str = ""
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    proxy_url: str = field(default="", repr=False)
    tls_server_name: str = ""
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure_skip_tls_verify: bool = False
    disable_compression: bool = False
    request_timeout: str = ""
    act_as: str = ""
    act_as_group: tuple[str, ...] = ()
    act_as_uid: str = ""


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """Which cluster and namespace a command works on; empty means the usual one."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    access: KubeAccess = field(default_factory=KubeAccess)


@dataclass(frozen=True, slots=True)
class Forward:
    """A server that is reached through Kubernetes: its pods' namespace, empty for the usual one,
    and the name that they are labelled with.
    """

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """Which server of the API a command talks to; `cluster` is where it is forwarded from."""

    connection: ServerConnection
    forward: Forward | None = None
    cluster: ClusterChoice = field(default_factory=ClusterChoice)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A login at the identity provider of a server: what the server says of it, and how the
    browser comes back. `callback` empty: to loopback, at `port`.
    """

    connection: ServerConnection
    settings: Mapping[str, Any]
    callback: str
    port: int
    browser: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)


class AccountApi(Protocol):
    """The calls on accounts; answers are in the contract's JSON shape. All raise ApiError."""

    async def list(self) -> Sequence[Mapping[str, Any]]: ...

    async def get(self, name: str) -> Mapping[str, Any]: ...

    async def can(self, action: str, resource: str, target: str) -> str:
        """`yes` or `no`."""
        ...

    async def create_token(self, name: str, *, expires_in: int, token_id: str) -> str: ...

    async def delete_token(self, name: str, token_id: str) -> None: ...

    async def update_password(self, name: str, *, current: str, new: str) -> None: ...

    async def user_info(self) -> Mapping[str, Any]: ...

    async def log_in(self, username: str, password: str) -> str:
        """A token."""
        ...


class ServerApi(Protocol):
    """All that can be asked of a server of the API."""

    @property
    def applications(self) -> CoreApi: ...

    @property
    def projects(self) -> ProjectApi: ...

    @property
    def clusters(self) -> ClusterApi: ...

    @property
    def repositories(self) -> RepositoryApi: ...

    @property
    def certificates(self) -> CertificateApi: ...

    @property
    def keys(self) -> KeyApi: ...

    @property
    def accounts(self) -> AccountApi: ...

    async def settings(self) -> Mapping[str, Any]: ...

    async def version(self) -> Mapping[str, Any]: ...


class Wiring(Protocol):
    """Opens what a command needs, for as long as it needs it."""

    def server(
        self, choice: ServerChoice, warn: Callable[[str], None]
    ) -> AbstractAsyncContextManager[ServerApi]: ...

    async def tls(self, connection: ServerConnection) -> ServerTls:
        """Raises ApiError where nobody answers."""
        ...

    async def sign_in(self, asked: SignIn, say: Callable[[str], None]) -> SignedIn:
        """Waits for a login at the identity provider; `say` shows the user where. Raises
        ApiError.
        """
        ...

    async def renew(self, asked: SignIn, refresh_token: str) -> SignedIn:
        """A new token for one that has ended. Raises ApiError."""
        ...

    async def log_out(self, connection: ServerConnection) -> None:
        """Takes the token back. Raises ApiError."""
        ...

    def core(self, choice: ClusterChoice) -> AbstractAsyncContextManager[CoreAdminApi]: ...

    def projects(self, choice: ClusterChoice) -> AbstractAsyncContextManager[ProjectApi]: ...

    def clusters(self, choice: ClusterChoice) -> AbstractAsyncContextManager[ClusterAdminApi]: ...

    def repositories(self, choice: ClusterChoice) -> AbstractAsyncContextManager[RepositoryApi]: ...

    def certificates(
        self, choice: ClusterChoice
    ) -> AbstractAsyncContextManager[CertificateApi]: ...

    def keys(self, choice: ClusterChoice) -> AbstractAsyncContextManager[KeyApi]: ...

    def hashed(self, password: str) -> str:
        """As argocd-secret has passwords. Raises ApiError for one that is too long."""
        ...

    def backups(self, choice: ClusterChoice) -> AbstractAsyncContextManager[Backups]: ...

    async def dashboard(
        self, choice: ClusterChoice, address: str, port: int, ready: Callable[[int], None]
    ) -> None:
        """Serves until it is interrupted; `ready` hears of the port. Raises TiphysError."""
        ...

    async def require_redis_password(self, choice: ClusterChoice) -> str:
        """The name of the Secret that has it, made where it was missing. Raises KubeError."""
        ...

    def targets(self, kubeconfig: str) -> ClusterTargets: ...

    def documents(self) -> AbstractAsyncContextManager[Documents]: ...

    def sources(self) -> AbstractAsyncContextManager[SourceCheck]:
        """Sources without a cluster, and so without anybody's credentials."""
        ...

    def setup(self, choice: ClusterChoice) -> AbstractAsyncContextManager[Setup]: ...
