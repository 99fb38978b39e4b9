"""What N applications cost that are Synced and Healthy.

S4: a minute in which nothing happens. S5: drift, from the change by hand to the object healed.
S6: an object that changes ten times a second, and what another application feels of it. S8: from
a restart to the first status that was compared anew. And the memory of it all.
"""

from __future__ import annotations

import json
import threading
import time

from bench.lab import lab
from bench.processes import cpu_seconds, memory_mib
from bench.report import emit, progress, spread
from bench.workload import TARGET, applications, done, fill, names
from tests.e2e.kube import Kube
from tests.e2e.stack import Stack

_IDLE = 60.0


def run(apps: int, objects: int, runs: int) -> None:
    """All of them on one set of applications, polled as a user's are."""
    with lab() as stack:
        repo = stack.repo("workload.git")
        listed = names(apps)
        fill(repo, listed, objects, "ConfigMap")
        for manifest in applications(listed, repo):
            stack.kube.create(manifest)
        stack.start_tiphys()
        stack.until("all Synced and Healthy", lambda: done(stack, apps), 600)
        _settle(stack)
        shape = {"applications": apps, "objects": apps * objects}
        emit("memory", **shape, pss_mib=round(memory_mib(stack), 1))
        _idle(stack, shape)
        _drift(stack, listed, shape, runs)
        _noise(stack, listed, shape)
        _restart(stack, apps, shape, runs)


def _settle(stack: Stack) -> None:
    """Until what was written behind is written: a few seconds with next to no work."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        before = cpu_seconds(stack)
        time.sleep(5)
        if cpu_seconds(stack) - before < 0.25:
            return


def _idle(stack: Stack, shape: dict[str, int]) -> None:
    progress("S4: a minute of idling")
    before, mark, asked = cpu_seconds(stack), stack.audit_offset(), stack.git_requests()
    time.sleep(_IDLE)
    spent = cpu_seconds(stack) - before
    emit(
        "S4",
        **shape,
        cpu_seconds=round(spent, 2),
        percent_of_a_core=round(100 * spent / _IDLE, 2),
        writes=sum(1 for _ in stack.audit(since=mark)),
        git_requests=stack.git_requests() - asked,
    )


def _drift(stack: Stack, apps: list[str], shape: dict[str, int], runs: int) -> None:
    """The first heals of an application: a further one within minutes waits by design."""
    seconds = []
    for number in range(runs):
        progress(f"S5: run {number + 1} of {runs}")
        name = f"{apps[number * 11 % len(apps)]}-0"
        stack.kube.merge("ConfigMap", TARGET, name, {"data": {"filler": "drifted"}})
        seconds.append(_wait_healed(stack, name))
        time.sleep(1)
    emit("S5", **shape, seconds=spread(seconds))


def _wait_healed(stack: Stack, name: str) -> float:
    start = time.perf_counter()
    while time.perf_counter() - start < 60:
        found = stack.kube.get("ConfigMap", TARGET, name)
        if found is not None and found["data"]["filler"] != "drifted":
            return time.perf_counter() - start
        time.sleep(0.005)
    raise RuntimeError(f"{name} was not healed\n{stack.log_tail()}")


def _noise(stack: Stack, apps: list[str], shape: dict[str, int]) -> None:
    """The noisy object is tracked and changes in a field that nobody desires."""
    progress("S6: an object that changes ten times a second")
    stop = threading.Event()
    noisy = Kube(stack.cluster.kubeconfig)

    def shout() -> None:
        number = 0
        while not stop.wait(0.1):
            number += 1
            noisy.merge("ConfigMap", TARGET, f"{apps[-1]}-0", {"data": {"noise": str(number)}})

    quiet = _latencies(stack, apps[30:35])
    rendered, before, start = stack.renders(), cpu_seconds(stack), time.monotonic()
    thread = threading.Thread(target=shout)
    thread.start()
    try:
        time.sleep(20)
        spent = cpu_seconds(stack) - before
        elapsed = time.monotonic() - start
        loud = _latencies(stack, apps[35:40])
    finally:
        stop.set()
        thread.join()
    emit(
        "S6",
        **shape,
        percent_of_a_core=round(100 * spent / elapsed, 2),
        renders=stack.renders() - rendered,
        others_quiet_seconds=spread(quiet),
        others_loud_seconds=spread(loud),
    )


def _latencies(stack: Stack, apps: list[str]) -> list[float]:
    """How long drift of other applications takes to be healed."""
    found = []
    for app in apps:
        stack.kube.merge("ConfigMap", TARGET, f"{app}-0", {"data": {"filler": "drifted"}})
        found.append(_wait_healed(stack, f"{app}-0"))
    return found


def _restart(stack: Stack, apps: int, shape: dict[str, int], runs: int) -> None:
    """First correct status: a change that was made while Tiphys was away is told."""
    seconds, rendered = [], []
    for number in range(runs):
        progress(f"S8: run {number + 1} of {runs}")
        stack.kill_tiphys()
        app = names(apps)[50 + number]
        stack.kube.merge("ConfigMap", TARGET, f"{app}-0", {"data": {"filler": "drifted"}})
        before, start = stack.renders(), time.perf_counter()
        stack.start_tiphys()
        _wait_healed(stack, f"{app}-0")
        seconds.append(time.perf_counter() - start)
        _settle(stack)
        rendered.append(float(stack.renders() - before))
    emit("S8", **shape, seconds=spread(seconds), renders=spread(rendered))


def one_object(sizes: list[int], runs: int) -> None:
    """CPU of one changed object, in an application of few and of many."""
    for size in sizes:
        with lab() as stack:
            repo = stack.repo("workload.git")
            listed = names(1)
            fill(repo, listed, size, "ConfigMap")
            for manifest in applications(listed, repo):
                manifest["spec"]["syncPolicy"] = {"automated": {}}
                stack.kube.create(manifest)
            stack.start_tiphys()
            stack.until("Synced and Healthy", lambda: done(stack, 1), 600)
            _settle(stack)
            spent = []
            for number in range(runs):
                progress(f"one object of {size}: run {number + 1} of {runs}")
                spent.append(_one_change(stack, listed[0], number))
            emit("one-object", objects=size, cpu_milliseconds=spread(spent, 1))


def _one_change(stack: Stack, app: str, number: int) -> float:
    """Twenty changes of an undesired field, so that the kernel's ticks can be counted."""
    before = cpu_seconds(stack)
    for step in range(20):
        value = {"data": {"noise": json.dumps([number, step])}}
        stack.kube.merge("ConfigMap", TARGET, f"{app}-{step}", value)
        time.sleep(0.3)
    time.sleep(2)
    return (cpu_seconds(stack) - before) * 1000 / 20
