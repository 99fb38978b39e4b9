"""Credentials of programs, accounts acted for, proxies: against servers that look at them."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.kube.faulty import Server, says
from tests.fakes.kube import CONFIG_MAPS, NAMESPACES
from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import KubeClient, KubeConfig, KubeConnection, Limits, Transport
from tiphys.adapters.kube.clusterconfig import aws_program, cluster_config
from tiphys.adapters.kube.credentials import ProgramCredentials
from tiphys.adapters.kube.errors import KubeConfigError
from tiphys.adapters.kube.pace import RequestPace
from tiphys.adapters.kube.program import ask_program
from tiphys.adapters.kube.transport import Call
from tiphys.model.cluster import AwsAuth, Cluster, ClusterConfig, ExecProvider
from tiphys.model.errors import ForbiddenError, KubeUnreachableError
from tiphys.model.resource import ApiResource

V1 = "client.authentication.k8s.io/v1"
ACCOUNTS = ApiResource("", "v1", "ServiceAccount", "serviceaccounts", True, frozenset())


def program(folder: Path, body: str, **more: Any) -> ExecProvider:
    """A program of the shell that also counts its calls."""
    file = folder / "credentials"
    file.write_text(f"#!/bin/sh\necho called >> {folder}/calls\n{body}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return ExecProvider(command=str(file), api_version=V1, **more)


def calls(folder: Path) -> int:
    return len((folder / "calls").read_text().splitlines())


def prints(**status: str) -> str:
    answer = {"apiVersion": V1, "kind": "ExecCredential", "status": status}
    return f"cat <<'EOF'\n{json.dumps(answer)}\nEOF"


async def test_a_token_is_asked_for_once_and_again_when_it_expires(tmp_path: Path) -> None:
    provider = program(tmp_path, prints(token="t", expirationTimestamp="2030-01-01T00:00:00Z"))
    now = 1_893_455_000.0
    credentials = ProgramCredentials(provider, KubeConfig(server="s"), clock=lambda: now)
    for _ in range(3):
        assert await credentials.headers() == {"Authorization": "Bearer t"}
    assert calls(tmp_path) == 1
    now += 3600
    # Who finds it expired and whose request was refused do not both ask.
    await asyncio.gather(credentials.headers(), credentials.renew())
    assert calls(tmp_path) == 2


async def test_a_refused_token_is_renewed_once(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = program(tmp_path, prints(token="t-$(wc -l < calls)").replace("'EOF'", "EOF"))
    monkeypatch.chdir(tmp_path)
    transport = Transport(KubeConfig(server=server.url, exec_provider=provider))
    server.answers = [says(401), says(200, {})]
    await transport.json(Call("GET", "/x"))
    assert [one.headers["Authorization"] for one in server.seen] == ["Bearer t-1", "Bearer t-2"]
    server.answers = [says(401)] * 9
    with pytest.raises(ForbiddenError):
        await transport.json(Call("GET", "/x"))
    await transport.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("exit 3", "ended with exit code 3"),
        ("echo hunter2", "printed no ExecCredential"),
        (prints(clientCertificateData="hunter2"), "printed neither a token"),
        (prints(token="hunter2").replace("/v1", "/v1beta1"), "that is not client"),
        (prints(token="hunter2", expirationTimestamp="soon"), "printed no ExecCredential"),
        ("head -c 2000000 /dev/zero", "printed more than a credential"),
        ("sleep 60 & sleep 60", "did not end within 0.5 s"),
    ],
)
async def test_what_a_program_does_wrong_is_said(tmp_path: Path, body: str, said: str) -> None:
    begun = time.monotonic()
    with pytest.raises(KubeConfigError, match=said) as caught:
        await ask_program(program(tmp_path, body), deadline=0.5)
    assert "hunter2" not in str(caught.value)
    assert time.monotonic() - begun < 10


async def test_a_program_that_is_missing_is_said_with_its_hint() -> None:
    absent = ExecProvider(command="/no/such/program", api_version=V1, install_hint="get it")
    with pytest.raises(KubeConfigError, match="cannot be started; get it"):
        await ask_program(absent)
    with pytest.raises(KubeConfigError, match="apiVersion v7 is not known"):
        await ask_program(ExecProvider(command="x", api_version="v7"))


async def test_a_program_is_told_what_it_is_asked_for(tmp_path: Path) -> None:
    body = f'echo "$KUBERNETES_EXEC_INFO $A $1" > {tmp_path}/told\n' + prints(token="t")
    provider = program(tmp_path, body, args=("arg; touch x",), env={"A": "b"}, cluster_info=True)
    await ask_program(provider, {"server": "https://s"})
    info, a, word = (tmp_path / "told").read_text().strip().split("}} ")[0], "b", "arg; touch x"
    assert json.loads(info + "}}") == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {"server": "https://s"}},
    }
    assert (tmp_path / "told").read_text().strip().endswith(f"{a} {word}")


async def test_a_program_gives_a_client_certificate(
    tmp_path: Path, devcluster: DevCluster, config: KubeConfig
) -> None:
    provider = program(
        tmp_path,
        prints(
            clientCertificateData=devcluster.admin_cert.read_text(),
            clientKeyData=devcluster.admin_key.read_text(),
        ),
    )
    connection = KubeConnection(
        Transport(KubeConfig(server=config.server, ca=config.ca, exec_provider=provider))
    )
    assert (await connection.reader.get(NAMESPACES, "", "default"))["metadata"]["name"] == "default"
    await connection.probe()
    assert await connection.may_list(CONFIG_MAPS, "")
    await connection.close()
    with pytest.raises(KubeUnreachableError, match="is closed"):
        await connection.reader.get(NAMESPACES, "", "default")


async def test_a_cluster_secrets_certificate_logs_in(
    devcluster: DevCluster, config: KubeConfig
) -> None:
    told = ClusterConfig(
        ca_data=config.ca.encode(),
        cert_data=devcluster.admin_cert.read_bytes(),
        key_data=devcluster.admin_key.read_bytes(),
    )
    cluster = Cluster(server=config.server, name="far", config=told, secret="far")
    transport = Transport(cluster_config(cluster))
    assert await KubeClient(transport).list(NAMESPACES)
    await transport.close()


async def test_a_cluster_secrets_token_logs_in_as_its_account(
    config: KubeConfig, transport: Transport, namespace: str
) -> None:
    admin = KubeClient(transport)
    account = {"metadata": {"name": "robot", "namespace": namespace}}
    await admin.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", **account})
    token = await admin.create_token(namespace, "robot", seconds=600)
    told = ClusterConfig(ca_data=config.ca.encode(), bearer_token=token)
    own = KubeConnection(
        Transport(cluster_config(Cluster(server=config.server, name="far", config=told)))
    )
    with pytest.raises(ForbiddenError, match=f"system:serviceaccount:{namespace}:robot"):
        await own.reader.list(NAMESPACES)
    assert not await own.may_list(CONFIG_MAPS, namespace)
    await own.close()


async def test_others_are_acted_for_over_the_same_connections(
    transport: Transport, namespace: str
) -> None:
    reader, writer = KubeConnection(transport, shared=True).acting_as(
        f"system:serviceaccount:{namespace}:default"
    )
    with pytest.raises(ForbiddenError, match=f"system:serviceaccount:{namespace}:default"):
        await reader.list(NAMESPACES)
    with pytest.raises(ForbiddenError):
        await writer.create(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": namespace}})
    assert await KubeClient(transport).list(NAMESPACES)


async def test_a_name_and_password_are_sent(server: Server) -> None:
    told = ClusterConfig(username="me", password="p:w")
    transport = Transport(cluster_config(Cluster(server=server.url, name="far", config=told)))
    await transport.json(Call("GET", "/x"))
    await transport.close()
    expected = base64.b64encode(b"me:p:w").decode()
    assert server.seen[0].headers["Authorization"] == f"Basic {expected}"


async def test_a_proxy_is_used(server: Server) -> None:
    told = ClusterConfig(proxy_url=server.url.replace("http://", "http://me:hunter2@"))
    far = Cluster(server="http://elsewhere.example", name="far", config=told)
    transport = Transport(cluster_config(far), limits=Limits(attempts=1))
    await transport.json(Call("GET", "/x"))
    assert server.seen[0].host == "elsewhere.example"
    assert "Proxy-Authorization" in server.seen[0].headers
    await transport.close()


async def test_a_proxy_that_refuses_is_said_without_its_password(server: Server) -> None:
    told = ClusterConfig(proxy_url=server.url.replace("http://", "http://me:hunter2@"))
    far = Cluster(server="https://elsewhere.example", name="far", config=told)
    transport = Transport(cluster_config(far), limits=Limits(attempts=1))
    server.otherwise = says(407)
    with pytest.raises(KubeUnreachableError, match="the proxy answered 40") as caught:
        await transport.json(Call("GET", "/x"))
    assert "hunter2" not in str(caught.value)
    await transport.close()


def test_what_cannot_be_done_names_the_secret() -> None:
    told = ClusterConfig(proxy_url="socks5://proxy")
    with pytest.raises(KubeConfigError, match="Secret far: proxy-url"):
        cluster_config(Cluster(server="https://s", name="far", config=told, secret="far"))
    binary = ClusterConfig(cert_data=b"\xff", key_data=b"k")
    with pytest.raises(KubeConfigError, match=r"config\.tlsClientConfig\.certData is not PEM"):
        cluster_config(Cluster(server="https://s", name="far", config=binary, secret="far"))


def test_eks_is_asked_of_the_program_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = AwsAuth(cluster_name="prod", role_arn="arn:r", profile="p")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert aws_program(aws).command == "argocd-k8s-auth"
    assert aws_program(aws).args == (
        "aws", "--cluster-name", "prod", "--role-arn", "arn:r", "--profile", "p",
    )  # fmt: skip
    other = tmp_path / "aws-iam-authenticator"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert aws_program(aws).args == ("token", "-i", "prod", "-r", "arn:r")
    assert aws_program(aws).env == {"AWS_PROFILE": "p"}
    assert aws_program(AwsAuth(cluster_name="prod")).args == ("token", "-i", "prod")


async def test_a_suspended_server_keeps_nobody_waiting(server: Server) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def never(_request: Any) -> Any:
        arrived.set()
        await release.wait()

    transport = Transport(KubeConfig(server=server.url))
    server.otherwise = never
    waiting = asyncio.create_task(transport.json(Call("GET", "/x")))
    await arrived.wait()
    begun = time.monotonic()
    await transport.suspend("it is away")
    for call in (waiting, transport.json(Call("GET", "/y"))):
        with pytest.raises(KubeUnreachableError, match="it is away"):
            await call
    assert time.monotonic() - begun < 5
    server.otherwise = says(200, {"is": "back"})
    await transport.probe(Call("GET", "/version"))
    transport.resume()
    assert await transport.json(Call("GET", "/x")) == {"is": "back"}
    release.set()
    await transport.close()


async def test_requests_are_paced_where_that_is_asked_for() -> None:
    pace = RequestPace(100.0, 2)
    begun = time.monotonic()
    for _ in range(7):
        await pace.wait()
    assert 0.03 < time.monotonic() - begun < 2
    free = RequestPace(0.0, 0)
    for _ in range(1000):
        await free.wait()


async def test_a_burst_comes_back_with_time() -> None:
    now = 0.0
    pace = RequestPace(1.0, 2, clock=lambda: now)
    await pace.wait()
    await pace.wait()
    now = 100.0
    begun = time.monotonic()
    await pace.wait()
    await pace.wait()
    assert time.monotonic() - begun < 0.5


async def test_a_slow_answer_is_doubted_while_it_is_awaited(server: Server) -> None:
    heard = asyncio.Event()

    async def slow(_request: Any) -> Any:
        await heard.wait()
        return await says(200, {"was": "slow"})(_request)

    transport = Transport(KubeConfig(server=server.url), limits=Limits(slow=0.05))
    transport.on_slow(heard.set)
    server.otherwise = slow
    assert await transport.json(Call("GET", "/x")) == {"was": "slow"}
    heard.clear()
    with pytest.raises(KubeUnreachableError):
        await transport.probe(Call("GET", "/version"))
    heard.set()
    await transport.close()
