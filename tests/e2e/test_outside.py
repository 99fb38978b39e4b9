"""What sources name outside of themselves, fetched from real servers and rendered: dependencies of
charts and bases of kustomizations.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.manifests import config_map
from tests.e2e.stack import BIN, Ran
from tests.fixtures.chartserver import ChartServer


@pytest.fixture
async def charts() -> AsyncIterator[ChartServer]:
    server = ChartServer()
    await server.start()
    server.publish("web", "1.2.0")
    server.publish("web", "2.0.0")
    yield server
    await server.stop()


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def render(folder: Path, *flags: str) -> Ran:
    """Without a kubeconfig: no cluster can be asked."""
    hidden = ("KUBECONFIG", "HOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    process = await asyncio.create_subprocess_exec(
        BIN / "tiphys", "render", str(folder), *flags, env=environment, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def objects(folder: Path, *flags: str) -> dict[str, Any]:
    ran = await render(folder, *flags)
    assert (ran.code, ran.err) == (0, "")
    found = yaml.safe_load_all(ran.out)
    return {one["metadata"]["name"]: one for one in found}


def dependent(url: str, version: str = "^1", name: str = "web") -> dict[str, str]:
    return {
        "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n"
        f"- {{name: {name}, version: '{version}', repository: '{url}'}}\n",
        "templates/a.yaml": config_map("own", color="{{ .Values.color }}"),
        "values.yaml": "color: none\n",
    }


async def test_a_dependency_comes_from_its_repository(charts: ChartServer, tmp_path: Path) -> None:
    write(tmp_path, dependent(charts.url))
    found = await objects(tmp_path)
    assert found["x"]["data"] == {"version": "1.2.0"}
    assert found["own"]["data"] == {"color": "none"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "none"}, "none"),
        ({"version": "^9"}, "chart web ^9: invalid revision: "),
        ({"url": "http://127.0.0.1:1/charts"}, "127.0.0.1:1"),
    ],
)
async def test_a_dependency_that_is_not_to_be_had_is_named(
    charts: ChartServer, tmp_path: Path, fields: dict[str, str], said: str
) -> None:
    write(tmp_path, dependent(**{"url": charts.url, **fields}))
    ran = await render(tmp_path)
    assert ran.code != 0
    assert said in ran.err


async def test_a_file_on_this_machine_is_not_read(charts: ChartServer, tmp_path: Path) -> None:
    """Nobody named a repository there: it may be anything that listens on loopback."""
    write(tmp_path, dependent(charts.url))
    charts.files["prod.yaml"] = b"color: hunter2\n"
    ran = await render(tmp_path, "--values", f"{charts.url}/prod.yaml")
    assert ran.code != 0
    assert "hunter2" not in ran.out + ran.err
    assert charts.requests["prod.yaml"] == 0


def repository(folder: Path, files: Mapping[str, str]) -> str:
    """The URL of a repository that is tagged v1."""
    write(folder, files)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return f"file://{folder}"


async def test_a_base_of_a_kustomization(tmp_path: Path) -> None:
    base = {
        "base/kustomization.yaml": "resources: [a.yaml, ../other]\n",
        "base/a.yaml": config_map("a"),
        "other/kustomization.yaml": "resources: [b.yaml]\n",
        "other/b.yaml": config_map("b"),
    }
    url = repository(tmp_path / "far", base)
    text = f"resources: ['{url}//base?ref=v1']\nnamePrefix: p-\n"
    write(tmp_path / "near", {"kustomization.yaml": text})
    assert set(await objects(tmp_path / "near")) == {"p-a", "p-b"}


async def test_a_base_that_is_not_to_be_had_is_named(tmp_path: Path) -> None:
    url = repository(tmp_path / "far", {"a.yaml": config_map("a")})
    text = f"resources: ['{url}//base?ref=v9']\n"
    write(tmp_path / "near", {"kustomization.yaml": text})
    ran = await render(tmp_path / "near")
    assert ran.code != 0
    assert "v9" in ran.err


async def test_what_never_gives_the_same_twice_is_said(tmp_path: Path) -> None:
    files = {
        "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
        "templates/a.yaml": config_map("a", now="{{ now | unixEpoch | quote }}"),
    }
    write(tmp_path, files)
    ran = await render(tmp_path)
    assert ran.code == 0
    assert "the chart calls now, which gives another value at every render" in ran.err
