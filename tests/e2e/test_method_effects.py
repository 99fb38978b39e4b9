"""What methods do that a table cannot try: they need a past, a server of charts, or time."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.api import as_admin
from tests.e2e.calls import Speaker, speakers_of
from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_charts import PASSWORD, Servers, secret
from tests.fixtures.registry import LAYER, Blob
from tests.fixtures.tars import tgz

_SERVICE = "application.ApplicationService"
CLUSTER = "effect-again"
_ABOUT = {
    "org.opencontainers.image.authors": "ada",
    "org.opencontainers.image.version": "1.2.3",
    "org.opencontainers.image.source": "https://code.example.com",
}


@pytest.fixture(scope="module")
async def speakers(stack: Stack) -> AsyncIterator[list[Speaker]]:
    admin = as_admin(stack)
    found = speakers_of(int(admin.address.rpartition(":")[2]), admin.token)
    yield found
    for one in found:
        await one.close()


async def ok(speaker: Speaker, method: str, **request: Any) -> dict[str, Any]:
    answer = await speaker.ask(method, request)
    assert isinstance(answer, dict), (speaker.name, method, answer)
    return answer


def data(stack: Stack, app: str, name: str) -> dict[str, str]:
    found: dict[str, str] = (stack.kube.get("ConfigMap", app, name) or {}).get("data") or {}
    return found


async def test_rollback(stack: Stack, speakers: list[Speaker]) -> None:
    """To what was there before, and forward again by a sync."""
    app = "effect-back"
    repo = stack.repo(app)
    commits = []
    for color in ("blue", "red"):
        repo.write("app/settings.yaml", config_map("settings", color=color))
        commits.append(repo.commit(f"Make it {color}"))
        if color == "blue":
            stack.create(app, repo, "app")
        stack.ok("app", "sync", app)
        stack.until_done(app, commits[-1])
    for speaker in speakers:
        history = stack.app(app)["status"]["history"]
        first = next(one["id"] for one in history if one["revision"] == commits[0])
        await ok(speaker, f"{_SERVICE}/Rollback", name=app, id=first)
        state = stack.until_done(app, commits[0])
        assert state["operation"]["initiatedBy"] == {"username": "admin"}
        assert data(stack, app, "settings") == {"color": "blue"}
        await ok(speaker, f"{_SERVICE}/Sync", name=app, revision=commits[1])
        stack.until_done(app, commits[1])
        assert data(stack, app, "settings") == {"color": "red"}
        about = await ok(speaker, f"{_SERVICE}/RevisionMetadata", name=app, revision=commits[0])
        assert about["message"].strip() == "Make it blue"
        assert about["author"]
        assert about["date"]


async def test_an_operation_is_terminated(stack: Stack, speakers: list[Speaker]) -> None:
    app = "effect-stop"
    repo = stack.repo(app)
    repo.write("app/job.yaml", job("slow", hook="PreSync", behaviour="hang"))
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create(app, repo, "app")
    for speaker in speakers:
        await ok(speaker, f"{_SERVICE}/Sync", name=app)
        stack.until("it runs", lambda: stack.operation(app).get("phase") == "Running")
        await ok(speaker, f"{_SERVICE}/TerminateOperation", name=app)
        state = stack.until_done(app, phase="Failed")
        assert "terminated" in state["message"]
        assert data(stack, app, "settings") == {}


async def test_a_diff_by_the_cluster(stack: Stack, speakers: list[Speaker]) -> None:
    """What the cluster would make of it, with nothing written. A query holds no objects, so that
    REST can ask for none.
    """
    app = "effect-diff"
    repo = stack.repo(app)
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    stack.create(app, repo, "app")
    stack.ok("app", "sync", app)
    stack.until_done(app, commit)
    live = stack.kube.get("ConfigMap", app, "settings")
    named = {"kind": "ConfigMap", "namespace": app, "name": "settings", "group": ""}
    target = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": app},
    }
    for speaker in (one for one in speakers if one.name != "rest"):
        for value, modified in (("1", False), ("2", True)):
            answer = await ok(
                speaker,
                f"{_SERVICE}/ServerSideDiff",
                appName=app,
                liveResources=[{**named, "liveState": json.dumps(live)}],
                targetManifests=[json.dumps({**target, "data": {"a": value}})],
            )
            (item,) = answer["items"]
            assert bool(answer.get("modified")) is modified
            assert bool(item.get("modified")) is modified
            assert json.loads(item["targetState"])["data"] == {"a": value}
            assert json.loads(item["liveState"])["data"] == {"a": "1"}
    assert data(stack, app, "settings") == {"a": "1"}


@pytest.fixture(scope="module")
def servers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    found = Servers(tmp_path_factory.mktemp("effects"))
    stack.ok("cert", "add-tls", "127.0.0.1", "--from", str(found.ca))
    yield found
    found.stop()
    stack.ok("cert", "rm", "127.0.0.1")


async def until_answered(speaker: Speaker, method: str, **request: Any) -> dict[str, Any]:
    """As soon as the application and what opens its repository are known."""
    async with asyncio.timeout(30):
        while True:
            answer = await speaker.ask(method, request)
            if isinstance(answer, dict):
                return answer
            await asyncio.sleep(0.1)


async def test_what_a_chart_says_of_itself(
    stack: Stack, servers: Servers, speakers: list[Speaker]
) -> None:
    app, url = "effect-chart", servers.charts.url
    chart = {
        "apiVersion": "v2",
        "name": "told",
        "version": "1.0.0",
        "description": "It tells",
        "home": "https://told.example.com",
        "maintainers": [{"name": "ada", "email": "ada@example.com"}],
    }
    servers.charts.publish("told", "1.0.0", {"Chart.yaml": json.dumps(chart)})
    secret(stack, "effect-charts", url=url, type="helm", name="told", username="ada",
           password=PASSWORD)  # fmt: skip
    source = {"repoURL": url, "chart": "told", "targetRevision": "1.0.0"}
    stack.apply(app, stack.repo(app), "none", source=source)
    for speaker in speakers:
        method = f"{_SERVICE}/RevisionChartDetails"
        answer = await until_answered(speaker, method, name=app, revision="1.0.0")
        assert answer == {
            "description": "It tells",
            "home": "https://told.example.com",
            "maintainers": ["ada <ada@example.com>"],
        }


async def test_what_an_artefact_says_of_itself(
    stack: Stack, servers: Servers, speakers: list[Speaker]
) -> None:
    app, name = "effect-oci", "effects/manifests"
    files = {"app/settings.yaml": config_map("settings", a="1")}
    layers = [Blob(LAYER, tgz(files))]
    servers.run(servers.registry.push(name, "1.2.3", layers, annotations=_ABOUT))
    url = f"oci://{servers.registry.host}/{name}"
    secret(stack, "effect-artefacts", url=url, type="oci", insecureOCIForceHttp="true",
           username="ada", password=PASSWORD)  # fmt: skip
    source = {"repoURL": url, "path": "app", "targetRevision": "1.2.3"}
    stack.apply(app, stack.repo(app), "none", source=source)
    for speaker in speakers:
        method = f"{_SERVICE}/GetOCIMetadata"
        answer = await until_answered(speaker, method, name=app, revision="1.2.3")
        assert answer == {
            "authors": "ada",
            "version": "1.2.3",
            "sourceUrl": "https://code.example.com",
        }


@dataclass(frozen=True)
class Registered:
    """The control plane once more, by its address and with a token of its own."""

    stack: Stack
    server: str

    def token(self) -> str:
        for one in self.stack.kube.list("Secret", NAMESPACE):
            given = {
                key: base64.b64decode(text).decode()
                for key, text in (one.get("data") or {}).items()
            }
            if given.get("name") == CLUSTER:
                found: str = json.loads(given["config"])["bearerToken"]
                return found
        raise AssertionError("the cluster is not registered")


def _with_token(stack: Stack) -> dict[str, Any]:
    """A kubeconfig of somebody who may do everything: one with a certificate needs no account."""
    account = {"name": CLUSTER, "namespace": "kube-system"}
    stack.kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    stack.kube.call(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": CLUSTER},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
    )
    path = f"/api/v1/namespaces/kube-system/serviceaccounts/{CLUSTER}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = stack.kube.call("POST", path, asked)["status"]["token"]
    config: dict[str, Any] = yaml.safe_load(stack.cluster.kubeconfig.read_text())
    user = {"name": CLUSTER, "user": {"token": token}}
    context = {"cluster": config["clusters"][0]["name"], "user": CLUSTER}
    contexts = [*config["contexts"], {"name": CLUSTER, "context": context}]
    return {**config, "users": [*config["users"], user], "contexts": contexts}


@pytest.fixture
def registered(stack: Stack, tmp_path: Path) -> Iterator[Registered]:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(_with_token(stack)))
    where = ("--kubeconfig", str(kubeconfig), "--yes")
    stack.ok("cluster", "add", CLUSTER, *where)
    yield Registered(stack, stack.kube.server)
    stack.ok("cluster", "rm", CLUSTER, *where)


async def test_a_cluster_s_token_is_renewed(
    registered: Registered, speakers: list[Speaker]
) -> None:
    method = "cluster.ClusterService/RotateAuth"
    for speaker in speakers:
        before = registered.token()
        named = {"value": registered.server}
        await until_answered(speaker, "cluster.ClusterService/Get", id=named)
        await ok(speaker, method, id=named)
        assert registered.token() != before
    stack = registered.stack

    def tokens() -> list[str]:
        return [
            base64.b64decode(one["data"]["token"]).decode()
            for one in stack.kube.list("Secret", "kube-system")
            if one["type"] == "kubernetes.io/service-account-token" and "token" in one["data"]
        ]

    stack.until("the old ones are gone", lambda: tokens() == [registered.token()])
