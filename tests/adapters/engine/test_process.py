"""The engine as a process: confined, bounded, replaced when it dies, gone when idle."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import orjson
import pytest

from tests.adapters.engine.trees import CHART, TableTree, config_map
from tiphys.adapters.engine import (
    EngineDiedError,
    EngineLimits,
    EngineNotBuiltError,
    EngineRenderer,
    LaneOptions,
    locate,
)
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import (
    DirectoryOptions,
    HelmOptions,
    KustomizeOptions,
    RenderRequest,
    TreeEntry,
)

TREE = TableTree({"app/a.yaml": config_map("a")})
PLAIN = RenderRequest("app", DirectoryOptions())

Make = Callable[..., EngineRenderer]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[EngineRenderer] = []

    def start(**options: object) -> EngineRenderer:
        made.append(EngineRenderer(options=LaneOptions(**options)))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for renderer in made:
        await renderer.close()


def template(text: str, *, seconds: float = 90) -> tuple[RenderRequest, TableTree]:
    tree = TableTree({"c/Chart.yaml": CHART, "c/templates/a.yaml": text})
    return RenderRequest("c", HelmOptions("rel", "ns"), deadline_seconds=seconds), tree


ENDLESS = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"
GREEDY = '{{ $text := repeat 1000000000 "xxxxxxxx" }}'
GROWING = (
    "{{ $all := list }}{{ range until 50000 }}"
    '{{ $all = append $all (repeat 200000 "xy") }}{{ end }}'
)
DEEP = '{{ $self := dict "t" "{{ tpl .t . }}" }}{{ tpl $self.t $self }}'


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def proc(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


async def test_what_the_engine_denies_itself(make: Make) -> None:
    reply = await make().lane.exchange({"op": "selftest", "path": ""}, b"", None, seconds=5)
    outcomes = orjson.loads(reply.body)
    wanted = {"exec", "fork", "kill", "mkdir", "ptrace", "read", "tgkill", "write"}
    assert wanted | {"socket-inet", "socket-inet6", "socket-unix"} == set(outcomes)
    assert set(outcomes.values()) == {"denied"}


async def test_this_kernel_confines_fully(make: Make) -> None:
    renderer = make()
    await renderer.render(PLAIN, TREE)
    [process] = renderer.lane.processes
    assert process.hello.sandbox == ["landlock", "seccomp"]
    assert process.hello.missing == []


async def test_the_environment_of_this_process_stays_here(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    renderer = make()
    await renderer.render(PLAIN, TREE)
    [pid] = renderer.lane.idle
    assert b"hunter2" not in proc(pid, "environ")
    table = {
        "app/kustomization.yaml": "configMapGenerator: [{name: a, envs: [names.env]}]",
        "app/names.env": "TOKEN\n",
    }
    result = await renderer.render(RenderRequest("app", KustomizeOptions()), TableTree(table))
    assert result.manifests[0]["data"] == {"TOKEN": ""}


async def test_a_late_render_ends_with_its_process(make: Make) -> None:
    renderer = make(size=1)
    await renderer.render(PLAIN, TREE)
    [before] = renderer.lane.idle
    request, tree = template(ENDLESS, seconds=0.3)
    start = time.monotonic()
    with pytest.raises(RenderLimitError, match=r"deadline of 0\.3 s"):
        await renderer.render(request, tree)
    assert time.monotonic() - start < 2
    assert gone(before)
    assert (await renderer.render(PLAIN, TREE)).manifests
    assert renderer.lane.started == 2


async def test_a_greedy_render_ends_with_its_process(make: Make) -> None:
    renderer = make(size=1, limits=EngineLimits(memory=400 << 20))
    request, tree = template(GREEDY)
    start = time.monotonic()
    with pytest.raises(RenderLimitError, match="limit of 400 MB of memory"):
        await renderer.render(request, tree)
    assert time.monotonic() - start < 3
    assert (await renderer.render(PLAIN, TREE)).manifests


async def test_memory_that_grows_slowly_is_seen(make: Make) -> None:
    renderer = make(size=1, limits=EngineLimits(memory=400 << 20))
    request, tree = template(GROWING, seconds=20)
    with pytest.raises(RenderLimitError, match="of memory"):
        await renderer.render(request, tree)


async def test_endless_recursion_is_an_error(make: Make) -> None:
    renderer = make(size=1, limits=EngineLimits(memory=200 << 20))
    request, tree = template(DEEP)
    with pytest.raises(RenderError):
        await renderer.render(request, tree)
    assert (await renderer.render(PLAIN, TREE)).manifests


async def test_a_killed_engine_is_an_error_and_the_next_render_works(make: Make) -> None:
    renderer = make(size=1)
    await renderer.render(PLAIN, TREE)
    [pid] = renderer.lane.idle
    request, tree = template(ENDLESS)
    running = asyncio.create_task(renderer.render(request, tree))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineDiedError, match="in the middle of its work"):
        await running
    assert (await renderer.render(PLAIN, TREE)).manifests


async def test_an_engine_that_died_at_rest_is_replaced_unseen(make: Make) -> None:
    renderer = make(size=1)
    await renderer.render(PLAIN, TREE)
    [pid] = renderer.lane.idle
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.05)
    assert (await renderer.render(PLAIN, TREE)).manifests


async def test_a_cancelled_render_ends_its_process(make: Make) -> None:
    renderer = make(size=1)
    await renderer.render(PLAIN, TREE)
    [pid] = renderer.lane.idle
    request, tree = template(ENDLESS)
    running = asyncio.create_task(renderer.render(request, tree))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert gone(pid)
    assert (await renderer.render(PLAIN, TREE)).manifests


async def test_a_slow_render_does_not_delay_another(make: Make) -> None:
    renderer = make(size=2)
    request, tree = template(ENDLESS, seconds=3)
    slow = asyncio.create_task(renderer.render(request, tree))
    await asyncio.sleep(0.05)
    start = time.monotonic()
    await renderer.render(PLAIN, TREE)
    assert time.monotonic() - start < 1
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_no_more_processes_than_the_lane_has(make: Make) -> None:
    renderer = make(size=2)
    await asyncio.gather(*(renderer.render(PLAIN, TREE) for _ in range(20)))
    assert renderer.lane.started <= 2


async def test_a_closed_lane_keeps_nothing(make: Make) -> None:
    reached, go_on = threading.Event(), threading.Event()

    class Waiting(TableTree):
        def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
            if "base" in paths:
                reached.set()
                go_on.wait(10)
            return super().read(paths)

    table = {
        "app/kustomization.yaml": "resources: [../base]",
        "base/kustomization.yaml": "resources: [a.yaml]",
        "base/a.yaml": config_map("a"),
    }
    renderer = make(size=1)
    request = RenderRequest("app", KustomizeOptions())
    running = asyncio.create_task(renderer.render(request, Waiting(table)))
    await asyncio.to_thread(reached.wait, 10)
    await renderer.close()
    go_on.set()
    assert (await running).manifests
    assert renderer.lane.idle == ()


async def test_none_is_left_after_a_while_without_work(make: Make) -> None:
    renderer = make(size=1, idle_seconds=0.2)
    await renderer.render(PLAIN, TREE)
    [pid] = renderer.lane.idle
    await asyncio.sleep(0.6)
    assert renderer.lane.idle == ()
    assert gone(pid)
    assert (await renderer.render(PLAIN, TREE)).manifests


async def test_an_error_of_the_tree_reaches_the_caller(make: Make) -> None:
    class Broken(TableTree):
        def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
            if "base" in paths:
                raise OSError("the repository is gone")
            return super().read(paths)

    tree = Broken({"app/kustomization.yaml": "resources: [../base]"})
    renderer = make(size=1)
    with pytest.raises(OSError, match="repository is gone"):
        await renderer.render(RenderRequest("app", KustomizeOptions()), tree)
    assert (await renderer.render(PLAIN, TREE)).manifests


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (EngineLimits(input=100), "limit of 100 bytes"),
        (EngineLimits(files=2), "limit of 2 files"),
        (EngineLimits(output=100), "manifests are over the limit of 100 bytes"),
    ],
)
async def test_sizes_are_bounded(make: Make, limits: EngineLimits, message: str) -> None:
    files = {f"app/{n}.yaml": config_map(f"a{n}") for n in range(5)}
    with pytest.raises(RenderLimitError, match=message):
        await make(limits=limits).render(PLAIN, TableTree(files))


async def test_what_is_asked_for_later_counts_too(make: Make) -> None:
    table = {
        "app/kustomization.yaml": "resources: [../base]",
        "base/kustomization.yaml": "resources: [a.yaml]",
        "base/a.yaml": config_map("a", text="x" * 500),
    }
    renderer = make(limits=EngineLimits(input=500), size=1)
    with pytest.raises(RenderLimitError, match="limit of 500 bytes"):
        await renderer.render(RenderRequest("app", KustomizeOptions()), TableTree(table))
    assert (await renderer.render(PLAIN, TREE)).manifests


@pytest.mark.parametrize("name", ["app/\udcff.yaml", "base/\udcff.yaml"])
async def test_a_name_that_is_not_utf8_is_an_error(make: Make, name: str) -> None:
    table = {"app/kustomization.yaml": "resources: [../base]", name: config_map("a")}
    renderer = make(size=1)
    with pytest.raises(RenderError, match="not UTF-8"):
        await renderer.render(RenderRequest("app", KustomizeOptions()), TableTree(table))
    assert (await renderer.render(PLAIN, TREE)).manifests


@pytest.mark.parametrize("by_environment", [False, True])
async def test_the_request_log_counts_renders(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_environment: bool
) -> None:
    log = tmp_path / "engine.jsonl"
    if by_environment:
        monkeypatch.setenv("TIPHYS_ENGINE_LOG", str(log))
    renderer = make(request_log=None if by_environment else log, size=1)
    await renderer.render(RenderRequest("app", DirectoryOptions(), application="argocd/shop"), TREE)
    with pytest.raises(RenderError):
        await renderer.render(RenderRequest("none", DirectoryOptions()), TREE)
    request, tree = template(GROWING)
    with pytest.raises(RenderLimitError):
        await renderer.render(request, tree)
    first, second, third = (orjson.loads(line) for line in log.read_bytes().splitlines())
    assert (first["op"], first["application"], first["result"]) == (
        "directory",
        "argocd/shop",
        "ok",
    )
    assert first["ms"] >= 0
    assert first["bytesOut"] > 0
    assert (second["path"], second["result"]) == ("none", "render")
    assert (third["op"], third["result"]) == ("helm", "limit")


async def test_a_missing_binary_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIPHYS_ENGINE", str(tmp_path / "none"))
    with pytest.raises(EngineNotBuiltError, match="make build"):
        await EngineRenderer().render(PLAIN, TREE)


@pytest.mark.parametrize("program", ["/bin/true", "/bin/cat"])
async def test_another_program_is_no_engine(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiphys.adapters.engine.process.START_SECONDS", 0.3)
    with pytest.raises(RenderError, match="did not start"):
        await EngineRenderer(Path(program)).render(PLAIN, TREE)


async def test_an_engine_leaves_when_its_parent_does() -> None:
    script = (
        "import subprocess, sys, time\n"
        f"engine = subprocess.Popen([{str(locate())!r}], stdin=-1, stdout=-1)\n"
        "engine.stdout.read(8)\n"
        "print(engine.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    for _ in range(100):
        if gone(pid) or proc(pid, "stat").split()[2] == b"Z":
            return
        await asyncio.sleep(0.05)
    pytest.fail("the engine outlived its parent")


async def test_it_is_quick(make: Make) -> None:
    """Bounds are wide for a busy machine; the bench prints the true figures."""
    renderer = make(size=1)
    start = time.monotonic()
    await renderer.render(PLAIN, TREE)
    assert time.monotonic() - start < 1.5
    request, tree = template("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    start = time.monotonic()
    for _ in range(20):
        await renderer.render(request, tree)
    assert (time.monotonic() - start) / 20 < 0.06
