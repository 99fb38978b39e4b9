"""Everything that an end-to-end test runs against, each part the real one.

One control plane, one Git server and one Tiphys process for a whole test run. Tiphys holds the
credentials of its ServiceAccount only; the tests hold the administrator's.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.e2e.kube import ApiError, Kube
from tests.e2e.repo import Repo
from tiphys.adapters.devcluster import DevCluster

T = TypeVar("T")
BIN = Path(sys.executable).parent
NAMESPACE = "argocd"
SINGLE_PROCESS = ("run", "--address", "127.0.0.1", "--port", "0", "--insecure")


@dataclass(frozen=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str


class Stack:
    """Started by `start`, ended by `stop`. Application and namespace names are the tests' own."""

    def __init__(self, cluster: DevCluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.api_log = folder / "tiphys.log"
        """Where the server says at which port it is."""
        self.kube = Kube(cluster.kubeconfig)
        self.controller_kubeconfig = folder / "controller.kubeconfig"
        # Only what is configured as an extension is handed on.
        self.environment: dict[str, str] = {"ARGOCD_SERVER_ENABLE_PROXY_EXTENSION": "true"}
        # The address of a socket is short.
        self.plugins = Path(tempfile.mkdtemp(prefix="cmp", dir="/tmp"))
        self._git_server: subprocess.Popen[str] | None = None
        self.tiphys: subprocess.Popen[bytes] | None = None
        self.git_url = ""

    # -- life ---------------------------------------------------------------------------------

    def install(self) -> None:
        done = self.cli("install", "--controller-kubeconfig", str(self.controller_kubeconfig))
        assert done.code == 0, done.err
        self.kube.merge(
            "ConfigMap",
            NAMESPACE,
            "argocd-cm",
            {"data": {"timeout.reconciliation": "2s", "timeout.reconciliation.jitter": "0s"}},
        )
        # Only the test of the delay itself wants to wait between waves.
        self.configure(**{"controller.sync.wave.delay.seconds": "0"})

    def configure(self, **parameters: str | None) -> None:
        """Sets parameters of the controller, None takes one away; a running one heeds them."""
        self.kube.merge("ConfigMap", NAMESPACE, "argocd-cmd-params-cm", {"data": parameters})

    def start_git(self) -> None:
        root = self.folder / "repositories"
        root.mkdir(exist_ok=True)
        self._git_server = subprocess.Popen(
            [BIN / "tiphys", "git-server", "--root", root, "--log", self.folder / "git.log"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._git_server.stdout is not None
        self.git_url = json.loads(self._git_server.stdout.readline())["url"]

    def start_tiphys(
        self, kubeconfig: Path | None = None, process: Sequence[str] = SINGLE_PROCESS
    ) -> None:
        environment = os.environ | {
            "TIPHYS_ENGINE_LOG": str(self.folder / "engine.log"),
            "ARGOCD_PLUGINSOCKFILEPATH": str(self.plugins),
            **self.environment,
        }
        log = (self.folder / "tiphys.log").open("ab")
        self.tiphys = subprocess.Popen(
            [
                BIN / "tiphys",
                *process,
                "--kubeconfig",
                kubeconfig or self.controller_kubeconfig,
                "--namespace",
                NAMESPACE,
                "--data",
                self.folder / "data",
                "--metrics-port",
                "0",
            ],
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        log.close()

    def kill_tiphys(self) -> None:
        """Ends the process at once, without a chance to tidy up."""
        if self.tiphys is not None and self.tiphys.poll() is None:
            os.killpg(self.tiphys.pid, signal.SIGKILL)
            self.tiphys.wait()

    def stop(self) -> None:
        if self.tiphys is not None and self.tiphys.poll() is None:
            self.tiphys.terminate()
            try:
                self.tiphys.wait(15)
            except subprocess.TimeoutExpired:
                self.kill_tiphys()
                raise AssertionError("tiphys did not stop within 15 s of SIGTERM") from None
        if self._git_server is not None:
            self._git_server.terminate()
            self._git_server.wait()
        shutil.rmtree(self.plugins, ignore_errors=True)

    # -- what a user does ---------------------------------------------------------------------

    def cli(self, *arguments: str, name: str = "tiphys", timeout: float = 120) -> Ran:
        done = subprocess.run(
            [BIN / name, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.user_environment(),
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def user_environment(self) -> dict[str, str]:
        """The administrator's, with room for wide lines."""
        return {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "COLUMNS": "200"}

    def ok(self, *arguments: str) -> str:
        """Runs the command, which has to succeed; answers what it printed."""
        done = self.cli(*arguments)
        assert done.code == 0, f"{arguments}: {done.code}\n{done.out}\n{done.err}"
        return done.out

    def repo(self, name: str) -> Repo:
        """A new repository; of a name that another file has taken, with a number behind it."""
        stem, repositories = name.removesuffix(".git"), self.folder / "repositories"
        numbered = (f"{stem}-{number}.git" for number in itertools.count(2))
        free = next(
            one for one in itertools.chain([name], numbered) if not (repositories / one).exists()
        )
        return Repo(repositories / free, f"{self.git_url}/{free}")

    def create(self, name: str, repo: Repo, path: str, *flags: str) -> None:
        """`app create` into a namespace of the application's name, which is made on sync."""
        self.ok(
            "app", "create", name, "--repo", repo.url, "--path", path,
            "--dest-server", "https://kubernetes.default.svc", "--dest-namespace", name,
            "--sync-option", "CreateNamespace=true", *flags,
        )  # fmt: skip

    def apply(self, name: str, repo: Repo, path: str, **spec: Any) -> dict[str, Any]:
        """As `kubectl apply` would: the Application as it is written, checked by nobody."""
        policy: dict[str, Any] = spec.pop("syncPolicy", {})
        options = ["CreateNamespace=true", *policy.get("syncOptions", ())]
        return self.kube.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": repo.url, "path": path},
                    "destination": {"name": "in-cluster", "namespace": name},
                    "syncPolicy": {**policy, "syncOptions": options},
                    **spec,
                },
            }
        )

    def forget_applications(self) -> None:
        """Takes all Applications away; their objects stay where they are."""
        for found in self.kube.list("Application", NAMESPACE):
            name = found["metadata"]["name"]
            self.kube.delete("Application", NAMESPACE, name)
            try:
                self.kube.merge("Application", NAMESPACE, name, {"metadata": {"finalizers": None}})
            except ApiError as error:
                # Most are gone at once.
                if error.status != 404:
                    raise

    # -- what a user sees ---------------------------------------------------------------------

    def app(self, name: str) -> dict[str, Any]:
        found = self.kube.get("Application", NAMESPACE, name)
        assert found is not None, f"no application {name}"
        return found

    def status(self, name: str) -> tuple[str, str]:
        status = self.app(name).get("status") or {}
        return (
            (status.get("sync") or {}).get("status", ""),
            (status.get("health") or {}).get("status", ""),
        )

    def until(self, what: str, check: Callable[[], T | None], seconds: float = 30) -> T:
        """Waits until the check answers something true; an AssertionError in it means not yet."""
        end = time.monotonic() + seconds
        last: object = None
        while time.monotonic() < end:
            try:
                value = check()
                if value:
                    return value
                last = value
            except AssertionError as error:
                last = error
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds} s: {what}; last: {last}\n{self.log_tail()}")

    def until_status(self, name: str, sync: str, health: str, seconds: float = 60) -> None:
        def reached() -> bool:
            now = self.status(name)
            assert now == (sync, health), f"{name} is {now}: {self.app(name).get('status')}"
            return True

        self.until(f"{name} {sync} and {health}", reached, seconds)

    def operation(self, name: str) -> dict[str, Any]:
        """The state of the last operation, empty where there was none."""
        return (self.app(name).get("status") or {}).get("operationState") or {}

    def until_done(
        self, name: str, revision: str = "", phase: str = "Succeeded", seconds: float = 60
    ) -> dict[str, Any]:
        """Waits for the end of an operation, of one at this commit where it is named.

        Synced and Healthy come before the end: hooks may still be running.
        """

        def done() -> dict[str, Any]:
            state = self.operation(name)
            assert state.get("phase") == phase, state
            assert "finishedAt" in state, state
            assert "operation" not in self.app(name)
            at = (state.get("syncResult") or {}).get("revision")
            assert not revision or at == revision, state
            return state

        return self.until(f"operation of {name} {phase}", done, seconds)

    def until_compared(self, name: str, commit: str) -> None:
        """Waits until the status is that of a commit."""

        def names() -> bool:
            sync = (self.app(name).get("status") or {}).get("sync") or {}
            assert sync.get("revision") == commit, sync
            return True

        self.until(f"{name} compared at {commit}", names)

    def results(self, name: str) -> dict[str, dict[str, Any]]:
        """What the last sync did, by the objects' names."""
        result = self.operation(name).get("syncResult") or {}
        return {entry["name"]: entry for entry in result.get("resources") or ()}

    def resources(self, name: str) -> dict[str, dict[str, Any]]:
        """The application's objects as its status has them, by name."""
        found = (self.app(name).get("status") or {}).get("resources") or ()
        return {entry["name"]: entry for entry in found}

    def conditions(self, name: str) -> dict[str, str]:
        found = (self.app(name).get("status") or {}).get("conditions") or []
        return {c["type"]: c["message"] for c in found}

    def log_tail(self, lines: int = 25) -> str:
        log = self.folder / "tiphys.log"
        return "\n".join(log.read_text().splitlines()[-lines:]) if log.exists() else ""

    def audit(self, namespace: str = "", since: int = 0) -> Iterator[dict[str, Any]]:
        """Tiphys' writes from the API server's audit log, in order; `since` is a byte offset."""
        with self.cluster.audit_log.open("rb") as file:
            file.seek(since)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                event = json.loads(line)
                reference = event.get("objectRef") or {}
                if "argocd-application-controller" not in event["user"]["username"]:
                    continue
                if event["verb"] not in {"create", "update", "patch", "delete"}:
                    continue
                if namespace and reference.get("namespace") != namespace:
                    continue
                yield event

    def audit_offset(self) -> int:
        return self.cluster.audit_log.stat().st_size

    def renders(self) -> int:
        """How many renders the engine has done so far."""
        log = self.folder / "engine.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def git_requests(self) -> int:
        """How many HTTP requests the Git server has answered so far."""
        return len(self._git_log())

    def git_upload_packs(self, since: int) -> int:
        """How many of the requests after the first `since` listed refs or fetched objects."""
        return sum(line.endswith("git-upload-pack") for line in self._git_log()[since:])

    def _git_log(self) -> list[str]:
        log = self.folder / "git.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line)["path"] for line in lines if line.endswith("}")]

    def controller_token(self) -> str:
        """The token that Tiphys works with."""
        config = yaml.safe_load(self.controller_kubeconfig.read_text())
        token: str = config["users"][0]["user"]["token"]
        return token
