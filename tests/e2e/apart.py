"""Controller, render process and API server as processes of their own, each with its own rights."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.e2e.stack import BIN, NAMESPACE, SINGLE_PROCESS, Stack
from tiphys.adapters.devcluster import DevCluster


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Program:
    """A process beside the controller. It knows nothing of the cluster but what it is given."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self, name: str, arguments: Sequence[str], **environment: str) -> None:
        inherited = {key: value for key, value in os.environ.items() if "KUBE" not in key}
        own = {"HOME": str(self.folder), **self.stack.environment, **environment}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BIN / name, *arguments],
                env=inherited | own,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self) -> None:
        """As it is asked to. Raises AssertionError where it does not."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.log} did not stop within 15 s of SIGTERM") from None

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process = None


class RenderProcess(Program):
    """`tiphys repo-server` as a pod has it: two Secrets mounted, and no kubeconfig."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        super().__init__(stack, folder)
        self.port = free_port()
        self.metrics = free_port()

    def mount(self) -> None:
        """What the controller's authority made, where the kubelet would put it."""
        for secret, place in (("argocd-repo-server-tls", "tls"), ("tiphys-repo-server", "mtls")):
            made = self.stack.until(f"Secret {secret}", partial(self._secret, secret), 60)
            target = self.folder / "config" / "reposerver" / place
            target.mkdir(parents=True, exist_ok=True)
            for name, text in made.items():
                (target / name).write_bytes(base64.b64decode(text))

    def _secret(self, name: str) -> Mapping[str, str] | None:
        found = self.stack.kube.get("Secret", NAMESPACE, name)
        return None if found is None else found["data"]

    def start(self) -> None:
        config = self.folder / "config"
        self.begin(
            "argocd-repo-server",
            [
                "--address=127.0.0.1",
                f"--port={self.port}",
                "--metrics-address=127.0.0.1",
                f"--metrics-port={self.metrics}",
                f"--client-ca-path={config / 'reposerver' / 'mtls' / 'client-ca.crt'}",
                f"--data={self.folder / 'data'}",
            ],
            ARGOCD_APP_CONF_PATH=str(config),
            ARGOCD_PLUGINSOCKFILEPATH=str(self.stack.plugins),
            TIPHYS_ENGINE_LOG=str(self.stack.folder / "engine.log"),
        )


class ApiProcess(Program):
    """`tiphys server` with the rights of its own account."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        super().__init__(stack, folder)
        self.kubeconfig = folder / "kubeconfig"

    def start(self, renders: int, live: int, *flags: str) -> None:
        self.begin(
            "argocd-server",
            [
                f"--kubeconfig={self.kubeconfig}",
                f"--namespace={NAMESPACE}",
                "--address=127.0.0.1",
                "--metrics-address=127.0.0.1",
                "--metrics-port=0",
                f"--repo-server=localhost:{renders}",
                f"--application-controller=localhost:{live}",
                f"--data={self.folder / 'data'}",
                *flags,
            ],
            TIPHYS_ENGINE_LOG=str(self.stack.folder / "engine.log"),
        )


def asking(renders: RenderProcess, live: int) -> tuple[str, ...]:
    """The controller, as it knows of the others."""
    return (
        "application-controller",
        f"--repo-server=localhost:{renders.port}",
        "--live-address=127.0.0.1",
        f"--live-port={live}",
    )


class ThreeStack(Stack):
    """A stack whose Tiphys is three processes. What a test starts otherwise is its own affair."""

    def __init__(self, cluster: DevCluster, folder: Path) -> None:
        super().__init__(cluster, folder)
        for name in ("renders", "server"):
            (folder / name).mkdir()
        self._renders = RenderProcess(self, folder / "renders")
        self._server = ApiProcess(self, folder / "server")
        self._live = free_port()
        self.api_log = self._server.log

    def install(self) -> None:
        super().install()
        self.ok("install", "--server-kubeconfig", str(self._server.kubeconfig))

    def start_tiphys(
        self, kubeconfig: Path | None = None, process: Sequence[str] = SINGLE_PROCESS
    ) -> None:
        self._kill_others()
        if process != SINGLE_PROCESS:
            super().start_tiphys(kubeconfig, process)
            return
        super().start_tiphys(kubeconfig, asking(self._renders, self._live))
        self._renders.mount()
        self._renders.start()
        self._server.start(self._renders.port, self._live, "--port=0", "--insecure")

    def kill_tiphys(self) -> None:
        super().kill_tiphys()
        self._kill_others()

    def stop(self) -> None:
        self._server.end()
        self._renders.end()
        super().stop()

    def _kill_others(self) -> None:
        self._server.kill()
        self._renders.kill()
