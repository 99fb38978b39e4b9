"""Rendering in a process of its own: introduced by Secrets, away, back, and killed in between."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.apart import RenderProcess
from tests.e2e.manifests import config_map
from tests.e2e.stack import BIN, NAMESPACE, Stack

AUTOMATED = {"automated": {"prune": True}}


class Renders(RenderProcess):
    """And the repository that is rendered."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        super().__init__(stack, folder)
        self.repo = stack.repo("renders.git")


@pytest.fixture(scope="module")
def renders(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renders]:
    """The session's controller asks another process in this file, and renders itself after it."""
    process = Renders(stack, tmp_path_factory.mktemp("renders"))
    stack.kill_tiphys()
    asks = ("application-controller", f"--repo-server=localhost:{process.port}")
    stack.start_tiphys(process=(*asks, "--repo-server-timeout-seconds=20"))
    try:
        yield process
    finally:
        process.kill()
        stack.kill_tiphys()
        stack.start_tiphys()


def _value(stack: Stack, app: str) -> str | None:
    found = stack.kube.get("ConfigMap", app, "made")
    return None if found is None else found["data"]["a"]


def test_the_two_are_introduced_and_one_renders_for_the_other(
    stack: Stack, renders: Renders
) -> None:
    renders.repo.write("app/made.yaml", config_map("made", a="1"))
    renders.repo.commit()
    stack.apply("rendered", renders.repo, "app", syncPolicy=AUTOMATED)
    # Nobody renders yet: it is said to whoever asks for it, and nothing is claimed.
    stack.kube.merge(
        "Application",
        NAMESPACE,
        "rendered",
        {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}},
    )

    def told() -> str:
        status = stack.app("rendered").get("status") or {}
        messages = [one["message"] for one in status.get("conditions", [])]
        assert messages, status
        assert status["sync"]["status"] == "Unknown"
        return str(messages[0])

    assert "the render process at localhost:" in stack.until("it is said", told, 60)
    renders.mount()
    renders.start()
    stack.until_status("rendered", "Synced", "Healthy", 90)
    assert _value(stack, "rendered") == "1"
    assert "PRIVATE" not in renders.log.read_text() + stack.log_tail(1000)


def test_what_it_does_is_counted(renders: Renders) -> None:
    scraped = http.client.HTTPConnection("127.0.0.1", renders.metrics, timeout=20)
    scraped.request("GET", "/metrics")
    text = scraped.getresponse().read().decode()
    assert 'argocd_repo_pending_request_total{repo="' in text
    assert "argocd_git_request_total{" in text
    assert "argocd_repo_parallelism_wait_duration_seconds_count" in text
    scraped.request("GET", "/healthz?full=true")
    assert scraped.getresponse().status == 200


def test_a_kill_costs_nothing_but_time(stack: Stack, renders: Renders) -> None:
    renders.kill()
    renders.repo.write("app/made.yaml", config_map("made", a="2"))
    renders.repo.commit()
    renders.start()
    stack.until("the commit is live", lambda: _value(stack, "rendered") == "2", 90)
    # What was rendered before a restart is remembered on its disk.
    stack.until_status("rendered", "Synced", "Healthy")
    assert (renders.folder / "data").is_dir()


def test_a_stranger_is_not_served(renders: Renders) -> None:
    place = renders.folder / "config" / "reposerver" / "tls" / "ca.crt"
    trusting = ssl.create_default_context(cafile=str(place))
    stranger = http.client.HTTPSConnection("localhost", renders.port, context=trusting, timeout=20)

    def ask() -> None:
        stranger.request("POST", "/render", body=b"{}")
        stranger.getresponse()

    with pytest.raises((ssl.SSLError, OSError)):
        ask()
    stranger.close()


def test_without_what_is_mounted_it_does_not_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "tiphys", "repo-server", "--port=0", "--metrics-port=0"],
        check=False,
        env=os.environ | {"ARGOCD_APP_CONF_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 20
    assert "mount the Secret argocd-repo-server-tls" in done.stderr + done.stdout
