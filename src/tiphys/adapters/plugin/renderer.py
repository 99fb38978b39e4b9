"""Renders by config management plugins, which are found by their sockets in a folder."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Protocol

from xxhash import xxh3_128_hexdigest

from tiphys.adapters.plugin import archive as archives
from tiphys.adapters.plugin.archive import Archive, ArchiveLimits
from tiphys.adapters.plugin.errors import DeadlineError, PluginError
from tiphys.adapters.plugin.secrecy import without_secrets
from tiphys.adapters.plugin.sockets import DEFAULT_FOLDER, Socket, socket_at, sockets
from tiphys.core.source.url import without_user
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import PluginOptions, ReadSet, RenderRequest, RenderResult
from tiphys.model.repository import Anonymous, BasicLogin, BearerLogin, Repository, SshKey
from tiphys.model.resource import Manifest

if TYPE_CHECKING:
    from tiphys.adapters.plugin.client import Call, PluginClient

_ARCHIVES_KEPT: Final = 2
_ANSWERS_KEPT: Final = 10_000
_ASKED_AT_ONCE: Final = 4
"""Discoveries side by side: each may run a command. Whoever renders has a gate of his own."""
_REVISION: Final = "ARGOCD_APP_REVISION"
_NO_USER: Final = "x-access-token"

Decode = Callable[[bytes], Awaitable[Sequence[Any]]]
"""The documents of a YAML or JSON text. Raises RenderError."""


class Tree(archives.Tree, Protocol):
    @property
    def commit(self) -> str: ...


class Logins(Protocol):
    """Logins for credentials that have to be exchanged for a token. Raises RepositoryError."""

    async def login(self, repository: Repository) -> BasicLogin | BearerLogin: ...


@dataclass(frozen=True, slots=True)
class _Ask:
    """One source with what is sent of it; `environment` is without credentials."""

    request: RenderRequest
    options: PluginOptions
    tree: Tree
    ends: float

    @property
    def path(self) -> str:
        """The application's path in what is sent."""
        root = self.options.root
        return self.request.path.removeprefix(root).strip("/") if root else self.request.path

    def left(self) -> float:
        return max(self.ends - time.monotonic(), 0.001)


class PluginRenderer:
    """Implements Renderer for PluginOptions. Close it to end its connections."""

    def __init__(
        self,
        decode: Decode,
        folder: Path = DEFAULT_FOLDER,
        *,
        logins: Logins | None = None,
        limits: ArchiveLimits | None = None,
    ) -> None:
        self._decode = decode
        self._folder = folder
        self._logins = logins
        self._limits = limits or ArchiveLimits()
        self._clients: dict[Path, PluginClient] = {}
        self._asking = asyncio.Semaphore(_ASKED_AT_ONCE)
        self._archives: OrderedDict[tuple[object, ...], asyncio.Task[Archive]] = OrderedDict()
        self._supported: OrderedDict[tuple[object, ...], bool] = OrderedDict()

    def present(self) -> bool:
        """Whether there is any plugin: without one nobody has to be asked."""
        return bool(sockets(self._folder))

    def identity(self, name: str) -> str:
        """Another one after a plugin was started anew."""
        named = socket_at(self._folder, f"{name}.sock") if name else None
        found = ([] if named is None else [named]) if name else sockets(self._folder)
        return repr([(socket.name, socket.born) for socket in found])

    async def supports(self, request: RenderRequest, tree: Tree) -> bool:
        """Whether a plugin that nobody named is meant for the source. Raises RenderError."""
        ask = _ask(request, tree)
        try:
            return await self._discovered(ask) is not None
        except PluginError as error:
            raise self._failed(request, error, ()) from None

    async def render(self, request: RenderRequest, tree: Tree) -> RenderResult:
        """Raises RenderError."""
        ask = _ask(request, tree)
        secrets: list[str] = []
        try:
            client = await self._client(ask)
            given, warnings = await self._credentials(client, request, secrets)
            texts = await client.generate(await self._call(ask, (*ask.options.environment, *given)))
        except DeadlineError as error:
            raise RenderLimitError(str(self._failed(request, error, secrets))) from None
        except PluginError as error:
            raise self._failed(request, error, secrets) from None
        manifests = [one for text in texts for one in await self._manifests(text)]
        # Nobody knows what a plugin reads: all that was sent to it.
        reads = ReadSet(listings=frozenset({ask.options.root}))
        return RenderResult(tuple(manifests), reads, warnings)

    async def announcements(
        self, request: RenderRequest, tree: Tree, environment: Sequence[tuple[str, str]]
    ) -> Sequence[Mapping[str, Any]]:
        """The parameters that a plugin has for the source. Raises RenderError."""
        ask = _ask(request, tree)
        try:
            client = await self._client(ask)
            return await client.announcements(await self._call(ask, environment))
        except PluginError as error:
            raise self._failed(request, error, ()) from None

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
        for task in self._archives.values():
            task.cancel()
        self._archives.clear()

    # -- which plugin -------------------------------------------------------------------------

    async def _client(self, ask: _Ask) -> PluginClient:
        name = ask.options.name
        found = await self._named(ask, name) if name else await self._discovered(ask)
        if found is None and name:
            raise PluginError(
                f'could not find cmp-server plugin with name "{name}" supporting the given '
                "repository"
            )
        if found is None:
            raise PluginError("could not find plugin supporting the given repository")
        return found

    async def _named(self, ask: _Ask, name: str) -> PluginClient | None:
        socket = socket_at(self._folder, f"{name}.sock")
        if socket is None:
            return None
        client = await self._connected(socket)
        try:
            checked = await client.check()
            if not checked.isDiscoveryConfigured or await self._meant(client, ask):
                return client
        except PluginError as error:
            raise PluginError(
                f'could not find cmp-server plugin with name "{name}" supporting the given '
                f"repository: {error}"
            ) from None
        return None

    async def _discovered(self, ask: _Ask) -> PluginClient | None:
        """The first that says that it is meant.

        One that does not answer is not passed over: another tool would make something else of the
        source, and what the plugin made would be pruned.
        """
        for socket in sockets(self._folder):
            client = await self._connected(socket)
            checked = await client.check()
            if checked.isDiscoveryConfigured and await self._meant(client, ask):
                return client
        return None

    async def _meant(self, client: PluginClient, ask: _Ask) -> bool:
        key = (client.socket, *await self._looked_at(ask))
        if key in self._supported:
            self._supported.move_to_end(key)
            return self._supported[key]
        async with self._asking:
            answer = await client.matches(await self._call(ask, ask.options.environment))
        meant = answer.isSupported
        self._supported[key] = meant
        if len(self._supported) > _ANSWERS_KEPT:
            self._supported.popitem(last=False)
        return meant

    async def _looked_at(self, ask: _Ask) -> tuple[object, ...]:
        """What an answer is remembered by: the application's own folder, and what it is called.

        Another commit alone asks nobody, or each would ask for every application.
        """
        path = ask.request.path
        oid = (await asyncio.to_thread(ask.tree.oids, [path]))[path]
        told = [entry for entry in ask.options.environment if not entry[0].startswith(_REVISION)]
        return path, oid, xxh3_128_hexdigest(repr(told).encode())

    async def _connected(self, socket: Socket) -> PluginClient:
        """The connection, a new one where another process has the socket by now."""
        client = self._clients.get(socket.path)
        if client is None or client.socket != socket:
            # Its library is large, and most who could render by plugins have none.
            from tiphys.adapters.plugin.client import PluginClient

            self._clients[socket.path] = PluginClient(socket)
            if client is not None:
                await client.close()
        return self._clients[socket.path]

    # -- what it is sent ----------------------------------------------------------------------

    async def _call(self, ask: _Ask, environment: Sequence[tuple[str, str]]) -> Call:
        from tiphys.adapters.plugin.client import Call

        archive = await self._archive(ask)
        name = PurePosixPath(ask.path).name
        return Call(name, ask.path, environment, archive, ask.left())

    async def _sent(self, ask: _Ask) -> tuple[object, ...]:
        """What tells one archive from another: the folder's content."""
        root = ask.options.root
        oid = (await asyncio.to_thread(ask.tree.oids, [root]))[root]
        return (oid, ask.options.exclude)

    async def _archive(self, ask: _Ask) -> Archive:
        """Applications of one folder share it."""
        key = await self._sent(ask)
        task = self._archives.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            packing = asyncio.to_thread(
                archives.pack, ask.tree, ask.options.root, ask.options.exclude, self._limits
            )
            task = self._archives[key] = asyncio.create_task(packing)
        self._archives.move_to_end(key)
        while len(self._archives) > _ARCHIVES_KEPT:
            self._archives.popitem(last=False)
        return await asyncio.shield(task)

    async def _credentials(
        self, client: PluginClient, request: RenderRequest, secrets: list[str]
    ) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        """Variables that let Git reach the source's repository, where the plugin asks for them."""
        repository = request.repository
        if repository is None or not (await client.check()).provideGitCreds:
            return (), ()
        match repository.credentials:
            case Anonymous():
                return (), ()
            case SshKey():
                return (), ("the plugin gets no SSH key: only https credentials are handed over",)
            case BasicLogin() | BearerLogin() as login:
                pass
            case _:
                if self._logins is None:
                    return (), ("the plugin gets no credentials of this kind",)
                login = await self._logins.login(repository)
        header = _header(login)
        secrets += [header, header.rpartition(" ")[2], _secret(login)]
        url = without_user(repository.url)
        return (
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_CONFIG_COUNT", "2"),
            ("GIT_CONFIG_KEY_0", f"http.{url}.extraHeader"),
            ("GIT_CONFIG_VALUE_0", header),
            # A header would go along to wherever the server leads.
            ("GIT_CONFIG_KEY_1", f"http.{url}.followRedirects"),
            ("GIT_CONFIG_VALUE_1", "false"),
        ), ()

    # -- what comes back ----------------------------------------------------------------------

    async def _manifests(self, text: str) -> list[Manifest]:
        found: list[Manifest] = []
        for document in await self._decode(text.encode()):
            found += _expanded(document)
        return found

    def _failed(
        self, request: RenderRequest, error: PluginError, secrets: Sequence[str]
    ) -> RenderError:
        text = without_secrets(str(error), secrets)
        return RenderError(
            f'CMP processing failed for application "{request.application}": '
            f"error generating manifests in cmp: {text}"
        )


def _ask(request: RenderRequest, tree: Tree) -> _Ask:
    options = request.options
    if not isinstance(options, PluginOptions):
        raise RenderError(f"{request.tool} is no plugin's to render")
    root = options.root
    if root and request.path != root and not request.path.startswith(f"{root}/"):
        options = replace(options, root="")
    return _Ask(request, options, tree, time.monotonic() + request.deadline_seconds)


def _header(login: BasicLogin | BearerLogin) -> str:
    if isinstance(login, BearerLogin):
        return f"Authorization: Bearer {login.token}"
    pair = f"{login.username or _NO_USER}:{login.password}"
    return f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"


def _secret(login: BasicLogin | BearerLogin) -> str:
    return login.token if isinstance(login, BearerLogin) else login.password


def _expanded(document: Any) -> list[Manifest]:
    """Lists are replaced by their items, as with every tool."""
    if not isinstance(document, dict) or not document.get("kind"):
        raise RenderError("the plugin's output holds a document that is no object with a kind")
    items = document.get("items")
    if not isinstance(items, list):
        return [document]
    return [one for item in items for one in _expanded(item)]
