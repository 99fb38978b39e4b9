"""Logs and exec of simulated containers answer through the API server, and only through it."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass

import aiohttp
import pytest

from tests.devcluster.api import Api, ApiError, eventually
from tests.devcluster.manifests import pod
from tiphys.adapters.devcluster import DevCluster

STDIN, STDOUT, STDERR, STATUS = 0, 1, 2, 3
"""Channels of Kubernetes' WebSocket protocol: the first byte of every message."""


@pytest.fixture
def server_pod(api: Api, namespace: str) -> str:
    """Path of a running pod."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    api.create(path, pod("server", restart="Always"))
    eventually(lambda: api.get(f"{path}/server")["status"]["phase"] == "Running")
    return f"{path}/server"


@dataclass(frozen=True)
class Answer:
    out: str
    err: str
    status: str
    exit_code: int


async def run(
    devcluster: DevCluster,
    api: Api,
    path: str,
    command: list[str],
    stdin: bytes | None = None,
    *,
    tty: bool = False,
) -> Answer:
    query = [("command", word) for word in command] + [("stdout", "1")]
    query.append(("tty", "1") if tty else ("stderr", "1"))
    if stdin is not None:
        query.append(("stdin", "1"))
    channels: dict[int, bytes] = {}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{devcluster.server}{path}/exec",
            params=query,
            protocols=["v4.channel.k8s.io"],
            ssl=api.tls,
        ) as socket,
    ):
        if stdin is not None:
            await socket.send_bytes(bytes([STDIN]) + stdin)
        async for message in socket:
            channels[message.data[0]] = channels.get(message.data[0], b"") + message.data[1:]
    status = json.loads(channels[STATUS])
    causes = status.get("details", {}).get("causes", [])
    return Answer(
        out=channels.get(STDOUT, b"").decode(),
        err=channels.get(STDERR, b"").decode(),
        status=status["status"],
        exit_code=int(causes[0]["message"]) if causes else 0,
    )


def test_the_log_of_a_running_container(api: Api, server_pod: str) -> None:
    assert api.text(f"{server_pod}/log").startswith("web: started\n")
    assert api.text(f"{server_pod}/log?limitBytes=3") == "web"
    started = api.get(server_pod)["status"]["startTime"].removesuffix("Z")
    assert api.text(f"{server_pod}/log?timestamps=true").startswith(started)


def test_following_a_log_ends_with_the_container(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    api.create(path, pod("task", {"tiphys.dev/pod-delay": "2s"}, restart="Never"))
    eventually(lambda: api.get(f"{path}/task")["status"]["phase"] == "Running")
    lines = api.text(f"{path}/task/log?follow=true").splitlines()
    assert lines[0] == "web: started"
    assert lines[-1] == "web: exited with code 0"
    assert lines == sorted(set(lines), key=lines.index)
    assert api.text(f"{path}/task/log?follow=true").splitlines() == lines


def test_a_container_that_did_not_run_before_has_no_previous_log(api: Api, server_pod: str) -> None:
    with pytest.raises(ApiError, match="previous terminated container"):
        api.text(f"{server_pod}/log?previous=true")


async def test_exec_brings_output_and_exit_status(
    devcluster: DevCluster, api: Api, server_pod: str
) -> None:
    script = ["sh", "-c", "echo $COLOUR; hostname; echo bad >&2; exit 7"]
    answer = await run(devcluster, api, server_pod, script)
    assert answer == Answer(out="blue\nserver\n", err="bad\n", status="Failure", exit_code=7)


async def test_exec_reads_its_input(devcluster: DevCluster, api: Api, server_pod: str) -> None:
    answer = await run(devcluster, api, server_pod, ["sh"], b"echo hello\nexit\n")
    assert answer == Answer(out="hello\n", err="", status="Success", exit_code=0)


async def test_exec_with_a_terminal_echoes_and_edits(
    devcluster: DevCluster, api: Api, server_pod: str
) -> None:
    typed = b"echo hellx\x7fo\rexit 3\r"
    answer = await run(devcluster, api, server_pod, ["sh"], typed, tty=True)
    assert answer.out == "$ echo hellx\b \bo\r\nhello\r\n$ exit 3\r\n"
    assert (answer.err, answer.exit_code) == ("", 3)


async def test_exec_runs_nothing_on_this_machine(
    devcluster: DevCluster, api: Api, server_pod: str
) -> None:
    answer = await run(devcluster, api, server_pod, ["/bin/uname"])
    assert (answer.out, answer.exit_code) == ("", 127)


def test_the_kubelet_answers_the_api_server_only(
    devcluster: DevCluster, api: Api, server_pod: str
) -> None:
    node = api.get("/api/v1/nodes/tiphys-node-1")
    port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    path = server_pod.replace("/api/v1/namespaces", "/containerLogs").replace("/pods", "") + "/web"
    unknown = ssl.create_default_context(cafile=str(devcluster.ca_file))
    # The administrator of the cluster is not the API server either.
    for tls in (unknown, api.tls):
        with pytest.raises(
            (urllib.error.URLError, ssl.SSLError, ConnectionError), match=r"(?i)tls|ssl|reset"
        ):
            urllib.request.urlopen(f"https://127.0.0.1:{port}{path}", context=tls, timeout=10)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10)
    assert refused.value.code == 400
