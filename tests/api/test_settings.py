"""Version and settings: who is told what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.api.access import ALICE
from tiphys.api.calls import Call, Unary
from tiphys.api.handlers.settings import SettingsHandlers
from tiphys.api.handlers.version import _TOOLS, VersionHandlers
from tiphys.core.settings import parse_settings
from tiphys.core.settings.shown import Shown
from tiphys.model.access import ANONYMOUS, EVERYTHING, Caller


async def answer(handler: Any, caller: Caller) -> Any:
    assert isinstance(handler, Unary)
    return await handler.run(Call(caller), {})


@pytest.mark.parametrize(
    ("caller", "anonymous", "whole"),
    [
        (ANONYMOUS, False, False),
        (ANONYMOUS, True, True),
        (EVERYTHING, False, True),
        (ALICE, False, True),
    ],
)
async def test_versions_of_tools_are_for_callers(
    caller: Caller, anonymous: bool, whole: bool
) -> None:
    handlers = VersionHandlers(lambda: anonymous).methods()
    found = await answer(handlers["version.VersionService/Version"], caller)
    assert found["Version"].startswith("v3.6.0+")
    assert ("HelmVersion" in found) is whole
    assert (len(found) > 1) is whole


async def test_settings_and_plugins() -> None:
    async def plugins() -> Sequence[str]:
        return ["cue-v1"]

    def shown() -> Shown:
        return Shown(data={}, settings=parse_settings({}, {}), namespace="cp", logins=True)

    handlers = SettingsHandlers(shown, plugins).methods()
    get = handlers["cluster.SettingsService/Get"]
    assert isinstance(get, Unary)
    assert get.open
    assert "controllerNamespace" not in await answer(get, ANONYMOUS)
    everyone = await answer(get, EVERYTHING)
    assert everyone["controllerNamespace"] == "cp"
    assert "passwordPattern" not in everyone
    assert (await answer(get, ALICE))["passwordPattern"] == "^.{8,32}$"
    listed = handlers["cluster.SettingsService/GetPlugins"]
    assert isinstance(listed, Unary)
    assert not listed.open
    assert await answer(listed, ALICE) == {"plugins": [{"name": "cue-v1"}]}


def test_versions_are_those_that_the_engine_is_made_of() -> None:
    modules = (Path(__file__).parents[2] / "engine" / "go.mod").read_text()
    assert f"helm.sh/helm/v4 {_TOOLS['HelmVersion']}\n" in modules
    assert f"github.com/google/go-jsonnet {_TOOLS['JsonnetVersion']}\n" in modules
    # The release of Kustomize that has this version of its library.
    assert ("sigs.k8s.io/kustomize/api v0.21.1\n" in modules) is (
        _TOOLS["KustomizeVersion"] == "v5.8.1"
    )
