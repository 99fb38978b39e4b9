"""Sources made to read what is not theirs, to get out of the engine, or to use up the machine.

Each attack is tried twice: it fails against the engine that there is, and it is noticed against one
that was built without its defences. One that passed either way would prove nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
import pytest

from tests.adapters.engine.trees import CHART, Link, Table, TableTree, config_map
from tests.fixtures.programs import program
from tiphys.adapters.engine import EngineLimits, EngineRenderer, LaneOptions
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import (
    MOUNT,
    DirectoryOptions,
    HelmOptions,
    KustomizeOptions,
    Remote,
    RemoteKind,
    RenderRequest,
    ToolOptions,
)

LIMITS = EngineLimits(memory=300 << 20)


@pytest.fixture
async def engine() -> AsyncIterator[EngineRenderer]:
    made = EngineRenderer(options=LaneOptions(size=1, limits=LIMITS))
    yield made
    await made.close()


@pytest.fixture
async def undefended() -> AsyncIterator[EngineRenderer]:
    binary = program("undefended-engine")
    made = EngineRenderer(binary, options=LaneOptions(size=1, limits=LIMITS))
    yield made
    await made.close()


Attack = Callable[[EngineRenderer], Awaitable[None]]

# Out of bounds

SECRET = "hunter2"
SHOWS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ .Values | toJson }}}\n"
REFERENCED = MOUNT + "values"
# What lies where a path leads that is cut off at the root: whoever follows it finds it.
TREE: Table = {
    "c/Chart.yaml": CHART,
    "c/templates/a.yaml": SHOWS,
    "c/deep/in.yaml": "",
    "etc/passwd": f"stolen: {SECRET}\n",
    "x.yaml": f"stolen: {SECRET}\n",
    "badlink1": Link("/etc/passwd"),
    "badlink2": Link("../x.yaml"),
    "badlink3": Link(".."),
    "c2/Chart.yaml": CHART,
    "c2/templates/a.yaml": "kind: A\ndata: {{ .Files.Get `link` | quote }}\n",
    "c2/link": Link("../../x.yaml"),
    "k/kustomization.yaml": "configMapGenerator: [{name: a, files: [link]}]\n",
    "k/link": Link("../../x.yaml"),
    "k2/kustomization.yaml": "resources: [link.yaml]\n",
    "k2/link.yaml": Link("../../manifest.yaml"),
    "manifest.yaml": config_map(SECRET),
    "d/a.yaml": Link("../../manifest.yaml"),
    "j/a.jsonnet": "{kind: 'A', data: importstr '../../x.yaml'}",
    "j2/a.jsonnet": "{kind: 'A', data: importstr 'link'}",
    "j2/link": Link("/x.yaml"),
}
BESIDE: dict[str, Table] = {
    "values": {
        "envs/prod.yaml": "a: 1\n",
        "x.yaml": f"stolen: {SECRET}\n",
        "out.yaml": Link("../x.yaml"),
        "absolute.yaml": Link("/x.yaml"),
    },
    "far": {
        "base/kustomization.yaml": "resources: [../../manifest.yaml]\n",
        "manifest.yaml": config_map(SECRET),
    },
}


def values(name: str) -> tuple[str, ToolOptions]:
    return "c", HelmOptions("r", "ns", value_files=(name,))


OUT: dict[str, tuple[str, ToolOptions]] = {
    "CVE-2022-24348 values above the root": values("../../x.yaml"),
    "CVE-2022-24348 values of the machine": values("../../../../../../etc/passwd"),
    "CVE-2022-24348 values from the root and up": values("/../x.yaml"),
    "CVE-2022-24731 a file parameter above the root": (
        "c",
        HelmOptions("r", "ns", file_parameters=(("stolen", "../../x.yaml"),)),
    ),
    "CVE-2022-24904 a link of the values' own": values("../badlink1"),
    "CVE-2022-36036 a link to above the root": values("../badlink2"),
    "CVE-2022-31036 a link on the way": values("../badlink3/x.yaml"),
    "CVE-2023-40026 a pattern through a link": values("../badlink*"),
    "GHSA-94mc-2ch7-r5r5 above the root of another source": values(f"{REFERENCED}/../x.yaml"),
    "GHSA-94mc-2ch7-r5r5 a link in another source": values(f"{REFERENCED}/out.yaml"),
    "GHSA-94mc-2ch7-r5r5 an absolute link in another source": values(f"{REFERENCED}/absolute.yaml"),
    "a link in a chart": ("c2", HelmOptions("r", "ns")),
    "a link in a kustomization": ("k", KustomizeOptions(unrestricted_files=True)),
    "a resource that is a link": ("k2", KustomizeOptions(unrestricted_files=True)),
    "a manifest that is a link": ("d", DirectoryOptions()),
    "an import above the root": ("j", DirectoryOptions()),
    "an import through a link": ("j2", DirectoryOptions()),
}


async def refused(renderer: EngineRenderer, path: str, options: ToolOptions) -> None:
    request = RenderRequest(path, options)
    with pytest.raises(RenderError) as caught:
        await renderer.render(request, TableTree(TREE, BESIDE))
    assert "illegal filepath" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", OUT)
async def test_nothing_outside_is_read(engine: EngineRenderer, name: str) -> None:
    await refused(engine, *OUT[name])


@pytest.mark.parametrize("name", OUT)
async def test_what_was_read_outside_would_be_noticed(
    undefended: EngineRenderer, name: str
) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await refused(undefended, *OUT[name])


async def test_paths_that_only_look_so_are_read(engine: EngineRenderer) -> None:
    """Values beside the application's folder and inside the repository, and names with dots."""
    tree = TableTree({**TREE, "shared/v.yaml": "a: 1\n", "c/subdir/..file.txt": "b: 2\n"})
    for name in ("../shared/v.yaml", "subdir/..file.txt", "deep/../deep/in.yaml"):
        path, options = values(name)
        assert (await engine.render(RenderRequest(path, options), tree)).manifests


# Text that runs

FORBIDDEN = {
    "exec", "fork", "kill", "mkdir", "ptrace", "read", "tgkill", "write",
    "socket-inet", "socket-inet6", "socket-unix",
}  # fmt: skip


async def confined(renderer: EngineRenderer) -> None:
    """Whatever got into the process finds these denied by the kernel."""
    reply = await renderer.lane.exchange({"op": "selftest", "path": ""}, b"", None, seconds=5)
    found = orjson.loads(reply.body)
    assert {name for name, outcome in found.items() if outcome == "denied"} == FORBIDDEN


async def test_what_got_in_does_not_get_out(engine: EngineRenderer) -> None:
    await confined(engine)


async def test_what_got_out_would_be_noticed(undefended: EngineRenderer) -> None:
    with pytest.raises(AssertionError):
        await confined(undefended)


# Secrets leaking out


async def redacted(renderer: EngineRenderer) -> None:
    """CVE-2023-25163: a URL with a password in an error."""
    url = "https://user:hunter2@example.com/org/repo.git"
    table: Table = {"a/kustomization.yaml": f"resources: ['{url}//base', 'ssh://u:{SECRET}@h/x']\n"}
    remotes = {Remote(RemoteKind.TREE, url): "far"}
    request = RenderRequest("a", KustomizeOptions(), mounts=remotes)
    far: Table = {"base/kustomization.yaml": "resources: [none.yaml]\n"}
    with pytest.raises(RenderError) as caught:
        await renderer.render(request, TableTree(table, {"far": far}))
    assert SECRET not in str(caught.value)


async def literals(renderer: EngineRenderer) -> None:
    text = f"secretGenerator:\n- name: s\n  literals: ['password={SECRET}', {SECRET}]\n"
    tree = TableTree({"a/kustomization.yaml": text})
    with pytest.raises(RenderError) as caught:
        await renderer.render(RenderRequest("a", KustomizeOptions()), tree)
    assert SECRET not in str(caught.value)


LEAKS: dict[str, Attack] = {
    "CVE-2023-25163 a password in a URL": redacted,
    "CVE-2025-23216 a value that is wrong": literals,
}


@pytest.mark.parametrize("name", LEAKS)
async def test_no_secret_is_said(engine: EngineRenderer, name: str) -> None:
    await LEAKS[name](engine)


@pytest.mark.parametrize("name", LEAKS)
async def test_a_secret_that_was_said_would_be_noticed(
    undefended: EngineRenderer, name: str
) -> None:
    with pytest.raises(AssertionError):
        await LEAKS[name](undefended)


# Exhaustion


def bomb() -> bytes:
    """CVE-2022-28948 and its kin: some lines that stand for 40 MB."""
    lines = ["a0: &a0 [" + ", ".join(["x" * 40] * 10) + "]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 6)]
    return "\n".join(lines).encode()


async def aliases(renderer: EngineRenderer) -> None:
    with pytest.raises(RenderLimitError, match="YAML aliases expand a document over the limit"):
        await renderer.decode_yaml(bomb())


async def nesting(renderer: EngineRenderer) -> None:
    with pytest.raises(RenderLimitError, match="nests deeper than the limit"):
        await renderer.decode_yaml(b"a: " + b"[" * 600 + b"]" * 600)


async def memory(renderer: EngineRenderer) -> None:
    text = '{{ $l := list }}{{ range until 45 }}{{ $l = append $l (repeat 10000000 "x") }}{{ end }}'
    tree = TableTree({"c/Chart.yaml": CHART, "c/templates/a.yaml": text})
    request = RenderRequest("c", HelmOptions("r", "ns"), deadline_seconds=20)
    with pytest.raises(RenderLimitError, match="limit of 300 MB of memory"):
        await renderer.render(request, tree)


EXHAUSTION: dict[str, Attack] = {
    "CVE-2022-28948 aliases": aliases,
    "CVE-2022-28948 nesting": nesting,
    "CVE-2022-31016 memory": memory,
}


@pytest.mark.parametrize("name", EXHAUSTION)
async def test_a_limit_ends_it(engine: EngineRenderer, name: str) -> None:
    await EXHAUSTION[name](engine)


@pytest.mark.parametrize("name", EXHAUSTION)
async def test_what_no_limit_ended_would_be_noticed(undefended: EngineRenderer, name: str) -> None:
    with pytest.raises((AssertionError, RenderError, pytest.fail.Exception)):
        await EXHAUSTION[name](undefended)
