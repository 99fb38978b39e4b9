"""The API for oneself: no login, and the rights of the kube context."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.proofs import proves
from tests.e2e.api import Api
from tests.e2e.manifests import config_map
from tests.e2e.stack import BIN, NAMESPACE, Stack

APP = "on-a-dashboard"


@pytest.fixture
def api(stack: Stack) -> Iterator[Api]:
    process = subprocess.Popen(
        [BIN / "argocd", "admin", "dashboard", "-n", NAMESPACE, "--port", "0"],
        env=stack.user_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Argo CD UI is available at http://localhost:"), line
        yield Api(line.strip().rpartition("/")[2])
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert said.startswith("starting dashboard\n")
    assert process.returncode == 0


@proves("admin dashboard", "--port")
def test_a_dashboard_shows_what_there_is(stack: Stack, api: Api) -> None:
    repo = stack.repo("dashboard.git")
    repo.write("app/made.yaml", config_map("shown", a="1"))
    repo.commit()
    stack.apply(APP, repo, "app", syncPolicy={"automated": {}})
    stack.until_status(APP, "Synced", "Healthy")
    names = [one["metadata"]["name"] for one in api.ok("GET", "/api/v1/applications")["items"]]
    assert APP in names
    tree = api.ok("GET", f"/api/v1/applications/{APP}/resource-tree")
    assert [node["name"] for node in tree["nodes"]] == ["shown"]
    managed = api.ok("GET", f"/api/v1/applications/{APP}/managed-resources")["items"]
    assert [one["name"] for one in managed] == ["shown"]
    resource = api.ok(
        "GET",
        f"/api/v1/applications/{APP}/resource?resourceName=shown&namespace={APP}"
        "&version=v1&kind=ConfigMap",
    )
    assert '"a":"1"' in resource["manifest"]
