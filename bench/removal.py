"""Deletion of N applications with all that they deployed, against a bare client's deletions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.floor import Write, replay
from bench.lab import lab, wipe
from bench.report import emit, progress, spread
from bench.waiting import objects_gone
from bench.workload import TARGET, applications, config_map, done, fill, names
from tests.e2e.kube import path_of
from tests.e2e.stack import NAMESPACE, Stack

_FINALIZER = "resources-finalizer.argocd.argoproj.io"


def run(scenario: str, apps: int, objects: int, runs: int) -> None:
    with lab() as stack:
        repo = stack.repo("workload.git")
        listed = names(apps)
        fill(repo, listed, objects, "ConfigMap")
        ours: list[float] = []
        floors: list[float] = []
        for number in range(runs):
            progress(f"{scenario}: run {number + 1} of {runs}")
            for manifest in applications(listed, repo):
                manifest["metadata"]["finalizers"] = [_FINALIZER]
                stack.kube.create(manifest)
            stack.start_tiphys()
            stack.until("all Synced and Healthy", lambda: done(stack, apps), 300)
            time.sleep(5)  # so that nothing written behind is still under way
            ours.append(_delete(stack, listed, objects))
            wipe(stack, [], ("ConfigMap",))
            floors.append(_floor(stack, listed, objects))
        ratio = [a / b for a, b in zip(ours, floors, strict=True)]
        emit(
            scenario,
            applications=apps,
            objects=apps * objects,
            seconds=spread(ours),
            floor_seconds=spread(floors),
            ratio=spread(ratio, 2),
        )


def _delete(stack: Stack, apps: list[str], objects: int) -> float:
    """From the first request to delete an Application until none is left."""
    token = stack.controller_token()
    server, ca_file = stack.kube.server, stack.cluster.ca_file
    with _gone(stack, apps, _keys(apps, objects)) as wait:
        start = time.perf_counter()
        replay(server, ca_file, token, [_delete_application(app) for app in apps])
        wait()
        return time.perf_counter() - start


def _keys(apps: list[str], objects: int) -> list[str]:
    return [f"{app}-{number}" for app in apps for number in range(objects)]


@contextmanager
def _gone(stack: Stack, apps: list[str], keys: list[str]) -> Iterator[Callable[[], None]]:
    """Objects go by the API server's garbage collector, which has to be waited for alike."""
    with (
        objects_gone(stack, "ConfigMap", TARGET) as maps,
        objects_gone(stack, "Application", NAMESPACE) as applications,
    ):

        def wait() -> None:
            maps.wait(set(keys))
            applications.wait(set(apps))

        yield wait


def _floor(stack: Stack, apps: list[str], objects: int) -> float:
    """The same deletions, of objects that are made for it: Applications without finalizers."""
    token = stack.controller_token()
    server, ca_file = stack.kube.server, stack.cluster.ca_file
    keys = _keys(apps, objects)
    made = [
        Write("POST", path_of("ConfigMap", TARGET, ""), config_map(app, number))
        for app in apps
        for number in range(objects)
    ]
    made += [
        Write(
            "POST",
            path_of("Application", NAMESPACE, ""),
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": app, "finalizers": [_FINALIZER]},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": "http://127.0.0.1:1/none.git", "path": app},
                    "destination": {"namespace": TARGET, "name": "in-cluster"},
                },
            },
        )
        for app in apps
    ]
    replay(server, ca_file, token, made)
    writes = [_delete_application(app) for app in apps]
    writes += [_delete_object(key) for key in keys]
    writes += [
        Write(
            "PATCH",
            path_of("Application", NAMESPACE, app),
            {"metadata": {"finalizers": None}},
            "application/merge-patch+json",
        )
        for app in apps
    ]
    with _gone(stack, apps, keys) as wait:
        start = time.perf_counter()
        replay(server, ca_file, token, writes)
        wait()
        return time.perf_counter() - start


def _delete_application(name: str) -> Write:
    """As a user's client does."""
    return Write("DELETE", path_of("Application", NAMESPACE, name), {})


def _delete_object(name: str) -> Write:
    """As the finalizer asks for."""
    return Write("DELETE", path_of("ConfigMap", TARGET, name), {"propagationPolicy": "Foreground"})
