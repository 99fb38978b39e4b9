"""Credentials of repositories: said by accident, or torn by changes that come at once.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.core.repositories.secrets import secret, template
from tests.fakes.kube import SECRETS
from tiphys.core.repositories import record as records
from tiphys.core.repositories import secret as secrets
from tiphys.core.repositories.known import Known
from tiphys.core.repositories.record import KEYS, Form
from tiphys.model.errors import RepositoryError, SettingsError
from tiphys.model.live import ObjectList, WatchEvent, WatchVerb
from tiphys.model.repository import BasicLogin, Confidential
from tiphys.services.repositories.registry import KnownRepositories

URL = "https://git.example.com/org/apps.git"
PLANTED = "pl4nted"
VALUES = {Form.TEXT: "text", Form.SECRET: PLANTED, Form.BOOL: "true", Form.NUMBER: "7"}


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Threads take turns as often as they can, so that a torn value is seen."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def said() -> str:
    """What a process could write of repositories, whole and broken, by accident."""
    whole = {key.name: VALUES[key.form] for key in KEYS} | {"type": "git"}
    repositories = KnownRepositories()
    listed = (
        secret("a", url=URL, **whole),
        secret("b", url=f"https://me:{PLANTED}@h/x"),
        secret("c", url="https://broken/x", insecure=PLANTED),
        template("d", url="https://git", **whole),
    )
    texts: list[object] = []
    with capture_logs() as logged:
        repositories.replaced(SECRETS, ObjectList(listed, "1"))
    texts += [logged, repositories.known, repositories.templates(), repositories.usable("text")]
    for url in (URL, f"https://me:{PLANTED}@h/x", "https://broken/x", "https://git/other"):
        try:
            texts.append(repositories.find(url, "text"))
        except RepositoryError as error:
            texts += [error, str(error), error.url]
    return repr(texts)


def test_secrets_leaking_out_cve_2023_25163(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PLANTED not in said()
    for place in (records, secrets):
        monkeypatch.setattr(place, "Confidential", str, raising=False)
    monkeypatch.setattr(secrets, "shielded", str)
    assert PLANTED in said()


def test_secrets_leaking_out_cve_2023_25163_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PLANTED not in said()

    def talkative(self: Any, key: str, problem: str) -> Exception:
        return SettingsError(f"{key} {problem}: {self.text(key)}", key=key)

    monkeypatch.setattr(secrets._Data, "_error", talkative)
    assert PLANTED in said()


class InPlace(KnownRepositories):
    """What this is not: one object that changes while others read it."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: dict[str, Any] = {}

    def changed(self, resource: Any, event: WatchEvent) -> None:
        super().changed(resource, event)
        read = self.known.secrets["a"]
        for part in ("username", "password"):
            # What a reader holds changes under its hands, part by part.
            held = self._secrets.setdefault("a", read)
            object.__setattr__(held.record, part, getattr(read.record, part))
            time.sleep(0.002)

    def find(self, url: str, project: str) -> Any:
        held = self._secrets.get("a")
        if held is None:
            return super().find(url, project)
        return Known({"a": held}).find(url, project)


def torn(repositories: KnownRepositories, changes: int) -> int:
    """How often somebody saw the user of one state and the password of another."""
    seen = 0
    done = threading.Event()

    def ask() -> None:
        nonlocal seen
        while not done.is_set():
            login = repositories.find(URL, "").credentials
            if isinstance(login, BasicLogin) and login.username != login.password:
                seen += 1

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for turn in range(changes):
        text = str(turn)
        changed = secret("a", url=URL, username=text, password=text)
        repositories.changed(SECRETS, WatchEvent(WatchVerb.MODIFIED, changed))
    done.set()
    for asker in askers:
        asker.join()
    return seen


@pytest.mark.usefixtures("quick_switches")
def test_exhaustion_cve_2025_55191() -> None:
    repositories = KnownRepositories()
    assert torn(repositories, 1000) == 0
    assert repositories.find(URL, "").credentials == BasicLogin("999", Confidential("999"))
    assert torn(InPlace(), 50) > 0
