"""`tiphys cmp-server` as a process."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import grpc.aio
import pytest

from tests.adapters.plugin.conftest import PROGRAM, Plugins
from tests.adapters.plugin.test_rendering import APP, said, saying
from tiphys.model.errors import RenderError


async def ran(*words: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *words, env={**os.environ, **environment}, stdout=PIPE, stderr=PIPE, stdin=DEVNULL
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, (out + err).decode()


async def test_it_ends_when_it_is_told_to(plugins: Plugins) -> None:
    process = await plugins.start("own", "true")
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 15) == 0
    assert not (plugins.folder / "own.sock").exists()


async def test_it_answers_probes(plugins: Plugins) -> None:
    await plugins.start("own", "true")
    async with grpc.aio.insecure_channel(f"unix:{plugins.folder}/own.sock") as channel:
        assert await channel.unary_unary("/grpc.health.v1.Health/Check")(b"") == b"\x08\x01"


async def test_what_was_sent_does_not_stay(plugins: Plugins) -> None:
    await plugins.start("own", saying("pwd"))
    place = Path(said(await plugins.render(APP, name="own")))
    assert place.is_relative_to(plugins.folder / "_cmp_server-own")
    assert list((plugins.folder / "_cmp_server-own").iterdir()) == []


async def test_nothing_of_a_killed_process_stays(plugins: Plugins) -> None:
    process = await plugins.start("own", "sleep 60")
    with pytest.raises(RenderError):
        await plugins.render(APP, name="own", seconds=1.0)
    process.kill()
    await process.wait()
    left = plugins.folder / "_cmp_server-own" / "left"
    left.mkdir(exist_ok=True)
    await plugins.start("own", "true")
    assert not left.exists()


async def test_renders_side_by_side(plugins: Plugins) -> None:
    await plugins.start("own", saying("sleep 0.5; echo $ARGOCD_APP_NAME"))
    names = [f"web-{number}" for number in range(6)]
    async with asyncio.timeout(15):
        results = await asyncio.gather(
            *(
                plugins.render(APP, name="own", environment={"ARGOCD_APP_NAME": name})
                for name in names
            )
        )
    assert [said(result) for result in results] == names


async def test_a_plugin_yaml_that_is_wrong(tmp_path: Path) -> None:
    code, text = await ran("cmp-server", "--config-dir-path", str(tmp_path))
    assert code != 0
    assert "plugin.yaml: No such file or directory" in text
    (tmp_path / "plugin.yaml").write_text("kind: ConfigManagementPlugin")
    code, text = await ran("cmp-server", "--config-dir-path", str(tmp_path))
    assert code != 0
    assert "metadata.name should be non-empty" in text


async def test_it_has_the_contract_s_name(tmp_path: Path) -> None:
    code, text = await ran(
        "--config-dir-path", str(tmp_path), ARGOCD_BINARY_NAME="argocd-cmp-server"
    )
    assert code != 0
    assert f"{tmp_path}/plugin.yaml" in text


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--otlp-address", "h:4317"), "--otlp-address"),
        (("--loglevel", "loud"), "--loglevel: loud is not one of debug, info, warn, error"),
        (("--no-such-flag",), "--no-such-flag"),
    ],
)
async def test_flags_that_are_refused(flags: tuple[str, ...], said: str) -> None:
    code, text = await ran("cmp-server", *flags)
    assert code != 0
    assert said in text
