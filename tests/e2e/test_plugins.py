"""A config management plugin beside the controller, and applications that are its."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import BIN, Stack

GENERATE = """
cat <<END
apiVersion: v1
kind: ConfigMap
metadata: {name: made}
data:
  text: "$(cat text.mine)"
  application: "$ARGOCD_APP_NAME"
  colour: "$ARGOCD_ENV_COLOUR"
  size: "$PARAM_SIZE"
END
"""
AUTOMATED: dict[str, Any] = {"automated": {}}


def _start(stack: Stack, folder: Path) -> subprocess.Popen[bytes]:
    config = {
        "kind": "ConfigManagementPlugin",
        "metadata": {"name": "mine"},
        "spec": {
            "generate": {"command": ["sh", "-c", GENERATE]},
            "discover": {"fileName": "*.mine"},
        },
    }
    (folder / "plugin.yaml").write_text(json.dumps(config))
    own = {"ARGOCD_PLUGINSOCKFILEPATH": str(stack.plugins), "TMPDIR": str(folder)}
    return subprocess.Popen(
        [BIN / "tiphys", "cmp-server", "--config-dir-path", folder], env=os.environ | own
    )


@pytest.fixture(scope="module", autouse=True)
def plugin(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    process = _start(stack, tmp_path_factory.mktemp("plugin"))
    try:
        stack.until("it listens", (stack.plugins / "mine.sock").exists)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("plugins.git")
    repo.write("app/text.mine", "one")
    repo.write("plain/cm.yaml", config_map("plain", a="1"))
    repo.commit()
    return repo


def _made(stack: Stack, namespace: str) -> dict[str, str]:
    found: dict[str, Any] | None = stack.kube.get("ConfigMap", namespace, "made")
    return {} if found is None else found["data"]


def test_a_named_plugin_gets_what_the_spec_says(stack: Stack, repo: Repo) -> None:
    plugin = {
        "name": "mine",
        "env": [{"name": "COLOUR", "value": "blue-$ARGOCD_APP_PROJECT_NAME"}],
        "parameters": [{"name": "size", "string": "large"}],
    }
    source = {"repoURL": repo.url, "path": "app", "plugin": plugin}
    stack.apply("named", repo, "app", source=source, syncPolicy=AUTOMATED)
    stack.until_status("named", "Synced", "Healthy")
    assert _made(stack, "named") == {
        "text": "one",
        "application": "named",
        "colour": "blue-default",
        "size": "large",
    }


def test_a_plugin_finds_its_applications(stack: Stack, repo: Repo) -> None:
    stack.apply("found", repo, "app", syncPolicy=AUTOMATED)
    stack.apply("plug-plain", repo, "plain", syncPolicy=AUTOMATED)
    stack.until_status("found", "Synced", "Healthy")
    stack.until_status("plug-plain", "Synced", "Healthy")
    assert _made(stack, "found")["application"] == "found"
    assert not _made(stack, "plug-plain")
    assert stack.kube.get("ConfigMap", "plug-plain", "plain") is not None
    repo.write("app/text.mine", "two")
    repo.commit()
    stack.until("it is applied", lambda: _made(stack, "found").get("text") == "two")


def test_a_plugin_that_is_not_there(stack: Stack, repo: Repo) -> None:
    source = {"repoURL": repo.url, "path": "app", "plugin": {"name": "other"}}
    stack.apply("missing", repo, "app", source=source)
    said = stack.until("it is said", lambda: stack.conditions("missing").get("ComparisonError"))
    assert 'could not find cmp-server plugin with name "other" supporting the given' in said
