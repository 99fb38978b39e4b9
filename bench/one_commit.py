"""S2: a commit that touches one of N applications, from the push to the object applied."""

from __future__ import annotations

import json
import time

from bench.lab import lab
from bench.report import emit, progress, spread
from bench.workload import TARGET, applications, config_map, done, fill, names
from tests.e2e.stack import Stack


def run(scenario: str, apps: int, objects: int, runs: int) -> None:
    with lab(interval="2s") as stack:
        repo = stack.repo("workload.git")
        listed = names(apps)
        fill(repo, listed, objects, "ConfigMap")
        for manifest in applications(listed, repo):
            stack.kube.create(manifest)
        stack.start_tiphys()
        stack.until("all Synced and Healthy", lambda: done(stack, apps), 300)
        seconds: list[float] = []
        renders: list[float] = []
        requests: list[float] = []
        for number in range(runs):
            progress(f"{scenario}: run {number + 1} of {runs}")
            app = listed[number * 7 % apps]
            value = f"changed in run {number}"
            repo.write(f"{app}/0.json", json.dumps(config_map(app, 0, value)))
            before, asked = stack.renders(), stack.git_requests()
            repo.commit("Change one")
            seen = _wait_seen(stack, asked)
            seconds.append(_wait_applied(stack, app, value) - seen)
            time.sleep(3)  # so that a render too many would be counted
            renders.append(stack.renders() - before)
            requests.append(stack.git_upload_packs(asked))
        emit(
            scenario,
            applications=apps,
            objects=apps * objects,
            seconds=spread(seconds),
            renders=spread(renders),
            git_upload_packs=spread(requests),
        )


def _wait_seen(stack: Stack, asked: int) -> float:
    """When the Git server was asked for the first time after the commit."""
    while stack.git_requests() == asked:
        time.sleep(0.005)
    return time.perf_counter()


def _wait_applied(stack: Stack, app: str, value: str) -> float:
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        found = stack.kube.get("ConfigMap", TARGET, f"{app}-0")
        if found is not None and found["data"]["filler"] == value:
            return time.perf_counter()
        time.sleep(0.005)
    raise RuntimeError(f"{app} was not applied\n{stack.log_tail()}")
