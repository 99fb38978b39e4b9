"""Commits that are not signed as their project asks: shown, compared, and never synced."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.reconcile.test_operation import asking
from tests.services.reconcile.world import PROJECT, URL, application, world
from tiphys.model.appproject import AppProject
from tiphys.model.status import CompareLevel


def policy(url: str, mode: str) -> dict[str, Any]:
    keys = ["A" * 16]
    return {"git": {"policies": [{"repos": [{"url": url}], "gpg": {"mode": mode, "keys": keys}}]}}


async def test_an_unsigned_commit_is_compared_and_said() -> None:
    async with world(application()) as here:
        commit = here.git.commit(URL, {"web/a": "two"})
        here.verifier.unsigned = {commit}
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert here.status()["sync"]["status"] == "OutOfSync"
        found = {one["type"]: one["message"] for one in here.status()["conditions"]}
        assert found == {"ComparisonError": f"{commit} is unsigned"}
        here.verifier.unsigned = set()
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        assert not here.status().get("conditions")


async def test_an_unsigned_commit_is_not_synced() -> None:
    async with world(asking()) as here:
        commit = here.git.commit(URL, {"web/a": "two"})
        here.verifier.unsigned = {commit}
        await here.operator.operate("web")
        assert here.state()["phase"] == "Error"
        assert here.state()["message"] == f"ComparisonError: {commit} is unsigned"
        assert here.live("a") is None


async def test_an_unsigned_commit_of_equal_manifests_is_said_too() -> None:
    async with world(application()) as here:
        await here.refresh(CompareLevel.FORCE_RESOLVE)
        commit = here.git.commit(URL, {"web/a": "one", "api/b": "changed"})
        here.verifier.unsigned = {commit}
        memory = here.memories.of("web")
        assert not await here.desired.unchanged(here.app(), memory, {0: commit})
        here.verifier.unsigned = set()
        assert await here.desired.unchanged(here.app(), memory, {0: commit})


@pytest.mark.parametrize(
    ("integrity", "phase"),
    [
        ({"signatureKeys": [{"keyID": "A" * 16}]}, "Error"),
        ({"sourceIntegrity": policy(URL, "head")}, "Error"),
        ({"sourceIntegrity": policy(URL, "none")}, "Succeeded"),
        ({"sourceIntegrity": policy("https://elsewhere", "head")}, "Succeeded"),
    ],
)
async def test_manifests_from_a_folder_are_signed_by_nobody(
    integrity: dict[str, Any], phase: str
) -> None:
    local = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}'
    async with world(asking(sync={"manifests": [local]})) as here:
        spec = {**PROJECT.raw["spec"], **integrity}
        here.projects["default"] = AppProject({**PROJECT.raw, "spec": spec})
        here.rules.forget()
        await here.operator.operate("web")
        assert here.state()["phase"] == phase
        if phase == "Error":
            text = "Cannot use local manifests when source integrity is enforced"
            assert here.state()["message"] == f"ComparisonError: {text}"
            assert here.live("mine") is None
