"""The tree's words for a Pod, by the rules of `kubectl get pods`."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.tree.pods import PodSummary, summarise


def pod(
    status: dict[str, Any] | None = None,
    *,
    containers: int = 1,
    init: list[dict[str, Any]] | None = None,
    deleting: bool = False,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "web"}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    spec: dict[str, Any] = {
        "nodeName": "n1",
        "containers": [{"name": f"c{number}"} for number in range(containers)],
    }
    if init is not None:
        spec["initContainers"] = init
    return {"metadata": metadata, "spec": spec, "status": status or {}}


def state(**parts: Any) -> dict[str, Any]:
    return {"restartCount": 0, **parts}


def running(**parts: Any) -> dict[str, Any]:
    return state(ready=True, state={"running": {}}, **parts)


def condition(kind: str, status: str, reason: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason}


def waiting(reason: str) -> dict[str, Any]:
    return state(state={"waiting": {"reason": reason}})


def ended(**parts: Any) -> dict[str, Any]:
    return state(state={"terminated": parts})


INIT = [{"name": "first"}, {"name": "second"}]
SIDECAR = [{"name": "side", "restartPolicy": "Always"}, {"name": "second"}]


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("", pod()),
        ("Pending", pod({"phase": "Pending"})),
        ("Evicted", pod({"phase": "Failed", "reason": "Evicted"})),
        (
            "SchedulingGated",
            pod(
                {
                    "phase": "Pending",
                    "conditions": [
                        condition("Ready", "False"),
                        condition("PodScheduled", "False", "SchedulingGated"),
                    ],
                }
            ),
        ),
        ("Running", pod({"phase": "Running", "containerStatuses": [running()]})),
        (
            "ImagePullBackOff",
            pod({"phase": "Pending", "containerStatuses": [waiting("ImagePullBackOff")]}),
        ),
        (
            "Error",
            pod({"phase": "Failed", "containerStatuses": [ended(reason="Error", exitCode=2)]}),
        ),
        (
            "Signal:9",
            pod({"phase": "Failed", "containerStatuses": [ended(signal=9, exitCode=9)]}),
        ),
        ("ExitCode:3", pod({"phase": "Failed", "containerStatuses": [ended(exitCode=3)]})),
        ("ExitCode:0", pod({"phase": "Succeeded", "containerStatuses": [ended()]})),
        (
            "First",
            pod({"phase": "Pending", "containerStatuses": [waiting("First"), waiting("Second")]}),
        ),
        (
            "Running",
            pod(
                {
                    "phase": "Running",
                    "conditions": [condition("Initialized", "True"), condition("Ready", "True")],
                    "containerStatuses": [ended(reason="Completed"), running()],
                }
            ),
        ),
        (
            "NotReady",
            pod(
                {
                    "phase": "Running",
                    "containerStatuses": [ended(reason="Completed"), running()],
                }
            ),
        ),
        (
            "Completed",
            pod({"phase": "Succeeded", "containerStatuses": [ended(reason="Completed")]}),
        ),
        ("Terminating", pod({"phase": "Running"}, deleting=True)),
        ("Succeeded", pod({"phase": "Succeeded"}, deleting=True)),
        ("Unknown", pod({"phase": "Running", "reason": "NodeLost"}, deleting=True)),
        ("Init:0/2", pod({"initContainerStatuses": [running()]}, init=INIT)),
        (
            "Init:1/2",
            pod(
                {"initContainerStatuses": [ended(exitCode=0), waiting("PodInitializing")]},
                init=INIT,
            ),
        ),
        (
            "Init:CrashLoopBackOff",
            pod({"initContainerStatuses": [waiting("CrashLoopBackOff")]}, init=INIT),
        ),
        (
            "Init:Error",
            pod({"initContainerStatuses": [ended(reason="Error", exitCode=1)]}, init=INIT),
        ),
        (
            "Init:Signal:15",
            pod({"initContainerStatuses": [ended(signal=15, exitCode=143)]}, init=INIT),
        ),
        ("Init:ExitCode:4", pod({"initContainerStatuses": [ended(exitCode=4)]}, init=INIT)),
        (
            "Init:1/2",
            pod(
                {"initContainerStatuses": [running(name="side", started=True), running()]},
                init=SIDECAR,
            ),
        ),
    ],
)
def test_the_reason_is_kubectls(reason: str, given: dict[str, Any]) -> None:
    assert summarise(given).reason == reason


def test_ready_containers_are_counted_with_sidecars() -> None:
    summary = summarise(
        pod(
            {
                "phase": "Running",
                "initContainerStatuses": [
                    running(name="side", started=True),
                    ended(exitCode=0),
                ],
                "containerStatuses": [running(), state(ready=False, state={"running": {}})],
            },
            containers=2,
            init=SIDECAR,
        )
    )
    # The sidecar's readiness counts as long as the init containers are looked at.
    assert (summary.ready, summary.total) == (2, 3)


def test_containers_are_looked_at_once_the_pod_says_that_it_is_initialised() -> None:
    status = {
        "phase": "Running",
        "conditions": [condition("Initialized", "True")],
        "initContainerStatuses": [waiting("PodInitializing")],
        "containerStatuses": [running()],
    }
    assert summarise(pod(status, init=INIT)).ready == 1
    not_yet = status | {"conditions": [condition("Initialized", "False")]}
    assert summarise(pod(not_yet, init=INIT)).ready == 0


def test_a_container_that_runs_and_is_not_ready_does_not_count() -> None:
    starting = state(ready=False, state={"running": {}})
    summary = summarise(pod({"phase": "Running", "containerStatuses": [starting]}))
    assert (summary.reason, summary.ready) == ("Running", 0)


def test_a_sidecar_that_is_not_ready_counts_only_in_the_total() -> None:
    started = state(name="side", started=True, ready=False, state={"running": {}})
    summary = summarise(pod({"initContainerStatuses": [started]}, init=SIDECAR))
    assert (summary.ready, summary.total) == (0, 2)


def test_restarts_after_initialising_are_those_of_containers_and_sidecars() -> None:
    summary = summarise(
        pod(
            {
                "initContainerStatuses": [
                    state(name="side", started=True, restartCount=2, state={"running": {}}),
                    state(name="second", restartCount=5, state={"terminated": {"exitCode": 0}}),
                ],
                "containerStatuses": [running() | {"restartCount": 3}],
            },
            init=SIDECAR,
        )
    )
    assert summary.restarts == 5


def test_restarts_while_initialising_are_those_of_init_containers() -> None:
    failing = waiting("CrashLoopBackOff") | {"restartCount": 4}
    assert summarise(pod({"initContainerStatuses": [failing]}, init=INIT)).restarts == 4


def test_info_is_in_the_contracts_order() -> None:
    assert PodSummary("Running", "n1", 1, 2, 3).info() == (
        ("Status Reason", "Running"),
        ("Node", "n1"),
        ("Containers", "1/2"),
        ("Restart Count", "3"),
    )


def test_info_leaves_out_what_says_nothing() -> None:
    assert PodSummary("", "", 0, 1, 0).info() == (("Node", ""), ("Containers", "0/1"))


def test_a_pod_without_spec_and_status_has_nothing_ready() -> None:
    assert summarise({"metadata": {"name": "x"}}) == PodSummary("", "", 0, 0, 0)
