"""S3: renders a second by tool through the virtual file system, cold and warm.

The tree is a real Git repository, read as the controller reads it. The floor is the time inside
the engine, from its own log: what lies above it is Git, the pipe and Python. Beside it is what the
tool's own program takes for the same files in a checkout, where there is such a program: it starts
anew for every render.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from bench.programs import program
from bench.report import emit, progress, spread
from tiphys.adapters.engine import EngineRenderer, LaneOptions
from tiphys.adapters.git.tree import GitTree
from tiphys.model.render import (
    DirectoryOptions,
    HelmOptions,
    JsonnetVariable,
    KustomizeOptions,
    RenderRequest,
    ToolOptions,
)

WARM_RENDERS = 50
RUNS = 5

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {app: NAME}}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers: [{name: main, image: 'registry.example.com/shop:1', ports: [{containerPort: 80}]}]
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {app: NAME}, ports: [{port: 80}]}
"""


@dataclass(frozen=True)
class Case:
    """One source; `objects` is how many manifests it has to give."""

    name: str
    options: ToolOptions
    objects: int
    files: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """The program that does the same, and its arguments in the source's folder."""


def _chart(objects: int) -> dict[str, str]:
    values = "replicas: 2\nimage: {name: registry.example.com/shop, tag: '1'}\n"
    labels = '{{ define "labels" }}{app: {{ .Release.Name }}, chart: {{ .Chart.Name }}}{{ end }}'
    pair = _DEPLOYMENT.replace("replicas: 2", "replicas: {{ .Values.replicas }}").replace(
        "labels: {app: NAME}}\nspec", 'labels: {{ include "labels" . }}}\nspec'
    )
    templates = {
        f"templates/{number}.yaml": (pair + "---\n" + _SERVICE).replace(
            "NAME", f"{{{{ .Release.Name }}}}-{number}"
        )
        for number in range(objects // 2)
    }
    chart = {"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n", "values.yaml": values}
    return {**chart, "templates/_labels.tpl": labels, **templates}


def _kustomization(objects: int) -> dict[str, str]:
    names = [f"n{number}" for number in range(objects // 2)]
    files = {
        f"{name}.yaml": (_DEPLOYMENT + "---\n" + _SERVICE).replace("NAME", name) for name in names
    }
    listed = "".join(f"- {name}.yaml\n" for name in names)
    return {"kustomization.yaml": f"namePrefix: dev-\nresources:\n{listed}", **files}


def _jsonnet(objects: int) -> dict[str, str]:
    library = (
        "{pair(name, replicas):: [{apiVersion: 'apps/v1', kind: 'Deployment',"
        " metadata: {name: name, labels: {app: name}}, spec: {replicas: replicas,"
        " selector: {matchLabels: {app: name}}, template: {metadata: {labels: {app: name}},"
        " spec: {containers: [{name: 'main', image: 'registry.example.com/shop:1'}]}}}},"
        " {apiVersion: 'v1', kind: 'Service', metadata: {name: name},"
        " spec: {selector: {app: name}, ports: [{port: 80}]}}]}"
    )
    main = (
        "local lib = import 'lib.libsonnet';\nfunction(replicas) std.flattenArrays("
        f"[lib.pair('n%d' % n, replicas) for n in std.range(1, {objects // 2})])\n"
    )
    return {"main.jsonnet": main, "lib.libsonnet": library}


def _cases() -> list[Case]:
    helm = HelmOptions("shop", "default", kube_version="v1.36.0")
    jsonnet = DirectoryOptions(tlas=(JsonnetVariable("replicas", "2", code=True),))
    template = ("helm", "template", "shop", ".", "--kube-version", "v1.36.0", "--include-crds")
    build = ("kustomize", "build", ".")
    plain = {
        f"{n}.yaml": (_DEPLOYMENT + "---\n" + _SERVICE).replace("NAME", f"n{n}") for n in (1, 2)
    }
    return [
        Case("directory-4", DirectoryOptions(), 4, plain),
        Case("jsonnet-4", jsonnet, 4, _jsonnet(4)),
        Case("jsonnet-30", jsonnet, 30, _jsonnet(30)),
        Case("kustomize-4", KustomizeOptions(), 4, _kustomization(4), build),
        Case("kustomize-30", KustomizeOptions(), 30, _kustomization(30), build),
        Case("helm-4", helm, 4, _chart(4), template),
        Case("helm-30", helm, 30, _chart(30), template),
    ]


def run() -> None:
    with tempfile.TemporaryDirectory(prefix="tiphys-bench-") as folder:
        asyncio.run(_all(Path(folder)))


async def _all(folder: Path) -> None:
    cases = _cases()
    tree = GitTree(folder / "repo" / ".git", _commit(folder / "repo", cases))
    for case in cases:
        progress(f"S3: {case.name}")
        log = folder / f"{case.name}.jsonl"
        cold: list[float] = []
        warm: list[float] = []
        for _ in range(RUNS):
            engine = EngineRenderer(options=LaneOptions(size=1, request_log=log))
            cold.append(await _timed(engine, case, tree, 1))
            warm.append(await _timed(engine, case, tree, WARM_RENDERS))
            await engine.close()
        inside = [orjson.loads(line)["ms"] for line in log.read_bytes().splitlines()]
        emit(
            "S3",
            source=case.name,
            objects=case.objects,
            cold_ms=spread(cold),
            warm_ms=spread(warm),
            floor_ms=spread(inside),
            renders_a_second=spread([1000 / each for each in warm], 0),
            **_by_program(case, folder / "repo" / case.name),
        )


def _by_program(case: Case, folder: Path) -> dict[str, object]:
    """What the tool's own program takes, once it is in the page cache."""
    if not case.command:
        return {}
    name, *arguments = case.command
    command = [str(program(name)), *arguments]
    seconds = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        ran = subprocess.run(command, cwd=folder, capture_output=True, check=True)
        seconds.append(time.perf_counter() - start)
    assert ran.stdout.count(b"kind: ") >= case.objects
    return {"program": name, "program_ms": spread([each * 1000 for each in seconds[1:]])}


async def _timed(engine: EngineRenderer, case: Case, tree: GitTree, times: int) -> float:
    """Milliseconds a render."""
    request = RenderRequest(case.name, case.options)
    start = time.perf_counter()
    for _ in range(times):
        result = await engine.render(request, tree)
    seconds = time.perf_counter() - start
    assert len(result.manifests) == case.objects
    return seconds / times * 1000


def _commit(folder: Path, cases: list[Case]) -> str:
    for case in cases:
        for name, text in case.files.items():
            path = folder / case.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    author = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "Sources"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return found.stdout.strip()
