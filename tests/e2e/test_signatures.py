"""Projects that ask for signatures: what nobody signed is shown, and never applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack
from tests.fixtures.gpg import Keys

OPEN: dict[str, Any] = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    keys = Keys()
    yield keys
    keys.close()


@pytest.fixture(scope="module")
def signer(stack: Stack, keys: Keys) -> str:
    """The id of a key that the control plane knows."""
    fingerprint = keys.create("signer")
    stack.kube.merge(
        "ConfigMap",
        NAMESPACE,
        "argocd-gpg-keys-cm",
        {"data": {fingerprint[-16:]: keys.public(fingerprint)}},
    )
    return fingerprint[-16:]


def signed(repo: Repo, keys: Keys, key: str) -> str:
    """A signed commit on top of what is there."""
    before = {name: value for name, value in keys.environment.items() if name != "PATH"}
    repo.git("config", "gpg.program", "gpg")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in before.items():
            patch.setenv(name, value)
        repo.git("commit", "--quiet", "--allow-empty", f"-S{key}", "-m", "Signed")
    return repo.git("rev-parse", "HEAD")


@pytest.mark.parametrize("form", ["signatureKeys", "sourceIntegrity"])
def test_only_what_is_signed_is_applied(stack: Stack, keys: Keys, signer: str, form: str) -> None:
    name = f"signed-{form.lower()}"
    repo = stack.repo(f"{name}.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    bare = repo.commit()
    asked: dict[str, Any] = {"signatureKeys": [{"keyID": signer}]}
    if form == "sourceIntegrity":
        gpg = {"mode": "head", "keys": [signer]}
        asked = {"sourceIntegrity": {"git": {"policies": [{"repos": [{"url": "*"}], "gpg": gpg}]}}}
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {**OPEN, **asked},
        }
    )
    policy: dict[str, Any] = {"automated": {}, "retry": {"limit": 0}}
    stack.apply(name, repo, "app", project=name, syncPolicy=policy)
    said = stack.until("it is said", lambda: stack.conditions(name).get("ComparisonError"))
    assert said.startswith(f"Failed verifying revision {bare} by ")
    assert "unsigned" in said
    assert stack.status(name)[0] == "OutOfSync"
    assert stack.kube.get("ConfigMap", name, "settings") is None
    commit = signed(repo, keys, signer)
    stack.until_done(name, commit)
    assert stack.kube.get("ConfigMap", name, "settings") is not None
    stack.until_status(name, "Synced", "Healthy")
    assert stack.conditions(name) == {}
