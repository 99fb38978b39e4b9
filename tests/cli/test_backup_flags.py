"""What `admin export` and `admin import` ask for, flag by flag."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proofs import proves
from tests.cli.world import World
from tiphys.cli.ports import ClusterChoice
from tiphys.model.resource import Manifest
from tiphys.services.backup.service import Namespaces, Restoring


class Asked(World):
    """Remembers what is asked of backups, and asks once whether something may be pruned."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(capture)
        self.namespace = "argocd"
        self.namespaces: list[Namespaces] = []
        self.restoring: list[Restoring] = []
        self.agreed: list[bool] = []

    @asynccontextmanager
    async def backups(self, choice: ClusterChoice) -> AsyncIterator[Any]:
        del choice
        yield self

    async def export(self, namespaces: Namespaces) -> Sequence[Manifest]:
        self.namespaces.append(namespaces)
        return []

    async def restore(
        self,
        documents: Sequence[Manifest],
        namespaces: Namespaces,
        how: Restoring,
        say: Callable[[str], None],
        agreed: Callable[[str], bool],
    ) -> None:
        del documents, say
        self.namespaces.append(namespaces)
        self.restoring.append(how)
        self.agreed.append(agreed("Really? [y/n] "))


@pytest.fixture
def world(capsys: pytest.CaptureFixture[str]) -> Asked:
    return Asked(capsys)


@pytest.fixture
def backup(tmp_path: Path) -> str:
    path = tmp_path / "backup.yaml"
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\n")
    return str(path)


@proves("admin export", "--application-namespaces", "--applicationset-namespaces")
@proves("admin import", "--application-namespaces", "--applicationset-namespaces")
@pytest.mark.parametrize("verb", ["export", "import"])
def test_where_applications_are_looked_for(world: Asked, backup: str, verb: str) -> None:
    line = ("admin", verb, *([backup] if verb == "import" else []))
    flags = ("--application-namespaces", "a,b*", "--applicationset-namespaces", "c")
    assert world.run(*line, core=False).code == 0
    assert world.run(*line, *flags, core=False).code == 0
    # What is not said is left to the settings.
    assert world.namespaces == [Namespaces(), Namespaces(applications=("a", "b*"), sets=("c",))]


@proves("admin import", "--override-on-conflict")
def test_what_changed_meanwhile_is_written_again(world: Asked, backup: str) -> None:
    world.run("admin", "import", backup, core=False)
    world.run("admin", "import", backup, "--override-on-conflict", core=False)
    assert [how.override_on_conflict for how in world.restoring] == [False, True]


@proves("admin import", "--prompts-enabled")
def test_pruning_is_asked_about(world: Asked, backup: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n")
    assert "Really?" not in world.run("admin", "import", backup, core=False).out
    assert "Really?" in world.run("admin", "import", backup, "--prompts-enabled", core=False).out
    assert world.agreed == [True, False]
