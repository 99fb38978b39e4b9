"""Renders that never end, eat the memory, print without end or crash: each says which limit it met,
and a render beside it takes no longer for it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

import pytest

from tests.adapters.engine.test_process import DEEP, ENDLESS, GREEDY, GROWING, PLAIN, TREE, template
from tests.adapters.engine.trees import Table, TableTree, config_map
from tiphys.adapters.engine import EngineLimits, EngineRenderer, LaneOptions
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import DirectoryOptions, KustomizeOptions, RenderRequest

MEMORY, DEADLINE = "MB of memory", "deadline of 1 s"
EITHER = "MB of memory|MB of stack|deadline of 1 s"
"""Which one is met first is the machine's."""

Case = tuple[RenderRequest, TableTree]


def helm(text: str, *, seconds: float = 20) -> Case:
    return template(text, seconds=seconds)


def jsonnet(text: str, *, seconds: float = 20) -> Case:
    request = RenderRequest("a", DirectoryOptions(), deadline_seconds=seconds)
    return request, TableTree({"a/a.jsonnet": text})


def kustomize(table: Table) -> Case:
    request = RenderRequest("a", KustomizeOptions(), deadline_seconds=1)
    return request, TableTree({f"a/{path}": text for path, text in table.items()})


def doubling(levels: int) -> Case:
    """Every level names the one below twice: as many objects as two to the power of the levels."""
    table: Table = {"l0/kustomization.yaml": "resources: [a.yaml]\n", "l0/a.yaml": config_map("a")}
    for level in range(1, levels):
        named = ""
        for side in "ab":
            folder = f"l{level}/{side}"
            named += f"- {side}\n"
            table = {
                **table,
                f"{folder}/kustomization.yaml": (
                    f"namePrefix: {side}\nresources: [../../l{level - 1}]\n"
                ),
            }
        table = {**table, f"l{level}/kustomization.yaml": f"resources:\n{named}"}
    top: Table = {**table, "kustomization.yaml": f"resources: [l{levels - 1}]\n"}
    return kustomize(top)


CASES: dict[str, tuple[Case, str]] = {
    "template that loops": (helm(ENDLESS, seconds=1), DEADLINE),
    "template that ranges to a thousand million": (
        helm("{{ range until 1000000000 }}{{ end }}"),
        MEMORY,
    ),
    "template with one huge text": (helm(GREEDY), MEMORY),
    "template that grows": (helm(GROWING), MEMORY),
    "template that prints 2 GB": (
        helm('{{ $t := repeat 1000000 "x" }}{{ range until 2000 }}{{ $t }}{{ end }}'),
        MEMORY,
    ),
    "template that calls tpl in tpl": (
        helm(DEEP, seconds=1),
        EITHER,
    ),
    "template that makes keys": (
        helm('{{ range until 10000 }}{{ genPrivateKey "rsa" }}{{ end }}', seconds=1),
        DEADLINE,
    ),
    "jsonnet that loops": (
        jsonnet("local f(n) = if n > 0 then f(n % 7 + 1) tailstrict else n; f(1)", seconds=1),
        EITHER,
    ),
    "jsonnet that keeps what it has to do": (
        jsonnet("local f(n) = f(n + 1) tailstrict; f(0)"),
        EITHER,
    ),
    "jsonnet that ranges to a thousand million": (jsonnet("std.range(1, 1000000000)"), MEMORY),
    "jsonnet that prints 8 GB": (jsonnet("std.repeat('xxxxxxxx', 1000000000)"), MEMORY),
    "jsonnet that doubles": (
        jsonnet("std.foldl(function(a, b) a + a, std.range(1, 60), 'x')"),
        MEMORY,
    ),
    "kustomizations that double": (doubling(24), EITHER),
}

REFUSED: dict[str, tuple[Case, str]] = {
    "template that includes itself": (
        helm('{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}'),
        "rendering template has a nested reference name: a",
    ),
    "template that is its own": (
        helm('{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}'),
        "exceeded maximum template depth",
    ),
    "jsonnet that nests": (
        jsonnet("local f(n) = {a: f(n + 1)}; f(0)"),
        "max stack frames exceeded",
    ),
    "jsonnet that calls itself": (jsonnet("local f(n) = f(n) + 1; f(0)"), "max stack frames"),
}


@pytest.fixture
async def renderer() -> AsyncIterator[EngineRenderer]:
    """Two processes, as on the smallest machine."""
    made = EngineRenderer(options=LaneOptions(size=2, limits=EngineLimits(memory=400 << 20)))
    yield made
    await made.close()


@pytest.mark.parametrize("name", CASES)
async def test_the_limit_is_said_and_nobody_waits(renderer: EngineRenderer, name: str) -> None:
    (request, tree), message = CASES[name]
    await asyncio.gather(renderer.render(PLAIN, TREE), renderer.render(PLAIN, TREE))
    running = asyncio.create_task(renderer.render(request, tree))
    took: list[float] = []
    while not running.done() and len(took) < 60:
        start = time.monotonic()
        await renderer.render(PLAIN, TREE)
        took.append(time.monotonic() - start)
        await asyncio.sleep(0.01)
    with pytest.raises(RenderLimitError, match=message):
        await running
    # Some milliseconds, on a machine that may be busy; the render beside it takes a second.
    assert statistics.median(took) < 0.1
    assert (await renderer.render(PLAIN, TREE)).manifests


@pytest.mark.parametrize("name", REFUSED)
async def test_some_are_refused_by_their_language(renderer: EngineRenderer, name: str) -> None:
    (request, tree), message = REFUSED[name]
    await renderer.render(PLAIN, TREE)
    with pytest.raises(RenderError, match=message):
        await renderer.render(request, tree)
    assert (await renderer.render(PLAIN, TREE)).manifests
    assert renderer.lane.started == 1
