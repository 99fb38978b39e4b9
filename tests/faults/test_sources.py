"""Repositories that are away, hang, are emptied or cannot be rendered: only their own suffer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.faults.rig import Rig

AUTOMATED = {"automated": {"prune": True, "selfHeal": True}}


class Hanging:
    """Takes connections and never says a word."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.connections: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.connections.append(self._server.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


@contextmanager
def hanging() -> Iterator[Hanging]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = Hanging(server)
        yield silent
        server.shutdown(socket.SHUT_RDWR)
    silent.close()


def deploy(rig: Rig, name: str) -> Repo:
    repo = rig.stack.repo(f"{name}.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.commit()
    rig.application(name, repo, policy=AUTOMATED)
    rig.stack.until_status(name, "Synced", "Healthy")
    return repo


def test_dead_and_silent_repositories_hold_up_no_other(rig: Rig) -> None:
    good = deploy(rig, "source-good")
    with hanging() as silent, socket.create_server(("127.0.0.1", 0)) as gone:
        dead = f"http://127.0.0.1:{gone.getsockname()[1]}"
        gone.close()
        names = [f"source-{kind}-{number}" for kind in ("silent", "dead") for number in range(4)]
        for name in names:
            url = silent.url if "silent" in name else dead
            rig.application(name, f"{url}/{name}.git", policy=AUTOMATED)
        rig.stack.until("four are waited for", lambda: len(silent.connections) >= 4)

        for value in ("2", "3"):
            good.write("app/one.yaml", config_map("one", a=value))
            rig.until_live("source-good", good.commit())
        # Had the silent ones been asked one after the other, each until its time is over, the
        # commits would not have been live in time.
        for name in names[4:]:
            rig.until_condition(name, "ComparisonError", "Failed to load target state")
        for name in names:
            rig.remove(name)
    rig.remove("source-good")


def emptied(repo: Repo) -> None:
    repo.git("rm", "--quiet", "-r", "app")


def broken(repo: Repo) -> None:
    """What has the fields of an object and is none stops everything."""
    repo.write("app/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [unfinished\n")
    repo.remove("app/two.yaml")


def unbuildable(repo: Repo) -> None:
    repo.remove("app/two.yaml")
    repo.write("app/kustomization.yaml", "resources: [one.yaml, missing.yaml]\n")


def begun_anew(repo: Repo) -> None:
    """Somebody pushed another repository over this one."""
    repo.git("checkout", "--quiet", "--orphan", "other")
    repo.git("rm", "--quiet", "-r", "--force", "app")
    repo.commit("Begin again")
    repo.git("branch", "--move", "--force", "other", "main")


@pytest.mark.parametrize("spoil", [emptied, broken, unbuildable, begun_anew])
def test_what_cannot_be_rendered_prunes_nothing(rig: Rig, spoil: Callable[[Repo], None]) -> None:
    name = f"source-{spoil.__name__.replace('_', '-')}"
    repo = deploy(rig, name)
    mark = rig.stack.audit_offset()
    spoil(repo)
    repo.commit()
    rig.until_condition(name, "ComparisonError", "Failed to load target state")
    rig.sync(name, prune=True)
    rig.stack.until(
        "a sync is refused too",
        lambda: (
            rig.operation(name).get("phase") == "Error" and "operation" not in rig.stack.app(name)
        ),
    )
    assert rig.stack.status(name)[0] == "Unknown"
    assert rig.deleted(name, mark) == set()
    assert {"ConfigMap/one", "ConfigMap/two"} <= set(rig.live(name))
    rig.remove(name)


def test_a_repository_that_is_gone_prunes_nothing(rig: Rig) -> None:
    name = "source-gone"
    repo = deploy(rig, name)
    mark = rig.stack.audit_offset()
    away = repo.folder.with_name("source-gone-away")
    repo.folder.rename(away)
    rig.sync(name, prune=True)
    rig.stack.until("the sync fails", lambda: rig.operation(name).get("phase") == "Error")
    assert rig.deleted(name, mark) == set()
    assert {"ConfigMap/one", "ConfigMap/two"} <= set(rig.live(name))

    away.rename(repo.folder)
    repo.remove("app/two.yaml")
    repo.commit()
    rig.stack.until("two is pruned", lambda: rig.kube.get("ConfigMap", name, "two") is None)
    rig.stack.until_status(name, "Synced", "Healthy")
    assert rig.deleted(name, mark) == {"configmaps/two"}
    rig.remove(name)
