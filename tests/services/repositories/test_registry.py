"""Repositories kept up to date by watches: who hears of what, and that nobody sees a half."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.core.repositories.secrets import secret, template
from tests.fakes.kube import CONFIG_MAPS, SECRETS
from tiphys.model.errors import RepositoryError
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.repository import BasicLogin, Confidential
from tiphys.services.repositories.ports import Repositories
from tiphys.services.repositories.registry import Concerns, KnownRepositories

URL = "https://git.example.com/org/apps.git"
OTHER = "https://elsewhere/x.git"


def listed(*items: dict[str, Any]) -> ObjectList:
    return ObjectList(items, "1")


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "data": {key.replace("_", "."): text for key, text in data.items()},
    }


def modified(manifest: dict[str, Any]) -> WatchEvent:
    return WatchEvent(WatchVerb.MODIFIED, manifest)


class Heard:
    """What a controller would look at again."""

    def __init__(self, repositories: KnownRepositories) -> None:
        self.concerns: list[Concerns] = []
        repositories.listener = self.concerns.append

    def urls(self) -> list[str]:
        told = self.concerns.pop()
        assert not self.concerns
        return [url for url in (URL, OTHER) if told(url, "default")]


def test_it_is_the_port() -> None:
    port: Repositories = KnownRepositories()
    assert port.find(URL, "default").url == URL
    assert port.usable("default") == ()
    assert port.templates() == ()


def test_secrets_come_and_go() -> None:
    repositories = KnownRepositories()
    heard = Heard(repositories)
    assert not repositories.listed
    first = secret("a", url=URL, password="p")
    repositories.replaced(SECRETS, listed(first, secret("x", kind="cluster")))
    assert repositories.listed
    assert heard.urls() == [URL]
    assert repositories.find(URL, "default").credentials == BasicLogin(
        "x-access-token", Confidential("p")
    )
    repositories.changed(SECRETS, modified(first))
    repositories.replaced(SECRETS, listed(first))
    assert heard.concerns == []
    repositories.changed(SECRETS, modified(template("t", url="https://elsewhere", password="q")))
    assert heard.urls() == [OTHER]
    assert len(repositories.templates()) == 1
    repositories.changed(SECRETS, WatchEvent(WatchVerb.DELETED, first))
    assert heard.urls() == [URL]
    repositories.replaced(SECRETS, listed())
    assert heard.urls() == [OTHER]
    repositories.fares(SECRETS, WatchState.FAILING)
    assert repositories.usable("default") == ()


def test_what_opens_nothing_otherwise_concerns_nobody() -> None:
    repositories = KnownRepositories()
    repositories.replaced(SECRETS, listed(secret("a", url=URL, password="p")))
    heard = Heard(repositories)
    repositories.changed(SECRETS, modified(template("t", url="https://git", password="q")))
    assert heard.urls() == []


def test_a_secret_that_changes_its_type_is_gone() -> None:
    repositories = KnownRepositories()
    repositories.replaced(SECRETS, listed(secret("a", url=URL, password="p")))
    repositories.changed(SECRETS, modified(secret("a", kind="cluster", url=URL)))
    assert repositories.known.secrets == {}


def test_a_broken_secret_is_said_once_without_its_value() -> None:
    repositories = KnownRepositories()
    broken = secret("bad", url=URL, insecure="s3cret")
    with capture_logs() as said:
        repositories.replaced(SECRETS, listed(broken))
        repositories.replaced(SECRETS, listed(broken, secret("a", url=OTHER, name="a")))
        repositories.changed(SECRETS, modified(broken))
    assert [one["problem"] for one in said] == ["Secret bad: key insecure is not a boolean"]
    with pytest.raises(RepositoryError, match="Secret bad: key insecure"):
        repositories.find(URL, "default")
    assert repositories.find(OTHER, "default").name == "a"


def test_trust_comes_from_config_maps() -> None:
    repositories = KnownRepositories()
    heard = Heard(repositories)
    maps = repositories.config_maps
    maps.replaced(CONFIG_MAPS, listed(config_map("argocd-cm", elsewhere="x")))
    assert heard.concerns == []
    certificates = config_map("argocd-tls-certs-cm", elsewhere="PEM")
    maps.changed(CONFIG_MAPS, modified(certificates))
    assert heard.urls() == [OTHER]
    assert repositories.find(OTHER, "").trust.certificates == "PEM"
    hosts = config_map("argocd-ssh-known-hosts-cm")
    hosts["data"] = {"ssh_known_hosts": "h ssh-ed25519 AAAA"}
    maps.changed(CONFIG_MAPS, modified(hosts))
    assert heard.urls() == []
    assert repositories.find("git@h:x", "").trust.known_hosts == "h ssh-ed25519 AAAA"
    maps.fares(CONFIG_MAPS, WatchState.FAILING)
    maps.changed(CONFIG_MAPS, WatchEvent(WatchVerb.DELETED, certificates))
    assert heard.urls() == [OTHER]
    maps.replaced(CONFIG_MAPS, listed())
    assert repositories.find("git@h:x", "").trust.known_hosts == ""


def test_keys_of_signatures_come_from_a_config_map() -> None:
    repositories = KnownRepositories()
    heard: list[tuple[str, ...]] = []
    repositories.keys_listener = lambda: heard.append(repositories.keyring())
    maps = repositories.config_maps
    maps.replaced(CONFIG_MAPS, listed(config_map("argocd-gpg-keys-cm", B="two", A="one")))
    maps.changed(CONFIG_MAPS, modified(config_map("argocd-gpg-keys-cm", A="one", B="two")))
    assert heard == [("one", "two")]
    maps.replaced(CONFIG_MAPS, listed())
    assert heard[1:] == [()]


def test_whoever_asks_meanwhile_sees_one_moment() -> None:
    """Password and certificates of one URL always come from one state of its Secret."""
    repositories = KnownRepositories()
    bystanders = [secret(f"s{n}", url=f"https://h/{n}", name=str(n)) for n in range(50)]
    torn: list[object] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            found = repositories.find(URL, "team")
            login = found.credentials
            if isinstance(login, BasicLogin) and login.username != login.password:
                torn.append(found)
            if len(repositories.usable("team")) < 50:
                torn.append("bystanders")

    repositories.replaced(SECRETS, listed(*bystanders))
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for turn in range(300):
        text = str(turn)
        changed = secret("a", url=URL, username=text, password=text, project="team")
        repositories.changed(SECRETS, modified(changed))
        if turn % 10 == 0:
            repositories.changed(SECRETS, WatchEvent(WatchVerb.DELETED, changed))
    done.set()
    for asker in askers:
        asker.join()
    assert torn == []
    assert repositories.find(URL, "team").credentials == BasicLogin("299", Confidential("299"))
