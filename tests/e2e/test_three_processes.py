"""Controller, render process and API server apart, as on a cluster: each with its own rights."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.apart import ApiProcess, RenderProcess, asking, free_port
from tests.e2e.api import Api, initial_password
from tests.e2e.manifests import config_map
from tests.e2e.stack import Stack

APP = "apart"


class Apart:
    """The three, of which the API server is started and killed by its tests."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        for name in ("renders", "server"):
            (folder / name).mkdir()
        self.renders = RenderProcess(stack, folder / "renders")
        self.server = ApiProcess(stack, folder / "server")
        self.live, self.port = free_port(), free_port()
        self.api = Api(f"127.0.0.1:{self.port}", tls=True)

    def start(self) -> None:
        self.stack.ok("install", "--server-kubeconfig", str(self.server.kubeconfig))
        self.stack.kill_tiphys()
        self.start_controller()
        self.renders.mount()
        self.renders.start()
        self.start_server()

    def start_controller(self) -> None:
        self.stack.start_tiphys(process=asking(self.renders, self.live))

    def start_server(self) -> None:
        self.server.start(self.renders.port, self.live, f"--port={self.port}")
        self.stack.until("the API answers", self._answers, 60)

    def stop(self) -> None:
        self.server.kill()
        self.renders.kill()
        self.stack.kill_tiphys()
        self.stack.start_tiphys()

    def _answers(self) -> bool:
        assert self.server.process is not None
        assert self.server.process.poll() is None, self.server.log.read_text()[-3000:]
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def apart(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    found = Apart(stack, tmp_path_factory.mktemp("apart"))
    try:
        found.start()
        found.api.login("admin", initial_password(stack))
        yield found
    finally:
        found.stop()


def application(repo: str) -> dict[str, Any]:
    return {
        "metadata": {"name": APP},
        "spec": {
            "project": "default",
            "source": {"repoURL": repo, "path": "app"},
            "destination": {"name": "in-cluster", "namespace": APP},
            "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
        },
    }


def test_an_application_from_its_creation_to_its_objects(stack: Stack, apart: Apart) -> None:
    repo = stack.repo("apart.git")
    repo.write("app/made.yaml", config_map("made", a="1"))
    commit = repo.commit()
    api = apart.api
    created = api.ok("POST", "/api/v1/applications", application(repo.url))
    assert created["metadata"]["name"] == APP
    api.ok("POST", f"/api/v1/applications/{APP}/sync", {})
    stack.until_status(APP, "Synced", "Healthy", 90)

    tree = api.ok("GET", f"/api/v1/applications/{APP}/resource-tree")
    assert [node["name"] for node in tree["nodes"]] == ["made"]
    managed = api.ok("GET", f"/api/v1/applications/{APP}/managed-resources")["items"]
    assert [one["name"] for one in managed] == ["made"]
    rendered = api.ok("GET", f"/api/v1/applications/{APP}/manifests?revision={commit}")
    assert '"a":"1"' in rendered["manifests"][0]
    told = api.ok("GET", f"/api/v1/applications/{APP}/revisions/{commit}/metadata")
    assert told["message"]
    cluster = api.ok("GET", "/api/v1/clusters")["items"][0]
    assert int(cluster["info"]["cacheInfo"]["resourcesCount"]) > 0


def test_a_session_outlives_the_server(apart: Apart) -> None:
    apart.server.kill()
    apart.start_server()
    assert apart.api.ok("GET", "/api/v1/session/userinfo")["username"] == "admin"
    assert apart.api.ok("GET", f"/api/v1/applications/{APP}")["metadata"]["name"] == APP


def test_the_command_line_asks_the_server(stack: Stack, apart: Apart, tmp_path: Path) -> None:
    where = ("--server", apart.api.address, "--insecure", "--auth-token", apart.api.token)
    done = stack.cli("app", "get", APP, *where, "--config", str(tmp_path / "config"), name="argocd")
    assert done.code == 0, done.err
    assert f"Name:               argocd/{APP}" in done.out
    assert "ConfigMap" in done.out


def test_without_the_controller_the_server_says_so(stack: Stack, apart: Apart) -> None:
    stack.kill_tiphys()
    try:
        status, answer = apart.api.ask("GET", f"/api/v1/applications/{APP}/resource-tree")
        # What was seen a moment ago may still be shown.
        assert status in (200, 503), answer
        listed = apart.api.ok("GET", "/api/v1/applications")
        assert APP in [one["metadata"]["name"] for one in listed["items"]]
        clusters = apart.api.ok("GET", "/api/v1/clusters")["items"]
        assert [one["name"] for one in clusters] == ["in-cluster"]
    finally:
        apart.start_controller()

    def back() -> bool:
        status, _ = apart.api.ask("GET", f"/api/v1/applications/{APP}/resource-tree")
        return status == 200

    stack.until("the tree is shown again", back, 60)
