"""Sources that name what lies outside of them and is none of their project's.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.chartserver import chart_files
from tests.fixtures.monorepo import config_map
from tests.services.test_from_outside import World
from tiphys.adapters.packages import files
from tiphys.core.source import remotes
from tiphys.core.source.places import place_key
from tiphys.model.errors import TiphysError
from tiphys.model.repository import BasicLogin, Confidential, Repository, RepositoryKind
from tiphys.services.render.job import Surroundings
from tiphys.services.sources import remotes as fetched
from tiphys.services.sources.remotes import SourceRemotes

Attack = Callable[[World], Awaitable[bool]]
"""Whether it got what it wanted."""
SwitchOff = Callable[[pytest.MonkeyPatch], object]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.stop()


def _any_repository(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(remotes, "permitted", lambda patterns, url: True)


def _judged_once(patch: pytest.MonkeyPatch) -> None:
    """As if what one project was permitted were good for all."""
    answers: dict[str, str] = {}
    digest = SourceRemotes.digest

    async def remembered(self: SourceRemotes, remote: object, job: object, **parts: bool) -> str:
        key = repr(remote)
        if key not in answers:
            answers[key] = await digest(self, remote, job, **parts)  # type: ignore[arg-type]
        return answers[key]

    patch.setattr(SourceRemotes, "digest", remembered)


async def _base_of_others(world: World) -> bool:
    world.base.commit({"kustomization.yaml": "resources: [cm.yaml]"})
    world.base.commit({"cm.yaml": config_map("secret", "x")})
    world.around = Surroundings(source_repos=(world.url("web"),))
    files_ = {"app/kustomization.yaml": f"resources: ['{world.url('base')}//?ref=main']"}
    return await _renders(world, {**files_})


async def _render_of_others(world: World) -> bool:
    """Another project has it rendered already."""
    world.base.commit({"kustomization.yaml": "resources: [cm.yaml]"})
    world.base.commit({"cm.yaml": config_map("secret", "x")})
    base = f"{world.url('base')}//?ref=main"
    commit = world.web.commit({"app/kustomization.yaml": f"resources: ['{base}']"})
    job = world.job(commit)
    await world.service.render(job)
    # It is known by now: also with its digest.
    await world.service.render(job)
    mine = replace(job, surroundings=Surroundings(source_repos=(world.url("web"),)))
    return await _succeeds(world.service.render(mine))


async def _chart_of_others(world: World) -> bool:
    world.charts.publish("redis", "1.0.0")
    world.around = Surroundings(source_repos=(world.url("web"),))
    chart = "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n"
    wanted = f"- {{name: redis, version: 1.0.0, repository: '{world.charts.url}'}}\n"
    return await _renders(world, {"app/Chart.yaml": chart + wanted})


async def _chart_behind_a_login(world: World) -> bool:
    """Another project, which has the login, has it rendered already."""
    world.charts.publish("redis", "1.0.0")
    world.charts.wanted = f"Basic {base64.b64encode(b'ada:s3cret').decode()}"
    login = BasicLogin("ada", Confidential("s3cret"))
    known = Repository(world.charts.url, RepositoryKind.HELM, credentials=login)
    chart = "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n"
    wanted = f"- {{name: redis, version: 1.0.0, repository: '{world.charts.url}'}}\n"
    job = world.job(world.web.commit({"app/Chart.yaml": chart + wanted}))
    theirs = replace(job, surroundings=Surroundings(repositories=(known,)))
    for _ in range(2):
        await world.service.render(theirs)
    return await _succeeds(world.service.render(job))


async def _file_of_this_machine(world: World) -> bool:
    """By a name of this machine that no repository of the project is on."""
    world.charts.files["values.yaml"] = b"text: secret"
    made = {f"app/{path}": text for path, text in chart_files("web", "0.1.0").items()}
    url = world.charts.url.replace("127.0.0.1", "localhost") + "/values.yaml"
    return await _renders(world, {**made}, helm={"valueFiles": [url]})


async def _renders(world: World, written: dict[str, str | None], **fields: object) -> bool:
    return await _succeeds(world.render(written, **fields))


async def _succeeds(asked: Awaitable[object]) -> bool:
    """Where it does not, it is refused by who has to."""
    refused = ""
    try:
        await asked
    except TiphysError as error:
        refused = str(error)
    said = ("is not permitted", "are not permitted", "this machine", "wants a login")
    assert not refused or any(text in refused for text in said), refused
    return not refused


ATTACKS: dict[str, tuple[Attack, SwitchOff]] = {
    "a base of others": (_base_of_others, _any_repository),
    "a chart of others": (_chart_of_others, _any_repository),
    "a chart behind a login": (
        _chart_behind_a_login,
        lambda patch: patch.setattr(fetched, "opened_key", place_key),
    ),
    "a render of others": (_render_of_others, _judged_once),
    "a file of this machine": (
        _file_of_this_machine,
        lambda patch: patch.setattr(files, "_FAR", ""),
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_what_is_none_of_the_project_s(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack, off = ATTACKS[name]
    assert not await attack(world)
    world.around = Surroundings()
    with monkeypatch.context() as patch:
        off(patch)
        assert await attack(world), "the attack has to be noticed where nothing stands in its way"
