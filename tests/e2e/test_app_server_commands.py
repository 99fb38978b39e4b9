"""Commands on applications that the files beside this one run in core mode only, or not at all."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml

from tests.e2e.api import port
from tests.e2e.leaves import runs
from tests.e2e.manifests import config_map, deployment, job
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_server_commands import SERVER, Client, password_of

UPDATED = "Application '{}' updated successfully\n"


@pytest.fixture(scope="module")
def client(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Client:
    client = Client(stack, tmp_path_factory.mktemp("config"), f"127.0.0.1:{port(stack)}")
    client.log_in(password_of(stack))
    return client


@runs("app edit", "app create", api=True)
def test_edit(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = client.stack.repo("server-edit")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    client.ok(
        "app", "create", "server-edit", "--repo", repo.url, "--path", "app", "--dest-server",
        SERVER, "--dest-namespace", "server-edit",
    )  # fmt: skip
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "revisionHistoryLimit: 4" >> "$1"\n')
    editor.chmod(stat.S_IRWXU)
    monkeypatch.setenv("EDITOR", str(editor))
    client.ok("app", "edit", "server-edit")
    assert client.stack.app("server-edit")["spec"]["revisionHistoryLimit"] == 4


@runs("app add-source", "app remove-source", api=True)
def test_several_sources(client: Client) -> None:
    name, stack = "server-sources", client.stack
    repo = stack.repo(name)
    repo.write("one/cm.yaml", config_map("one", a="1"))
    repo.write("two/cm.yaml", config_map("two", a="1"))
    repo.commit()
    one, two = ({"repoURL": repo.url, "path": path} for path in ("one", "two"))
    stack.apply(name, repo, "one", sources=[one])
    stack.kube.merge("Application", NAMESPACE, name, {"spec": {"source": None}})
    added = client.ok("app", "add-source", name, "--repo", repo.url, "--path", "two")
    assert added == UPDATED.format(name)
    assert stack.app(name)["spec"]["sources"] == [one, two]
    removed = client.ok("app", "remove-source", name, "--source-position", "1")
    assert removed == UPDATED.format(name)
    assert stack.app(name)["spec"]["sources"] == [two]


@runs("app logs", api=True)
def test_logs(client: Client) -> None:
    name, stack = "server-logs", client.stack
    repo = stack.repo(name)
    repo.write("app/web.yaml", deployment("web"))
    repo.commit()
    stack.create(name, repo, "app")
    client.ok("app", "sync", name)
    stack.until_status(name, "Synced", "Healthy")
    stack.until("it says something", lambda: client.ok("app", "logs", name, "--tail", "1"))
    assert client.ok("app", "logs", name, "--kind", "StatefulSet") == ""


@runs("app terminate-op", api=True)
def test_terminate(client: Client) -> None:
    name, stack = "server-stop", client.stack
    repo = stack.repo(name)
    repo.write("app/job.yaml", job("slow", hook="PreSync", behaviour="hang"))
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create(name, repo, "app")
    client.ok("app", "sync", name, "--async")
    stack.until("it runs", lambda: stack.operation(name).get("phase") == "Running")
    assert client.ok("app", "terminate-op", name) == (
        f"Application '{name}' operation terminating\n"
    )
    state = stack.until_done(name, phase="Failed")
    assert "terminated" in state["message"]


@runs(
    "admin app generate-spec",
    "admin app get-reconcile-results",
    "admin app diff-reconcile-results",
    core=True,
)
def test_specs_and_results(stack: Stack, tmp_path: Path) -> None:
    name = "admin-results"
    repo = stack.repo(name)
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    flags = ("--repo", repo.url, "--path", "app", "--dest-server", SERVER, "--label", "admin=a")
    said = stack.ok("admin", "app", "generate-spec", name, *flags, "--dest-namespace", name)
    manifest = yaml.safe_load(said)
    assert manifest["spec"]["source"] == {"repoURL": repo.url, "path": "app"}
    manifest["metadata"]["namespace"] = NAMESPACE
    stack.kube.create(manifest)
    before, after = tmp_path / "before", tmp_path / "after"
    chosen = ("--l", "admin=a", "--refresh")
    stack.ok("admin", "app", "get-reconcile-results", str(before), *chosen, "--o", "json")
    (found,) = json.loads(before.read_text())["applications"]
    assert (found["name"], found["sync"]["status"]) == (name, "OutOfSync")
    changed = {**found, "health": "Unknown"}
    after.write_text(json.dumps({"applications": [changed]}))
    shown = stack.ok("admin", "app", "diff-reconcile-results", str(before), str(after))
    assert shown.splitlines()[0] == name
    assert "> health: Unknown" in shown
