"""Logs of running Pods, and a terminal in one, through the API of a whole installation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.e2e.api import Api, as_admin
from tests.e2e.leaves import runs
from tests.e2e.manifests import deployment
from tests.e2e.stack import NAMESPACE, Stack

APP = "live"


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[Api]:
    """Logged in; three Pods run."""
    repo = stack.repo(APP)
    repo.write("app/web.yaml", deployment("web", replicas=3))
    repo.commit()
    stack.create(APP, repo, "app")
    stack.ok("app", "sync", APP)
    stack.until_status(APP, "Synced", "Healthy")
    yield as_admin(stack)
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {"exec.enabled": None}})


async def test_logs_of_three_pods_are_followed_at_once(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    query = {"follow": "true", "tailLines": "2"}
    address = f"http://{api.address}/api/v1/applications/{APP}/logs"
    seen: dict[str, list[str]] = {}
    async with (
        asyncio.timeout(30),
        aiohttp.ClientSession() as session,
        session.get(address, params=query, headers=headers) as answer,
    ):
        assert answer.status == 200
        async for line in answer.content:
            entry = json.loads(line)["result"]
            assert not entry["last"]
            seen.setdefault(entry["podName"], []).append(entry["timeStampStr"])
            if len(seen) == 3 and all(len(times) >= 4 for times in seen.values()):
                break
    assert all(times == sorted(times) for times in seen.values())


@runs("app logs", core=True)
def test_the_command_line_shows_logs(stack: Stack, api: Api) -> None:
    del api
    out = stack.ok("app", "logs", APP, "--kind", "Deployment", "--name", "web", "--tail", "1")
    assert len(out.splitlines()) == 3
    assert stack.ok("app", "logs", APP, "--kind", "StatefulSet") == ""


async def test_a_terminal_closes_when_the_right_is_revoked(stack: Stack, api: Api) -> None:
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": {"exec.enabled": "true"}})
    tree = api.ok("GET", f"/api/v1/applications/{APP}/resource-tree")
    pod = next(one["name"] for one in tree["nodes"] if one["kind"] == "Pod")
    query = {
        "pod": pod,
        "container": "c",
        "appName": APP,
        "projectName": "default",
        "namespace": APP,
        "appNamespace": NAMESPACE,
        "shell": "sh",
    }
    address = f"http://{api.address}/terminal?{urlencode(query)}"
    headers = {"Cookie": f"argocd.token={api.token}"}
    async with asyncio.timeout(60), aiohttp.ClientSession(headers=headers) as session:
        page = await _connected(session, address)
        await page.send_json({"operation": "stdin", "data": "echo hello\r"})
        said = ""
        while "\nhello" not in said:
            said += (await page.receive_json())["data"]
        policy = "g, admin, role:admin\np, admin, exec, create, */*, deny"
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-rbac-cm", {"data": {"policy.csv": policy}})
        try:
            rest = ""
            async for message in page:
                rest += json.loads(message.data)["data"]
            assert rest.endswith("Permission denied")
        finally:
            stack.kube.merge(
                "ConfigMap", NAMESPACE, "argocd-rbac-cm", {"data": {"policy.csv": None}}
            )


async def _connected(
    session: aiohttp.ClientSession, address: str
) -> aiohttp.ClientWebSocketResponse:
    """As soon as the setting is heard of."""
    while True:
        try:
            return await session.ws_connect(address)
        except aiohttp.WSServerHandshakeError as error:
            if error.status != 404:
                raise
        await asyncio.sleep(0.2)
