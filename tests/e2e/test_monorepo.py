"""Many applications in one repository, seen from the cluster: renders and writes, counted.

What Git is asked, and what stays on disk, is counted in tests/services/test_monorepo.py.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.stack import NAMESPACE, Stack
from tests.fixtures.monorepo import SHARED_BY, Monorepo, applications, config_map, files_of

APPLICATIONS, FILES = (1000, 20_000) if os.environ.get("TIPHYS_SOAK") else (30, 300)
PATIENCE = 30 + APPLICATIONS / 3


class Mono:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        path = stack.folder / "repositories" / "mono.git"
        self.repo = Monorepo(path, files_of(APPLICATIONS, FILES))
        self.url = f"{stack.git_url}/mono.git"
        for app in applications(APPLICATIONS):
            source = {"repoURL": self.url, **app.source}
            stack.kube.create(
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "Application",
                    "metadata": {"name": app.name, "namespace": NAMESPACE},
                    "spec": {
                        "project": "default",
                        "source": source,
                        "destination": {"name": "in-cluster", "namespace": "mono"},
                    },
                }
            )

    def revisions(self) -> Counter[str]:
        found = self.stack.kube.list("Application", NAMESPACE)
        ours = [one for one in found if one["spec"]["source"]["repoURL"] == self.url]
        statuses: list[Mapping[str, Any]] = [one.get("status") or {} for one in ours]
        return Counter((status.get("sync") or {}).get("revision", "") for status in statuses)

    def until_all_at(self, commit: str) -> None:
        def are() -> bool:
            revisions = self.revisions()
            assert revisions == {commit: APPLICATIONS}, revisions.most_common(3)
            return True

        self.stack.until(f"all are compared at {commit}", are, PATIENCE)

    def push(self, change: Mapping[str, str]) -> int:
        """Answers how many renders came of it, once all statuses name the commit."""
        before = self.stack.renders()
        self.until_all_at(self.repo.push(change))
        return self.stack.renders() - before


@pytest.fixture(scope="module")
def mono(stack: Stack) -> Mono:
    before = stack.renders()
    mono = Mono(stack)
    mono.until_all_at(mono.repo.head)
    assert stack.renders() - before == APPLICATIONS
    return mono


@pytest.mark.parametrize(
    ("change", "renders"),
    [
        ({"plain/0003/one.yaml": config_map("one", "changed")}, 1),
        ({"bases/000/base.yaml": config_map("base", "changed")}, SHARED_BY),
        ({"values/000.yaml": "texts: {shared: changed}\n"}, SHARED_BY),
        ({"helm/0004/optional.yaml": "texts: {optional: x}\n"}, 1),
        ({"docs/new.md": "x"}, 0),
    ],
)
def test_a_commit_renders_what_it_touches(
    mono: Mono, change: Mapping[str, str], renders: int
) -> None:
    assert mono.push(change) == renders


def test_an_equal_commit_is_one_quiet_write_for_each(mono: Mono, stack: Stack) -> None:
    mark = stack.audit_offset()
    assert mono.push({"docs/quiet.md": "x"}) == 0
    written = Counter(
        event["objectRef"]["name"]
        for event in stack.audit(NAMESPACE, since=mark)
        if event["objectRef"]["resource"] == "applications"
    )
    assert set(written.values()) <= {1}


def test_a_restart_renders_nothing(mono: Mono, stack: Stack) -> None:
    before = stack.renders()
    assert stack.tiphys is not None
    stack.tiphys.terminate()
    stack.tiphys.wait(15)
    commit = mono.repo.push({"docs/meanwhile.md": "x"})
    stack.start_tiphys()
    mono.until_all_at(commit)
    assert stack.renders() == before
