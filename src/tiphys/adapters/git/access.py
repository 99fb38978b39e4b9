"""What one run of Git is given to reach one repository: options, environment, private files.

Nothing confidential is an argument or a value of the environment. What has to be read from a file
(keys, certificates, headers, a proxy's password) lies in a folder that goes with the run.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from tiphys.adapters.git.channel import answering, helper_setting
from tiphys.adapters.git.private import PrivateFolders, write_private
from tiphys.adapters.git.ssh import ssh_environment
from tiphys.adapters.git.transport import remote_options
from tiphys.core.source.url import RepositoryUrl, Transport
from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import (
    Anonymous,
    AzureServicePrincipal,
    AzureWorkloadIdentity,
    BasicLogin,
    BearerLogin,
    Confidential,
    GitHubApp,
    GoogleServiceAccount,
    Repository,
    SshKey,
)

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_NO_USER: Final = "x-access-token"
"""The user that a password without one belongs to."""

Login = Anonymous | BasicLogin | BearerLogin


class Tokens(Protocol):
    """Logins for credentials that have to be exchanged for a token. Raises RepositoryError."""

    async def login(self, repository: Repository) -> BasicLogin | BearerLogin: ...

    def refused(self, repository: Repository) -> None:
        """The server did not take what the login gave: the next one is a new token."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """`inherited` are file descriptors that Git has to keep open. `trace` is where it writes the
    headers of answers, confidential ones left out. `without` are names of the environment that are
    not handed on.
    """

    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    inherited: tuple[int, ...] = ()
    trace: Path | None = None
    logged_in: bool = False

    def answers(self) -> str:
        """The headers of what the server answered, as Git saw them."""
        try:
            return self.trace.read_text("utf-8", "replace") if self.trace else ""
        except OSError:
            return ""


class Accesses:
    """Opens one for a call. `environment` is the process's."""

    def __init__(
        self, private: PrivateFolders, environment: Mapping[str, str], tokens: Tokens | None
    ) -> None:
        self._private = private
        self.environment = environment
        self._tokens = tokens

    @asynccontextmanager
    async def open(
        self, url: RepositoryUrl, repository: Repository, *, unasked: bool = False
    ) -> AsyncIterator[Access]:
        """`unasked`: a password goes along with the first request, which is then the only one."""
        options = await remote_options(url)
        if url.transport is Transport.FILE:
            yield Access(tuple(options))
            return
        login = await self.login(url, repository)
        _check(url, login)
        if unasked and isinstance(login, BasicLogin):
            login = replace(login, force_header=True)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(self._private.folder())
            made = await asyncio.to_thread(self._written, url, repository, login, folder)
            if isinstance(login, BasicLogin) and not login.force_header:
                descriptor = await stack.enter_async_context(answering(url, login))
                setting = ("-c", helper_setting(descriptor))
                made = replace(made, options=setting, inherited=(descriptor,))
            sent = not isinstance(login, Anonymous) or isinstance(repository.credentials, SshKey)
            yield replace(made, options=(*options, *made.options), logged_in=sent)

    def refused(self, repository: Repository) -> None:
        if self._tokens is not None:
            self._tokens.refused(repository)

    def _written(
        self, url: RepositoryUrl, repository: Repository, login: Login, folder: Path
    ) -> Access:
        if url.transport is Transport.SSH:
            return Access(environment=ssh_environment(url, repository, folder, self.environment))
        return _http(url, repository, login, folder)

    async def login(self, url: RepositoryUrl, repository: Repository) -> Login:
        """What is sent: whatever SSH does not take is not sent to it, and the other way round."""
        if url.transport is Transport.SSH:
            return Anonymous()
        match repository.credentials:
            case BasicLogin(username, password, force) if password:
                return BasicLogin(username or _NO_USER, password, force)
            case BearerLogin() as bearer:
                return bearer
            case (
                GitHubApp()
                | GoogleServiceAccount()
                | AzureWorkloadIdentity()
                | AzureServicePrincipal()
            ):
                if self._tokens is None:
                    raise UnsupportedRepositoryError(
                        f"repository '{url.text}': nothing here exchanges its credentials for a "
                        "token",
                        url=url.text,
                    )
                return await self._tokens.login(repository)
            case _ if url.password:
                return BasicLogin(url.user or _NO_USER, url.password)
            case _:
                return Anonymous()


def _check(url: RepositoryUrl, login: Login) -> None:
    """An end of line would begin another answer, or another header."""
    texts: tuple[str, ...]
    match login:
        case BasicLogin(username, password, _):
            texts = (username, password)
        case BearerLogin(token):
            texts = (token,)
        case Anonymous():
            texts = ()
    if any(character in text for text in texts for character in "\r\n\0"):
        raise UnsupportedRepositoryError(
            f"repository '{url.text}': its user, password or token holds an end of line",
            url=url.text,
        )


def _http(url: RepositoryUrl, repository: Repository, login: Login, folder: Path) -> Access:
    settings = [*_trust(repository, login, folder), *_header(login)]
    environment = {
        "GIT_TRACE_CURL": str(folder / "trace"),
        "GIT_TRACE_CURL_NO_DATA": "1",
    }
    without: frozenset[str] = frozenset()
    if repository.proxy.url:
        settings.append(("proxy", repository.proxy.url))
        without = frozenset(_PROXIES)
    if repository.proxy.url or repository.proxy.exceptions:
        without |= {"NO_PROXY"}
        environment["NO_PROXY"] = repository.proxy.exceptions
    place = url.text.partition("://")[2].partition("/")[0]
    lines = [f"[http {_quoted(f'{url.transport}://{place}/')}]"]
    lines += [f"\t{name} = {_quoted(value)}" for name, value in settings]
    path = write_private(folder / "config", "\n".join(lines))
    environment["GIT_CONFIG_GLOBAL"] = str(path)
    return Access(environment=environment, without=without, trace=folder / "trace")


def _trust(repository: Repository, login: Login, folder: Path) -> list[tuple[str, str]]:
    settings = []
    if repository.trust.insecure:
        settings.append(("sslVerify", "false"))
    if repository.trust.certificates:
        path = write_private(folder / "authorities.pem", repository.trust.certificates)
        # A folder of its own, for they take the place of the system's, which would be added.
        (folder / "none").mkdir(mode=0o700)
        settings += [("sslCAInfo", str(path)), ("sslCAPath", str(folder / "none"))]
    # As the contract has it: a certificate goes along with a login, and is not one itself.
    certificate = repository.client_certificate
    if certificate is not None and not isinstance(login, Anonymous):
        path = write_private(folder / "client.pem", certificate.certificate)
        key = write_private(folder / "client.key", certificate.key)
        settings += [("sslCert", str(path)), ("sslKey", str(key))]
    return settings


def _header(login: Login) -> list[tuple[str, Confidential]]:
    match login:
        case BearerLogin(token):
            return [("extraHeader", Confidential(f"Authorization: Bearer {token}"))]
        case BasicLogin(username, password, True):
            pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
            return [("extraHeader", Confidential(f"Authorization: Basic {pair}"))]
        case _:
            return []


def _quoted(value: str) -> str:
    """A value of Git's configuration. It may hold no end of line, which would begin a setting."""
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    if any(character in text for character in "\r\n\0"):
        raise UnsupportedRepositoryError("a setting of the repository holds an end of line")
    return f'"{text}"'
