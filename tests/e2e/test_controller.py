"""The controller as a process: namespaces, settings, metrics, and others beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import BIN, NAMESPACE, Stack

CONTROLLER = "argocd-application-controller"
LEASE = "tiphys-application-controller"
SERVER = "https://kubernetes.default.svc"


def source(stack: Stack, name: str) -> Repo:
    repo = stack.repo(f"{name}.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    return repo


def page(stack: Stack) -> str:
    lines = (stack.folder / "tiphys.log").read_text().splitlines()
    ports = [json.loads(line)["port"] for line in lines if '"serving metrics"' in line]
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def sample(text: str, metric: str, /, **labels: str) -> float | None:
    """The value of the one sample with these labels."""
    for line in text.splitlines():
        if line.startswith(f"{metric}{{") and all(f'{k}="{v}"' in line for k, v in labels.items()):
            return float(line.rpartition(" ")[2])
    return None


@contextmanager
def configured(stack: Stack, **parameters: str) -> Iterator[None]:
    keys = {key.replace("__", "."): value for key, value in parameters.items()}
    stack.configure(**keys)
    try:
        yield
    finally:
        stack.configure(**dict.fromkeys(keys))


@contextmanager
def general(stack: Stack, **data: str | None) -> Iterator[None]:
    keys = {key.replace("__", "."): value for key, value in data.items()}
    before = (stack.kube.get("ConfigMap", NAMESPACE, "argocd-cm") or {}).get("data") or {}
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": keys})
    try:
        yield
    finally:
        back = {key: before.get(key) for key in keys}
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": back})


@contextmanager
def away(stack: Stack) -> Iterator[None]:
    """Without the Tiphys of the stack, which is back afterwards."""
    assert stack.tiphys is not None
    stack.tiphys.terminate()
    stack.tiphys.wait(15)
    try:
        yield
    finally:
        started(stack)


def started(stack: Stack) -> None:
    """Tiphys begins, and is at work from here on."""
    before = readied(stack)
    stack.start_tiphys()
    stack.until("it is ready", lambda: readied(stack) > before, 60)


def readied(stack: Stack) -> int:
    log = stack.folder / "tiphys.log"
    return sum(one.get("msg") == "ready" for one in _lines(log)) if log.exists() else 0


def command(stack: Stack, tmp_path: Path, program: Path, *arguments: str) -> list[str]:
    return [
        str(program), *arguments, "--kubeconfig", str(stack.controller_kubeconfig),
        "--namespace", NAMESPACE, "--data", str(tmp_path / "data"), "--metrics-port", "0",
        "--metrics-address", "127.0.0.1",
    ]  # fmt: skip


@contextmanager
def process(line: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        started = subprocess.Popen(
            line, stdout=out, stderr=out, env={**os.environ, **environment}, start_new_session=True
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
            try:
                started.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()


def at_work(stack: Stack, begun: subprocess.Popen[bytes], log: Path) -> None:
    """Until the process says so; its log tells why it ended before."""

    def ready() -> bool:
        said = log.read_text()
        if begun.poll() is not None:
            pytest.fail(f"it ended with {begun.returncode}: {said[-2000:]}")
        return '"ready"' in said

    stack.until("it is at work", ready, 60)


@pytest.fixture
def team(stack: Stack) -> Iterator[str]:
    """A namespace whose Applications the default project takes."""
    stack.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}})
    allow = {"spec": {"sourceNamespaces": ["team-*"]}}
    stack.kube.merge("AppProject", NAMESPACE, "default", allow)
    yield "team-a"
    stack.kube.merge("AppProject", NAMESPACE, "default", {"spec": {"sourceNamespaces": None}})
    for found in stack.kube.list("Application", "team-a"):
        stack.kube.delete("Application", "team-a", found["metadata"]["name"])


def apply_in(stack: Stack, namespace: str, name: str, repo: Repo, target: str) -> None:
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "project": "default",
                "source": {"repoURL": repo.url, "path": "app"},
                "destination": {"server": SERVER, "namespace": target},
                "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
            },
        }
    )


def sync_of(stack: Stack, namespace: str, name: str) -> str:
    app = stack.kube.get("Application", namespace, name) or {}
    return str(((app.get("status") or {}).get("sync") or {}).get("status") or "")


def test_applications_of_two_namespaces_as_the_setting_goes(stack: Stack, team: str) -> None:
    repo = source(stack, "ns-twins")
    apply_in(stack, NAMESPACE, "twin", repo, "twin-one")
    apply_in(stack, team, "twin", repo, "twin-two")
    stack.until("ours is synced", lambda: sync_of(stack, NAMESPACE, "twin") == "Synced")
    assert sync_of(stack, team, "twin") == ""
    with configured(stack, application__namespaces="team-*"):
        stack.until("theirs is synced", lambda: sync_of(stack, team, "twin") == "Synced")
        found = stack.kube.get("ConfigMap", "twin-two", "settings")
        assert found is not None
        tracked = found["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"]
        assert tracked == "team-a_twin:/ConfigMap:twin-two/settings"
        text = page(stack)
        assert sample(text, "argocd_app_info", namespace=team, name="twin") == 1.0
        assert sample(text, "argocd_app_info", namespace=NAMESPACE, name="twin") == 1.0
    stack.until("theirs is let go", lambda: f'namespace="{team}"' not in _infos(page(stack)))
    assert stack.kube.get("ConfigMap", "twin-two", "settings") is not None


def _infos(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("argocd_app_info"))


def test_the_metrics_page(stack: Stack) -> None:
    repo = source(stack, "metrics")
    stack.apply("metrics", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("metrics")
    stack.until_status("metrics", "Synced", "Healthy")
    text = page(stack)
    app = {"namespace": NAMESPACE, "name": "metrics", "project": "default"}
    assert (
        sample(
            text,
            "argocd_app_info",
            **app,
            autosync_enabled="true",
            repo=repo.url.removesuffix(".git"),
            dest_server=SERVER,
            dest_namespace="metrics",
            sync_status="Synced",
            health_status="Healthy",
            operation="",
        )
        == 1.0
    )
    ended = {**app, "dest_server": SERVER, "phase": "Succeeded", "dry_run": "false"}
    assert sample(text, "argocd_app_sync_total", **ended) == 1.0
    assert sample(text, "argocd_app_sync_duration_seconds_total", **app) is not None
    created = {**app, "verb": "Create", "resource_kind": "configmaps", "response_code": "201"}
    assert sample(text, "argocd_app_k8s_request_total", **created) == 1.0
    passes = sample(text, "argocd_app_reconcile_count", namespace=NAMESPACE, dest_server=SERVER)
    assert (passes or 0) >= 1
    assert sample(text, "argocd_cluster_connection_status", server=SERVER) == 1.0
    assert sample(text, "argocd_cluster_info", server=SERVER, name="in-cluster") == 1.0
    assert (sample(text, "argocd_cluster_api_resource_objects", server=SERVER) or 0) > 10
    assert (sample(text, "argocd_cluster_events_total", server=SERVER, kind="ConfigMap") or 0) > 0
    assert (sample(text, "argocd_git_request_total", request_type="ls-remote") or 0) > 0
    assert (sample(text, "argocd_kubectl_exec_total", command="apply") or 0) > 0
    assert stack.controller_token() not in text


def test_settings_change_live_and_a_bad_value_leaves_the_last_good_one(stack: Stack) -> None:
    repo = source(stack, "live-settings")
    stack.apply("live-settings", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("live-settings")
    with general(stack, resource__exclusions="- kinds: [ConfigMap]\n"):
        stack.until(
            "the kind is excluded",
            lambda: "ExcludedResourceWarning" in stack.conditions("live-settings"),
        )
    stack.until_status("live-settings", "Synced", "Healthy")
    with general(stack, timeout__reconciliation="soon"):
        said = 'timeout.reconciliation: \\"soon\\" is not'
        stack.until("it is said", lambda: said in stack.log_tail(400))
        # The last good one is 2 s: a commit is noticed as fast as ever.
        repo.write("app/cm.yaml", config_map("settings", a="2"))
        commit = repo.commit()
        stack.until_done("live-settings", commit, seconds=15)


def test_changes_that_settings_overlook_cause_no_refresh(stack: Stack) -> None:
    repo = stack.repo("overlook.git")
    repo.write("app/cm.yaml", config_map("settings", noise="0", a="1"))
    repo.commit()
    stack.apply("overlook", repo, "app")
    stack.ok("app", "sync", "overlook")
    stack.until_status("overlook", "Synced", "Healthy")
    key = "resource__customizations__ignoreResourceUpdates__ConfigMap"
    with general(stack, **{key: "jsonPointers: [/data/noise]\n"}):
        stack.until("the setting counts", lambda: '"settings changed"' in stack.log_tail(200))
        change(stack, "overlook", noise="first")
        before = caused(stack, "overlook")
        for number in range(5):
            change(stack, "overlook", noise=str(number))
            time.sleep(0.2)
        time.sleep(0.5)
        assert caused(stack, "overlook") == before
        change(stack, "overlook", a="2")
        stack.until("that one counts", lambda: caused(stack, "overlook") > before)
        stack.until_status("overlook", "OutOfSync", "Healthy")
    with general(
        stack,
        **{key: "jsonPointers: [/data/noise]\n"},
        resource__ignoreResourceUpdatesEnabled="false",
    ):
        time.sleep(1)
        before = caused(stack, "overlook")
        change(stack, "overlook", noise="again")
        stack.until("it counts again", lambda: caused(stack, "overlook") > before)


def change(stack: Stack, namespace: str, **data: str) -> None:
    stack.kube.merge("ConfigMap", namespace, "settings", {"data": data})


def caused(stack: Stack, name: str) -> int:
    """How many refreshes changes of the application's objects have caused."""
    text = "Requesting app refresh caused by object update"
    lines = _lines(stack.folder / "tiphys.log")
    return sum(one.get("msg") == text and one["application"] == name for one in lines)


def test_observing_tells_what_would_happen_and_writes_nothing(stack: Stack, tmp_path: Path) -> None:
    repo = source(stack, "observed")
    repo.write("app/old.yaml", config_map("old", a="1"))
    repo.commit()
    stack.apply("observed", repo, "app", syncPolicy={"automated": {"prune": True}})
    stack.until_done("observed")
    stack.until_status("observed", "Synced", "Healthy")
    with away(stack):
        repo.write("app/cm.yaml", config_map("settings", a="2"))
        repo.write("app/new.yaml", config_map("new", a="1"))
        repo.remove("app/old.yaml")
        commit = repo.commit()
        mark = stack.audit_offset()
        line = command(stack, tmp_path, BIN / "tiphys", "observe")[:-4]
        done = subprocess.run(
            [*line, "-o", "json"], check=True, capture_output=True, text=True, timeout=100
        )
        (seen,) = [one for one in json.loads(done.stdout) if one["application"] == "observed"]
        assert seen["theirs"]["sync"] == "Synced"
        assert seen["ours"]["sync"] == "OutOfSync"
        assert seen["ours"]["revision"] == commit
        assert (seen["agrees"], seen["wouldSync"]) == (False, True)
        actions = {one["name"]: (one["action"], one["fields"]) for one in seen["objects"]}
        assert actions == {
            "new": ("create", []),
            "old": ("prune", []),
            "settings": ("update", ["data.a"]),
        }
        table = subprocess.run(line, check=True, capture_output=True, text=True, timeout=100)
        assert "prune ConfigMap observed/old" in table.stdout
        log = tmp_path / "observe.log"
        with process([*command(stack, tmp_path, BIN / "tiphys", "run"), "--observe"], log):
            stack.until("it is told", lambda: '"wouldSync":true' in log.read_text(), 60)
        assert list(stack.audit(since=mark)) == []
    stack.until_done("observed", commit)


def test_beside_a_controller_that_is_alive_none_begins_unless_told(
    stack: Stack, tmp_path: Path
) -> None:
    apart = ("--address", "127.0.0.1", "--port", "0")
    line = [*command(stack, tmp_path, BIN / "tiphys", "run"), *apart]
    log = tmp_path / "second.log"
    stack.until("the first is ready", lambda: readied(stack), 60)
    with process(line, log) as second:
        assert second.wait(60) == 20
    said = log.read_text()
    assert "another controller seems to be at work: Tiphys runs as " in said
    assert "--take-over" in said
    assert stack.tiphys is not None
    with process([*line, "--take-over"], log):
        stack.until("the first gives way", lambda: stack.tiphys and stack.tiphys.poll() == 20, 40)
        assert "took over" in stack.log_tail(400)
    started(stack)


def test_beside_anothers_writes_none_begins_unless_told(stack: Stack, tmp_path: Path) -> None:
    repo = source(stack, "foreign")
    stack.apply("foreign", repo, "app")
    stack.until_status("foreign", "OutOfSync", "Missing")
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}"
    media = "application/merge-patch+json"
    with away(stack):
        # As if Tiphys had not been here for a year, and somebody else were at work since.
        stack.kube.call(
            "PATCH", lease, {"spec": {"renewTime": "2025-01-01T00:00:00.000000Z"}}, media
        )
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications/foreign"
        written = {"status": {"observedAt": "2026-01-01T00:00:00Z"}}
        stack.kube.call("PATCH", f"{path}?fieldManager={CONTROLLER}", written, media)
        line = command(stack, tmp_path, BIN / "tiphys", "application-controller")
        log = tmp_path / "third.log"
        with process(line, log) as third:
            assert third.wait(60) == 20
        assert "wrote the status of argocd/foreign" in log.read_text()
        with process([*line, "--take-over"], log) as begun:
            at_work(stack, begun, log)
    stack.ok("app", "sync", "foreign")


def test_the_contracts_program_runs_an_application(stack: Stack, tmp_path: Path) -> None:
    program = tmp_path / "argocd-application-controller"
    program.symlink_to(BIN / "tiphys")
    repo = source(stack, "program")
    log = tmp_path / "program.log"
    with away(stack):
        line = command(stack, tmp_path, program, "--app-resync=2", "--app-resync-jitter=0")
        timeout = {"ARGOCD_APPLICATION_CONTROLLER_SYNC_TIMEOUT": "60"}
        events = "--enable-k8s-event=OperationCompleted"
        with process([*line, events], log, **timeout) as begun:
            at_work(stack, begun, log)
            stack.apply("program", repo, "app", syncPolicy={"automated": {}})
            stack.until_done("program")
            stack.until_status("program", "Synced", "Healthy")
            reasons = stack.until("its events", lambda: _reasons(stack, "program"))
            assert reasons == {"OperationCompleted"}
    finished = [one for one in _lines(log) if one.get("msg", "").startswith("Finished processing")]
    assert finished[0]["application"] == "program"
    assert finished[0]["app-namespace"] == NAMESPACE
    assert finished[0]["project"] == "default"
    completed = [one for one in _lines(log) if one.get("msg") == "Reconciliation completed"]
    assert {"comparison-level", "dest-namespace", "time_ms", "git_ms"} <= completed[-1].keys()


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def _reasons(stack: Stack, name: str) -> set[str]:
    found = stack.kube.list("Event", NAMESPACE)
    return {one["reason"] for one in found if one["involvedObject"]["name"] == name}


def test_a_program_refuses_flags_of_other_processes(stack: Stack) -> None:
    done = stack.cli("application-controller", "--commit-server=other:8086")
    assert done.code == 1
    assert "--commit-server is not supported by this version of Tiphys" in done.out
