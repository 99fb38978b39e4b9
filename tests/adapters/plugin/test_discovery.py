"""Which plugin a source gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.adapters.engine.trees import Link, Table
from tests.adapters.plugin.conftest import ContentTree, Plugins, shell
from tests.adapters.plugin.test_rendering import said, saying
from tiphys.model.errors import RenderError
from tiphys.model.render import PluginOptions, RenderRequest

APP: Table = {"app/main.cue": "", "app/deep/er/x.yaml": "", "app/way": Link("deep"), "top.txt": ""}
REQUEST = RenderRequest("app", PluginOptions(), "web")


@pytest.mark.parametrize(
    ("discover", "found"),
    [
        ({"fileName": "main.cue"}, True),
        ({"fileName": "*.cue"}, True),
        ({"fileName": "./main.*"}, True),
        ({"fileName": "x.yaml"}, False),
        ({"fileName": "deep/*/x.yaml"}, True),
        ({"fileName": "../top.txt"}, False),
        ({"find": {"glob": "**/x.yaml"}}, True),
        ({"find": {"glob": "**/main.cue"}}, True),
        ({"find": {"glob": "*/x.yaml"}}, False),
        ({"find": {"glob": "**/none"}}, False),
        ({"find": {"glob": "way/er/*"}}, True),
        ({"find": shell("ls *.cue")}, True),
        ({"find": shell("true")}, False),
        ({"find": shell("test $ARGOCD_APP_NAME = web && echo yes || true")}, False),
        # The first that is set decides.
        ({"fileName": "none", "find": {"glob": "**/main.cue"}}, False),
        ({"find": {"glob": "none", **shell("echo yes")}}, False),
        ({}, False),
    ],
)
async def test_what_a_plugin_is_meant_for(
    plugins: Plugins, discover: dict[str, Any], found: bool
) -> None:
    await plugins.start("own", saying("echo x"), discover=discover)
    assert plugins.renderer.present()
    assert await plugins.renderer.supports(REQUEST, ContentTree(APP)) is found
    if found:
        assert said(await plugins.render(APP)) == "x"
        return
    with pytest.raises(RenderError, match="could not find plugin supporting the given repository"):
        await plugins.render(APP)


async def test_one_that_does_not_answer_is_not_passed_over(plugins: Plugins) -> None:
    process = await plugins.start("own", saying("echo x"), discover={"fileName": "main.cue"})
    assert await plugins.renderer.supports(REQUEST, ContentTree(APP))
    process.kill()
    await process.wait()
    # What was answered before still holds; of anything else nobody knows.
    assert await plugins.renderer.supports(REQUEST, ContentTree(APP))
    with pytest.raises(RenderError, match="own does not answer at its socket"):
        await plugins.renderer.supports(REQUEST, ContentTree({"app/other.yaml": ""}))


async def test_without_plugins_nobody_is_asked(plugins: Plugins) -> None:
    (plugins.folder / "file.sock").touch()
    assert not plugins.renderer.present()
    assert not await plugins.renderer.supports(REQUEST, ContentTree(APP))


async def test_the_first_by_name_wins(plugins: Plugins) -> None:
    for name in ("b", "c", "a"):
        discover = {"fileName": "none" if name == "a" else "main.cue"}
        await plugins.start(name, saying(f"echo {name}"), discover=discover)
    assert said(await plugins.render(APP)) == "b"


async def test_a_named_plugin_without_discovery_is_used(plugins: Plugins) -> None:
    await plugins.start("own", saying("echo x"))
    assert said(await plugins.render(APP, name="own")) == "x"


async def test_a_named_plugin_is_asked_as_well(plugins: Plugins) -> None:
    await plugins.start("own", saying("echo x"), discover={"fileName": "none"})
    with pytest.raises(RenderError) as caught:
        await plugins.render(APP, name="own")
    assert str(caught.value).endswith(
        'could not find cmp-server plugin with name "own" supporting the given repository'
    )


async def test_a_discovery_that_fails_says_why(plugins: Plugins) -> None:
    await plugins.start("own", "true", discover={"find": shell("echo broken >&2; exit 2")})
    with pytest.raises(RenderError, match=r"given repository: `sh -c .* failed exit status 2: bro"):
        await plugins.render(APP, name="own")


@pytest.mark.parametrize("name", ["../other/own", "/own", "a/b", "..", "\0", "none"])
async def test_a_name_leads_nowhere_else(plugins: Plugins, name: str) -> None:
    outside = plugins.folder / "inner"
    outside.mkdir()
    await plugins.start("own", saying("echo x"))
    with pytest.raises(RenderError, match="could not find cmp-server plugin with name"):
        await plugins.render(APP, name=name)


async def test_it_is_asked_once_for_what_did_not_change(plugins: Plugins, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"echo asked >> {log}; ls *.cue || true"
    await plugins.start("own", saying("echo x"), discover={"find": shell(script)})
    for _ in range(3):
        assert await plugins.renderer.supports(REQUEST, ContentTree(APP))
    await plugins.render(APP)
    assert log.read_text().count("asked") == 1
    # Neither another commit nor what lies elsewhere makes a difference, but the folder does.
    environment = (("ARGOCD_APP_REVISION", "b" * 40), ("ARGOCD_APP_REVISION_SHORT", "b" * 7))
    later = RenderRequest("app", PluginOptions(environment=environment), "web")
    assert await plugins.renderer.supports(later, ContentTree({**APP, "new": ""}))
    assert log.read_text().count("asked") == 1
    assert not await plugins.renderer.supports(REQUEST, ContentTree({"app/main.txt": ""}))
    assert log.read_text().count("asked") == 2
