"""Applications that differ in tool, sync option, its level and the strategy, led through a life.

All of them live side by side: each stage is one commit and one or two commands, so that the whole
matrix takes little longer than one application does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any

import yaml

from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack

TOOLS = ("directory", "kustomize", "helm")
STRATEGIES = ("hook", "apply")
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "": ("app",),
    "Replace=true": ("app", "resource"),
    "Force=true": ("resource",),
    "Force=true,Replace=true": ("resource",),
    "ServerSideApply=true": ("app", "resource"),
    "ServerSideApply=true,ClientSideApplyMigration=false": ("app",),
    "Validate=false": ("app", "resource"),
    "SkipDryRunOnMissingResource=true": ("app", "resource"),
    "ApplyOutOfSyncOnly=true": ("app",),
    "PruneLast=true": ("app", "resource"),
    "Prune=false": ("app", "resource"),
    "Prune=confirm": ("app", "resource"),
    "PrunePropagationPolicy=background": ("app",),
    "Delete=false": ("app", "resource"),
    "Delete=confirm": ("app", "resource"),
}
"""Each with the levels at which it means something."""

_ANNOTATION = "argocd.argoproj.io/sync-options"
_WAVE = "argocd.argoproj.io/sync-wave"


@dataclass(frozen=True)
class Case:
    tool: str
    option: str
    level: str
    strategy: str

    @property
    def name(self) -> str:
        which = list(OPTIONS).index(self.option)
        return f"opt-{self.tool[:4]}-{which}-{self.level}-{self.strategy}"

    def asks(self, option: str) -> bool:
        return option in self.option.split(",")

    @property
    def recreated(self) -> bool:
        """Its ConfigMap cannot be changed in place."""
        return self.asks("Force=true")


def whole() -> list[Case]:
    return [
        Case(tool, option, level, strategy)
        for tool, option, strategy in product(TOOLS, OPTIONS, STRATEGIES)
        for level in OPTIONS[option]
    ]


def sample() -> list[Case]:
    """Few, and yet every pair of two factors' values that there is."""
    cases = []
    for (i, tool), (j, option) in product(enumerate(TOOLS), enumerate(OPTIONS)):
        levels = OPTIONS[option]
        level, strategy = levels[(i + j) % len(levels)], STRATEGIES[(i + j // 2) % 2]
        cases.append(Case(tool, option, level, strategy))
    return cases


@dataclass
class Seen:
    """What was there after a stage."""

    state: dict[str, Any]
    results: dict[str, dict[str, Any]]
    objects: dict[str, dict[str, Any]]
    writes: list[tuple[str, str]] = field(default_factory=list)
    waited: str = ""

    def message(self, name: str) -> str:
        text: str = self.results[name].get("message", "")
        return text


@dataclass
class Life:
    """`seen` by stage and case."""

    stack: Stack
    repo: Repo
    cases: list[Case]
    seen: dict[tuple[str, Case], Seen] = field(default_factory=dict)

    def run(self) -> None:
        self._create()
        self._update()
        self._prune()
        self._delete()

    def _create(self) -> None:
        for case in self.cases:
            self._write(
                case, {name: self._map(case, name) for name in ("extra", "settings", "steady")}
            )
        commit = self.repo.commit()
        for case in self.cases:
            options = case.option.split(",") if case.level == "app" and case.option else []
            self.stack.apply(case.name, self.repo, case.name, syncPolicy={"syncOptions": options})
        self._sync("create", commit)

    def _update(self) -> None:
        for case in self.cases:
            if not case.recreated:
                others = {"data": {"others": "1"}}
                self.stack.kube.merge("ConfigMap", case.name, "settings", others)
            more = {"nonsense": "1"} if case.asks("Validate=false") else {}
            self._write(case, {"settings": {**self._map(case, "settings", a="2"), **more}})
        self._sync("update", self.repo.commit())

    def _prune(self) -> None:
        for case in self.cases:
            self._remove(case, "extra")
            self._write(case, {"late": self._map(case, "late", wave=3)})
        self._sync("prune", self.repo.commit(), "--prune", asking="Prune=confirm")

    def _delete(self) -> None:
        self.stack.ok("app", "delete", "--yes", *(case.name for case in self.cases))
        asking = [
            one for one in self.cases if one.asks("Delete=confirm") or one.asks("Prune=confirm")
        ]
        time.sleep(1)
        for case in asking:
            # Nothing went while nobody agreed.
            self.seen["asked", case] = self._look(case)
            self._approve(case)
        for case in self.cases:
            self.stack.until(f"{case.name} is gone", partial(self._gone, case))
            self.seen["delete", case] = self._look(case)

    def _gone(self, case: Case) -> bool:
        return self.stack.kube.get("Application", NAMESPACE, case.name) is None

    # -- one stage ----------------------------------------------------------------------------

    def _sync(self, stage: str, commit: str, *flags: str, asking: str = "") -> None:
        mark = self.stack.audit_offset()
        for strategy in STRATEGIES:
            names = [case.name for case in self.cases if case.strategy == strategy]
            self.stack.ok("app", "sync", "--async", "--strategy", strategy, *flags, *names)
        waited = {case: self._approved(case) for case in self.cases if asking and case.asks(asking)}
        for case in self.cases:
            state = self.stack.until_done(case.name, commit, seconds=120)
            seen = self.seen[stage, case] = self._look(case, state)
            seen.waited = waited.get(case, "")
        time.sleep(0.5)  # the audit log is written behind the answers
        writes: dict[str, list[tuple[str, str]]] = {}
        for event in self.stack.audit(since=mark):
            reference = event["objectRef"]
            if reference["resource"] == "configmaps" and "dryRun=All" not in event["requestURI"]:
                told = (event["verb"], reference.get("name", ""))
                writes.setdefault(reference.get("namespace", ""), []).append(told)
        for case in self.cases:
            self.seen[stage, case].writes = writes.get(case.name, [])

    def _approved(self, case: Case) -> str:
        """What it waited for, before it was told to go on."""

        def waits() -> str:
            text: str = self.stack.operation(case.name).get("message", "")
            return text if text.startswith("waiting for pruning confirmation of") else ""

        said = self.stack.until(f"{case.name} waits", waits, 60)
        assert self.stack.kube.get("ConfigMap", case.name, "extra")
        self._approve(case)
        return said

    def _approve(self, case: Case) -> None:
        moment = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        notes = {"argocd.argoproj.io/deletion-approved": moment}
        self.stack.kube.merge(
            "Application", NAMESPACE, case.name, {"metadata": {"annotations": notes}}
        )

    def _look(self, case: Case, state: dict[str, Any] | None = None) -> Seen:
        state = state or {}
        found = (state.get("syncResult") or {}).get("resources") or ()
        maps = self.stack.kube.list("ConfigMap", case.name)
        return Seen(
            state,
            {entry["name"]: entry for entry in found},
            {one["metadata"]["name"]: one for one in maps},
        )

    # -- what is in Git -----------------------------------------------------------------------

    def _map(self, case: Case, name: str, *, wave: int = 0, a: str = "1") -> dict[str, Any]:
        notes: dict[str, str] = {}
        if case.level == "resource":
            notes[_ANNOTATION] = case.option
        if wave:
            notes[_WAVE] = str(wave)
        made: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "annotations": notes},
            "data": {"a": a},
        }
        return {**made, "immutable": True} if case.recreated else made

    def _write(self, case: Case, objects: Mapping[str, Any]) -> None:
        for name, manifest in objects.items():
            text = yaml.safe_dump(manifest)
            if case.tool == "helm":
                # A value that the chart fills in, so that it is rendered.
                text = text.replace("kind: ConfigMap", "kind: {{ .Values.kind }}")
            self.repo.write(self._path(case, name), text)
        self._list(case)

    def _remove(self, case: Case, name: str) -> None:
        self.repo.remove(self._path(case, name))
        self._list(case)

    def _path(self, case: Case, name: str) -> str:
        inner = "templates/" if case.tool == "helm" else ""
        return f"{case.name}/{inner}{name}.yaml"

    def _list(self, case: Case) -> None:
        """What the tool wants beside the objects."""
        if case.tool == "kustomize":
            folder = self.repo.folder / case.name
            files = sorted(p.name for p in folder.glob("*.yaml") if p.name != "kustomization.yaml")
            text = yaml.safe_dump({"resources": files})
            self.repo.write(f"{case.name}/kustomization.yaml", text)
        elif case.tool == "helm":
            chart = {"apiVersion": "v2", "name": case.name, "version": "1.0.0"}
            self.repo.write(f"{case.name}/Chart.yaml", yaml.safe_dump(chart))
            self.repo.write(f"{case.name}/values.yaml", "kind: ConfigMap\n")


def pairs(cases: Iterable[Case]) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """Every two values of different factors that stand together in a case."""
    found: set[tuple[tuple[str, str], tuple[str, str]]] = set()
    for case in cases:
        values = [(name, getattr(case, name)) for name in ("tool", "option", "level", "strategy")]
        found.update((one, other) for one in values for other in values if one < other)
    return found
