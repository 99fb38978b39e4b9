"""What opens a repository, against real servers: over https with every kind of login, over ssh."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from tests.fixtures.authority import Authority
from tests.fixtures.gitfront import GitFront, basic
from tests.fixtures.gitrepo import GitRepo
from tests.fixtures.gitssh import GitSsh
from tests.fixtures.proxies import SocksProxy
from tiphys.adapters.git.channel import answer_to
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.pace import Pace
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.gitserver.server import GitServer
from tiphys.core.source.url import parse_repository_url
from tiphys.model.errors import (
    RepositoryError,
    RepositoryUnreachableError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import (
    Anonymous,
    BasicLogin,
    BearerLogin,
    ClientCertificate,
    Confidential,
    Credentials,
    GitHubApp,
    Proxy,
    Repository,
    SshKey,
    Trust,
)

TELLING = """#!/bin/sh
file=${GIT_TRACE_CURL:-$(echo "$GIT_SSH_COMMAND" | sed 's/.*UserKnownHostsFile=//; s/ .*//')}
{ echo "$@"; env; find "$(dirname "$file")" -ls; } > "{seen}"
"""
PASSWORD = Confidential("s3cret \"'$(id)\\ü")
ADA = BasicLogin("ada", PASSWORD)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def front(server: GitServer, authority: Authority, tmp_path: Path) -> AsyncIterator[GitFront]:
    front = GitFront(server, authority.server_context(tmp_path / "tls"))
    await front.start()
    yield front
    await front.stop()


@pytest.fixture
async def ssh(repo: GitRepo) -> AsyncIterator[GitSsh]:
    ssh = GitSsh(repo.path.parent)
    await ssh.start()
    yield ssh
    await ssh.stop()


def at(front: GitFront, authority: Authority, credentials: Credentials | None = None) -> Repository:
    repository = Repository(f"{front.url}/web", trust=Trust(certificates=authority.pem))
    return repository if credentials is None else replace(repository, credentials=credentials)


def over(ssh: GitSsh, **changes: object) -> Repository:
    repository = Repository(
        ssh.url("web"),
        credentials=SshKey(Confidential(ssh.client_key)),
        trust=Trust(known_hosts=ssh.known_hosts()),
    )
    return replace(repository, **changes)  # type: ignore[arg-type]


async def refusal(git: GitCli, repository: Repository) -> RepositoryError:
    """Of a listing, and of a fetch, whose reason is the same."""
    with pytest.raises(RepositoryError) as listing:
        await git.refs(repository)
    with pytest.raises(RepositoryError) as fetching:
        await git.tree(repository, "0" * 40)
    start, end = "failed to list refs: ", f"Failed to checkout revision {'0' * 40}: "
    told = str(listing.value).replace(start, end)
    asked = "authentication required: no credentials"
    refused = f'failed to authenticate to git repository "{fetching.value.url}": no credentials'
    assert str(fetching.value) == told.replace(asked, refused)
    assert type(fetching.value) is type(listing.value)
    for secret in (PASSWORD, "s3cret", "/shm", "tiphys-"):
        assert secret not in str(listing.value)
    return listing.value


@pytest.mark.parametrize(
    ("credentials", "wanted"),
    [
        (ADA, basic("ada", PASSWORD)),
        (replace(ADA, username=""), basic("x-access-token", PASSWORD)),
        (replace(ADA, force_header=True), basic("ada", PASSWORD)),
        (BearerLogin(Confidential("a.b-c")), "Bearer a.b-c"),
    ],
)
async def test_every_login_opens_it(
    git: GitCli, repo: GitRepo, front: GitFront, authority: Authority,
    credentials: Credentials, wanted: str,
) -> None:  # fmt: skip
    commit = repo.commit({"a": "1"})
    front.wanted = wanted
    repository = at(front, authority, credentials)
    assert (await git.refs(repository))["HEAD"] == commit
    assert (await git.tree(repository, commit)).commit == commit


class Exchange:
    """Hands out another token each time, as long as nobody refuses the one before."""

    def __init__(self) -> None:
        self.number = 1
        self.asked = 0

    async def login(self, repository: Repository) -> BasicLogin:
        self.asked += 1
        assert isinstance(repository.credentials, GitHubApp)
        return BasicLogin("x-access-token", Confidential(f"token-{self.number}"))

    def refused(self, repository: Repository) -> None:
        self.number += 1


async def test_credentials_that_are_exchanged_for_a_token(
    repo: GitRepo, front: GitFront, authority: Authority, tmp_path: Path, settings: GitSettings
) -> None:
    commit = repo.commit({"a": "1"})
    exchange = Exchange()
    git = GitCli(tmp_path / "kept", settings, tokens=exchange)
    known = at(front, authority, GitHubApp(1, Confidential("key")))
    front.wanted = basic("x-access-token", "token-2")
    with pytest.raises(RepositoryError, match="does not take the credentials"):
        await git.refs(known)
    assert (await git.refs(known))["HEAD"] == commit
    assert exchange.asked == 2
    with pytest.raises(UnsupportedRepositoryError, match="nothing here exchanges"):
        await GitCli(tmp_path / "other", settings).refs(known)


async def test_a_listing_is_one_request_and_a_fetch_says_a_password_when_asked(
    git: GitCli, repo: GitRepo, front: GitFront, authority: Authority
) -> None:
    commit = repo.commit({"a": "1"})
    front.wanted = basic("ada", PASSWORD)
    await git.refs(at(front, authority, ADA))
    assert front.logins == [front.wanted] * 2
    assert front.requests == {"refs": 1, "git-upload-pack": 1}
    front.logins.clear()
    await git.tree(at(front, authority, ADA), commit)
    assert front.logins[0] == ""
    assert set(front.logins[1:]) == {front.wanted}
    front.logins.clear()
    await git.tree(at(front, authority, replace(ADA, force_header=True)), repo.commit({"a": "2"}))
    assert set(front.logins) == {front.wanted}


async def test_a_user_alone_is_not_sent(
    git: GitCli, repo: GitRepo, front: GitFront, authority: Authority
) -> None:
    front.wanted = basic("ada", "")
    said = await refusal(git, at(front, authority, BasicLogin("ada", Confidential(""))))
    assert "no credentials matched this URL: add the repository" in str(said)
    assert set(front.logins) == {""}


async def test_user_information_of_the_url(
    git: GitCli, repo: GitRepo, front: GitFront, authority: Authority, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    front.wanted = basic("ada", "s3cret")
    url = f"{front.url}/web".replace("://", "://ada:s3cret@")
    repository = replace(at(front, authority), url=url)
    assert (await git.tree(repository, commit)).commit == commit
    front.wanted = basic("ada", "another")
    with pytest.raises(RepositoryError) as caught:
        await git.refs(repository)
    assert "s3cret" not in str(caught.value) + caught.value.url
    kept = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert [path for path in kept if b"s3cret" in path.read_bytes()] == []


async def test_a_client_certificate_goes_along(
    git: GitCli, repo: GitRepo, server: GitServer, authority: Authority, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    front = GitFront(server, authority.server_context(tmp_path / "tls", asks_clients=True))
    await front.start()
    try:
        issued = authority.issue("tiphys", client=True)
        certificate = ClientCertificate(issued.certificate, Confidential(issued.key))
        repository = replace(at(front, authority, ADA), client_certificate=certificate)
        assert (await git.refs(repository))["HEAD"] == commit
        without = replace(repository, client_certificate=None)
        # As the contract has it, a certificate alone is not sent.
        alone = replace(repository, credentials=Anonymous())
        for each in (without, alone):
            assert "TLS: the server ended the TLS connection" in str(await refusal(git, each))
        said = await refusal(git, without)
        assert "TLS: the server ended the TLS connection, as one does that asks" in str(said)
    finally:
        await front.stop()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (403, "authorization failed: the server forbids it (HTTP 403)"),
        (301, "redirect: the server leads elsewhere (HTTP 301), which is not followed: use"),
        (500, "server: it answered HTTP 500"),
    ],
)
async def test_what_a_server_answers(
    git: GitCli, front: GitFront, authority: Authority, answer: int, reason: str
) -> None:
    front.answers = [(answer, {"Location": "http://169.254.169.254/"})] * 2
    assert f"failed to list refs: {reason}" in str(await refusal(git, at(front, authority)))
    assert front.requests == {"refs": 2}


@pytest.mark.parametrize(
    "credentials", [ADA, replace(ADA, force_header=True), BearerLogin(PASSWORD)]
)
async def test_a_wrong_password(
    git: GitCli, front: GitFront, authority: Authority, credentials: Credentials
) -> None:
    front.wanted = basic("ada", "other")
    said = await refusal(git, at(front, authority, credentials))
    assert str(said) == (
        "failed to list refs: authentication required: the server does not take the credentials "
        "of this repository: correct them (repo add --upsert)"
    )
    assert not isinstance(said, RepositoryUnreachableError)


@pytest.mark.parametrize(
    ("days", "host", "known", "reason"),
    [
        (-1, "127.0.0.1", True, "certificate of 127.0.0.1 has expired: renew it on the server"),
        (1, "127.0.0.1", False,
         "certificate of 127.0.0.1 is of an unknown authority: add that (cert add-tls 127.0.0.1)"),
        (1, "localhost", True, "does not match target host name 'localhost'"),
    ],
)  # fmt: skip
async def test_a_certificate_that_is_not_trusted(
    git: GitCli, server: GitServer, authority: Authority, tmp_path: Path,
    days: float, host: str, known: bool, reason: str,
) -> None:  # fmt: skip
    issued = authority.issue("git.example.com", days=days)
    front = GitFront(server, authority.server_context(tmp_path / "tls", issued))
    front.host = host
    await front.start()
    try:
        trust = Trust(certificates=authority.pem if known else Authority().pem)
        repository = replace(at(front, authority, ADA), trust=trust)
        said = str(await refusal(git, repository))
        assert said.startswith("failed to list refs: TLS: ")
        assert reason in said or "is not for localhost" in said
    finally:
        await front.stop()


async def test_certificates_take_the_place_of_the_system_s(
    repo: GitRepo, front: GitFront, authority: Authority, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    system = tmp_path / "system.pem"
    system.write_text(authority.pem)
    environment = {**os.environ, "SSL_CERT_FILE": str(system), "SSL_CERT_DIR": str(tmp_path)}
    git = GitCli(tmp_path / "kept", GitSettings(environment=environment))
    assert (await git.refs(at(front, authority)))["HEAD"] == commit
    other = replace(at(front, authority), trust=Trust(certificates=Authority().pem))
    assert "TLS: the certificate of 127.0.0.1" in str(await refusal(git, other))


async def test_insecure_believes_every_certificate(
    git: GitCli, repo: GitRepo, front: GitFront
) -> None:
    commit = repo.commit({"a": "1"})
    repository = Repository(f"{front.url}/web", trust=Trust(insecure=True))
    assert (await git.refs(repository))["HEAD"] == commit


async def test_an_unknown_host(git: GitCli) -> None:
    for url in ("https://nowhere.invalid/web", "git@nowhere.invalid:web"):
        said = await refusal(git, Repository(url))
        assert "failed to list refs: name resolution: no address is known for nowhere.inv" in str(
            said
        )
        assert isinstance(said, RepositoryUnreachableError)


async def test_ssh_in_both_forms(git: GitCli, repo: GitRepo, ssh: GitSsh) -> None:
    commit = repo.commit({"a": "1"})
    assert (await git.refs(over(ssh)))["HEAD"] == commit
    assert (await git.tree(over(ssh), commit)).commit == commit
    without = over(ssh, url=ssh.url("web").replace("git@", ""))
    assert (await git.refs(without))["HEAD"] == commit
    assert set(ssh.users) == {"git"}
    assert set(ssh.commands) == {"git-upload-pack '/web'"}


async def test_a_host_key_that_is_not_known(git: GitCli, repo: GitRepo, ssh: GitSsh) -> None:
    repo.commit({"a": "1"})
    said = str(await refusal(git, over(ssh, trust=Trust())))
    assert f"SSH host key: no ED25519 key of [127.0.0.1]:{ssh.port} is known: add it (cert" in said
    assert ssh.commands == []
    await git.refs(over(ssh, trust=Trust(insecure=True)))
    assert len(ssh.commands) == 1


async def test_a_host_key_that_changed(git: GitCli, repo: GitRepo, ssh: GitSsh) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    trust = Trust(known_hosts=ssh.known_hosts(other))
    said = str(await refusal(git, over(ssh, trust=trust)))
    assert f"SSH host key: that of [127.0.0.1]:{ssh.port} is not the known one" in said
    assert ssh.commands == []


async def test_a_host_key_that_is_revoked(git: GitCli, repo: GitRepo, ssh: GitSsh) -> None:
    trust = Trust(known_hosts=f"@revoked {ssh.known_hosts()}")
    assert "SSH host key: the server's is revoked" in str(
        await refusal(git, over(ssh, trust=trust))
    )
    assert ssh.commands == []


async def test_a_key_that_opens_nothing(git: GitCli, ssh: GitSsh) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    said = await refusal(git, over(ssh, credentials=SshKey(Confidential(other))))
    assert "authentication required: the server does not take the credentials" in str(said)
    said = await refusal(git, over(ssh, credentials=SshKey(Confidential("no key"))))
    assert "SSH key: the private key cannot be read" in str(said)


async def test_an_ssh_url_without_a_key(
    repo: GitRepo, ssh: GitSsh, tmp_path: Path, settings: GitSettings
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"}
    git = GitCli(tmp_path / "kept", GitSettings(environment=environment))
    said = await refusal(git, replace(over(ssh), credentials=Repository("").credentials))
    assert "authentication required: no credentials matched this URL" in str(said)


async def test_the_process_s_agent_opens_it_where_there_is_no_key(
    repo: GitRepo, ssh: GitSsh, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    socket = tmp_path / "agent"
    agent = await asyncio.create_subprocess_exec("ssh-agent", "-D", "-a", str(socket), stdout=-3)
    try:
        while not socket.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        key = tmp_path / "key"
        key.write_text(ssh.client_key)
        key.chmod(0o600)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        add = await asyncio.create_subprocess_exec(
            "ssh-add", "-q", str(key), env=environment, stderr=-3
        )
        assert await add.wait() == 0
        git = GitCli(tmp_path / "kept", GitSettings(environment=environment))
        repository = replace(over(ssh), credentials=Repository("").credentials)
        assert (await git.refs(repository))["HEAD"] == commit
    finally:
        agent.terminate()
        await agent.wait()


@pytest.mark.parametrize("login", ["", "ada:s3cret@"])
@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_a_proxy_of_its_own(
    git: GitCli, repo: GitRepo, ssh: GitSsh, front: GitFront, authority: Authority,
    scheme: str, login: str,
) -> None:  # fmt: skip
    commit = repo.commit({"a": "1"})
    async with SocksProxy(login.rstrip("@")) as proxy:
        used = Proxy(f"{scheme}://{login}127.0.0.1:{proxy.port}")
        assert (await git.refs(over(ssh, proxy=used)))["HEAD"] == commit
        assert (await git.refs(replace(at(front, authority), proxy=used)))["HEAD"] == commit
        assert set(proxy.connected) == {("127.0.0.1", each) for each in (ssh.port, front.port)}


async def test_a_proxy_s_exceptions_and_the_environment_s_proxy(
    repo: GitRepo, front: GitFront, authority: Authority, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    environment = {**os.environ, "https_proxy": "http://127.0.0.1:1"}
    git = GitCli(tmp_path / "kept", GitSettings(environment=environment))
    there = at(front, authority)
    assert "connection: Failed to connect to 127.0.0.1 port 1" in str(await refusal(git, there))
    for proxy in (
        Proxy("http://127.0.0.1:1", "127.0.0.1"),
        Proxy("", "127.0.0.1"),
    ):
        assert (await git.refs(replace(there, proxy=proxy)))["HEAD"] == commit


async def test_a_proxy_that_refuses(git: GitCli, ssh: GitSsh) -> None:
    async with SocksProxy("ada:other") as proxy:
        used = Proxy(f"socks5://ada:s3cret@127.0.0.1:{proxy.port}")
        said = str(await refusal(git, over(ssh, proxy=used)))
    assert "connection: proxy 127.0.0.1 port" in said
    assert "authentication failed: it refuses the user and password" in said
    with pytest.raises(UnsupportedRepositoryError, match="has to be socks5://host:port"):
        await git.refs(over(ssh, proxy=Proxy("ftp://h")))


@pytest.mark.parametrize("credentials", [
    BasicLogin("ada\nhost=evil", PASSWORD),
    BasicLogin("ada", Confidential("a\nb"), True),
    BearerLogin(Confidential("a\r\nHost: evil")),
])  # fmt: skip
async def test_a_login_with_an_end_of_line_is_sent_nowhere(
    git: GitCli, front: GitFront, authority: Authority, credentials: Credentials
) -> None:
    with pytest.raises(UnsupportedRepositoryError, match="holds an end of line"):
        await git.refs(at(front, authority, credentials))
    assert not front.requests


async def test_another_host_is_told_nothing() -> None:
    url = parse_repository_url("https://git.example.com:8443/r")
    known = BasicLogin("ada", PASSWORD)
    same = b"protocol=https\nhost=git.example.com:8443\n\n"
    assert answer_to(same, url, known) == f"username=ada\npassword={PASSWORD!s}\n".encode()
    for other in (
        b"protocol=https\nhost=git.example.com\n",
        b"protocol=http\nhost=git.example.com:8443\n",
        b"protocol=https\nhost=evil.example.com:8443\n",
        b"protocol=cert\nhost=git.example.com:8443\n",
        b"\xff",
        b"",
    ):
        assert answer_to(other, url, known) == b"\n"


@pytest.mark.parametrize("form", ["https", "ssh"])
async def test_nothing_confidential_is_an_argument_or_in_the_environment(
    ssh: GitSsh, front: GitFront, authority: Authority, tmp_path: Path, form: str
) -> None:
    program, seen = tmp_path / "stand-in", tmp_path / "seen"
    program.write_text(TELLING.replace("{seen}", str(seen)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"]}
    git = GitCli(tmp_path / "kept", GitSettings(program=str(program), environment=environment))
    issued = authority.issue("tiphys", client=True)
    certificate = ClientCertificate(issued.certificate, Confidential(issued.key))
    proxy = Proxy(f"{'http' if form == 'https' else 'socks5'}://ada:s3cret@127.0.0.1:1")
    if form == "https":
        secret = Confidential("s3cret")
        repository = replace(
            at(front, authority, BasicLogin("ada", secret, True)), client_certificate=certificate
        )
    else:
        repository = over(ssh)
    await git.refs(replace(repository, proxy=proxy))
    text = seen.read_text()
    for secret_text in ("s3cret", basic("ada", "s3cret")[6:], "PRIVATE KEY"):
        assert secret_text not in text
    files = [line.split() for line in text.splitlines() if re.search(r"^ *\d+ .*/tiphys-", line)]
    assert len(files) > 2
    assert {words[2][4:] for words in files} == {"------"}
    assert [path for words in files if (path := Path(words[-1])).exists()] == []


def test_settings_of_the_environment() -> None:
    usual = GitSettings(listings_at_once=7)
    names = ("ATTEMPTS_COUNT", "RETRY_FACTOR", "LS_REMOTE_PARALLELISM_LIMIT")
    for text in ("", "0", "many", "-3", "99999999"):
        given = {f"ARGOCD_GIT_{name}": text for name in names[:1] + names[2:]}
        assert GitSettings.of_environment(given, usual) == replace(usual, environment=given)
    given = {
        "ARGOCD_GIT_ATTEMPTS_COUNT": "3",
        "ARGOCD_GIT_RETRY_DURATION": "1s",
        "ARGOCD_GIT_RETRY_FACTOR": "3",
        "ARGOCD_GIT_RETRY_MAX_DURATION": "1m",
        "ARGOCD_GIT_REQUEST_TIMEOUT": "5s",
        "ARGOCD_EXEC_TIMEOUT": "2m",
        "ARGOCD_GIT_LS_REMOTE_PARALLELISM_LIMIT": "4",
        "ARGOCD_GIT_MODULES_ENABLED": "false",
    }
    assert GitSettings.of_environment(given) == GitSettings(
        environment=given,
        attempts=3,
        retry_wait=1.0,
        retry_factor=3.0,
        retry_longest=60.0,
        list_timeout=5.0,
        fetch_timeout=120.0,
        listings_at_once=4,
        submodules=False,
    )


async def test_retries_wait_longer_each_time(
    repo: GitRepo, front: GitFront, authority: Authority, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    given = {"ARGOCD_GIT_ATTEMPTS_COUNT": "5", "ARGOCD_GIT_RETRY_MAX_DURATION": "800ms"}
    settings = GitSettings.of_environment({**os.environ, **given})
    git = GitCli(tmp_path / "kept", settings, pace=Pace(settings, sleep=sleep))
    front.answers = [(500, {}), (429, {}), (503, {}), (502, {})]
    assert (await git.refs(at(front, authority)))["HEAD"] == commit
    assert waits == [0.25, 0.5, 0.8, 0.8]
    front.answers = [(404, {}), (500, {})]
    with pytest.raises(RepositoryError, match="repository not found"):
        await git.refs(at(front, authority))
    front.answers.clear()
    front.wanted = "x"
    with pytest.raises(RepositoryError, match="failed to authenticate to git repository"):
        await git.tree(at(front, authority), "0" * 40)
    assert len(waits) == 4


async def test_a_server_that_asks_for_rest_is_left_alone(
    repo: GitRepo, front: GitFront, authority: Authority, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    now = 1000.0
    settings = GitSettings(environment=os.environ, attempts=3)
    git = GitCli(tmp_path / "kept", settings, pace=Pace(settings, clock=lambda: now))
    front.answers = [(429, {"Retry-After": "30"})]
    said = await refusal(git, at(front, authority))
    assert "rate limit: the server wants fewer requests (HTTP 429), and is left alone" in str(said)
    assert isinstance(said, RepositoryUnreachableError)
    assert front.requests == {"refs": 1}
    # Those who log in are counted apart, and so are asked.
    assert (await git.refs(at(front, authority, ADA)))["HEAD"] == commit
    now += 31
    assert (await git.refs(at(front, authority)))["HEAD"] == commit


async def test_what_is_tenants_own_is_kept_apart(
    git: GitCli, repo: GitRepo, front: GitFront, authority: Authority
) -> None:
    commit = repo.commit({"a": "1"})
    front.wanted = basic("ada", PASSWORD)
    theirs = replace(at(front, authority, ADA), project="theirs")
    await git.tree(theirs, commit)
    for other in (
        at(front, authority),
        replace(at(front, authority), project="theirs"),
        replace(at(front, authority, replace(ADA, username="eve")), project="ours"),
    ):
        with pytest.raises(RepositoryError, match=r"authenticat(e to git|ion required)"):
            await git.tree(other, commit)
    requests = sum(front.requests.values())
    await git.tree(replace(theirs, credentials=replace(ADA, username="new")), commit)
    assert sum(front.requests.values()) == requests
