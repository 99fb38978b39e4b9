"""S1: from the start of the process to all applications Synced and Healthy, against the floor."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from typing import Any

from bench.floor import Write, replay
from bench.lab import lab, wipe
from bench.report import emit, progress, spread
from bench.waiting import applications_done
from bench.workload import (
    TARGET,
    applications,
    config_map,
    deployment,
    event,
    fill,
    names,
)
from tests.e2e.kube import path_of
from tests.e2e.stack import NAMESPACE, Stack


def run(scenario: str, apps: int, objects: int, kind: str, runs: int) -> None:
    with lab() as stack:
        repo = stack.repo("workload.git")
        listed = names(apps)
        fill(repo, listed, objects, kind)
        ours: list[float] = []
        floors: list[float] = []
        counts: Counter[str] = Counter()
        for number in range(runs):
            progress(f"{scenario}: run {number + 1} of {runs}")
            for manifest in applications(listed, repo):
                stack.kube.create(manifest)
            mark = stack.audit_offset()
            ours.append(_until_done(stack, apps))
            counts = _counts(stack, mark)
            body = stack.app(listed[0])["status"]
            wipe(stack, listed, (kind,))
            floors.append(_floor(stack, listed, objects, kind, counts, body))
            wipe(stack, listed, (kind,))
        ratio = sorted(a / b for a, b in zip(ours, floors, strict=True))
        emit(
            scenario,
            applications=apps,
            objects=apps * objects,
            kind=kind,
            seconds=spread(ours),
            floor_seconds=spread(floors),
            ratio=spread(ratio, 2),
            object_writes_per_object=round(counts["object"] / (apps * objects), 2),
            application_writes_per_application=round(counts["application"] / apps, 2),
            events_per_application=round(counts["event"] / apps, 2),
            renders=stack.renders() // runs,
        )


def _until_done(stack: Stack, count: int) -> float:
    """Nothing is known of earlier runs but the repository that was cloned."""
    shutil.rmtree(stack.folder / "data" / "renders", ignore_errors=True)
    with applications_done(stack) as applications:
        start = time.perf_counter()
        stack.start_tiphys()
        applications.wait(count)
        return time.perf_counter() - start


def _counts(stack: Stack, mark: int) -> Counter[str]:
    """Writes of the run from the audit log, once it has been written out."""
    time.sleep(1)
    kinds = {
        "applications": "application",
        "configmaps": "object",
        "deployments": "object",
        "events": "event",
    }
    found = (event.get("objectRef", {}).get("resource", "") for event in stack.audit(since=mark))
    return Counter(kinds.get(resource, resource) for resource in found)


def _floor(
    stack: Stack,
    apps: list[str],
    objects: int,
    kind: str,
    counts: Counter[str],
    status: dict[str, Any],
) -> float:
    """The same number of writes of the same sizes; the Applications are there before."""
    for app in apps:
        stack.kube.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": app, "namespace": NAMESPACE},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": "http://127.0.0.1:1/none.git", "path": app},
                    "destination": {"namespace": TARGET, "name": "in-cluster"},
                },
            }
        )
    make = config_map if kind == "ConfigMap" else deployment
    writes = [
        Write("POST", path_of(kind, TARGET, ""), make(app, number))
        for app in apps
        for number in range(objects)
    ]
    for turn in range(round(counts["application"] / len(apps))):
        for app in apps:
            body = {"status": status | {"observedAt": f"2026-01-01T00:00:{turn:02d}Z"}}
            writes.append(
                Write(
                    "PATCH",
                    path_of("Application", NAMESPACE, app),
                    body,
                    "application/merge-patch+json",
                )
            )
    writes += [
        Write("POST", f"/api/v1/namespaces/{NAMESPACE}/events", event(app))
        for _ in range(round(counts["event"] / len(apps)))
        for app in apps
    ]
    token = stack.controller_token()
    return replay(stack.kube.server, stack.cluster.ca_file, token, writes)
