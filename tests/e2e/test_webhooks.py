"""Pushes that are told before anybody polls: the right applications, and only those, go on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.core.webhook import payloads
from tests.core.webhook.payloads import changed
from tests.e2e.api import port
from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_controller import general

PATHS = "argocd.argoproj.io/manifest-generate-paths"
APPS = ("wh-head", "wh-inside", "wh-outside", "wh-branch", "wh-range", "wh-elsewhere")


def post(stack: Stack, payload: Any, headers: dict[str, str]) -> tuple[int, str]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port(stack), timeout=10)
    try:
        connection.request("POST", "/api/webhook", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@dataclass(frozen=True)
class Told:
    """A delivery about a repository, and whom it concerns."""

    headers: dict[str, str]
    payload: dict[str, Any]
    url: str
    wanted: frozenset[str]


HEAD = frozenset({"wh-head", "wh-inside"})
"""Who follows the default branch, where it is known which files changed; and where it is not:"""
ALL = HEAD | {"wh-outside"}
GITHUB = {"X-GitHub-Event": "push"}
DELIVERIES = {
    "github": Told(GITHUB, payloads.GITHUB, "repository.html_url", HEAD),
    "gogs": Told({"X-Gogs-Event": "push", **GITHUB}, payloads.GITHUB, "repository.html_url", HEAD),
    "gitlab": Told({"X-Gitlab-Event": "Push Hook"}, payloads.GITLAB, "project.web_url", HEAD),
    "gitlab-tag": Told(
        {"X-Gitlab-Event": "Tag Push Hook"},
        changed(payloads.GITLAB, "ref", "refs/tags/v1.4.0"),
        "project.web_url",
        frozenset({"wh-range"}),
    ),
    "bitbucket": Told(
        {"X-Hook-UUID": "{1}", "X-Event-Key": "repo:push"},
        changed(payloads.BITBUCKET, "push.changes.0.new.name", "stable"),
        "repository.links.html.href",
        # Its payload does not say which branch is the default one.
        ALL | {"wh-branch"},
    ),
    "bitbucket-server": Told(
        {"X-Event-Key": "repo:refs_changed"},
        payloads.BITBUCKET_SERVER,
        "repository.links.clone.1.href",
        ALL,
    ),
    "azure": Told({"X-Vss-Activityid": "1"}, payloads.AZURE, "resource.repository.remoteUrl", ALL),
    "github-branch": Told(
        GITHUB,
        changed(payloads.GITHUB, "ref", "refs/heads/stable"),
        "repository.html_url",
        frozenset({"wh-branch"}),
    ),
}


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Iterator[Repo]:
    """Applications of one repository that are synced, and nobody who polls."""
    repo, elsewhere = stack.repo("wh.git"), stack.repo("wh-elsewhere.git")
    for one in (repo, elsewhere):
        for path in ("app", "other"):
            one.write(f"{path}/cm.yaml", config_map("settings", a="1"))
        one.commit()
        one.git("branch", "stable")
        one.git("tag", "v1.0.0")
    sources = {
        "wh-inside": {"path": "app"},
        "wh-outside": {"path": "other"},
        "wh-branch": {"targetRevision": "stable"},
        "wh-range": {"targetRevision": "^1.0"},
        "wh-elsewhere": {"repoURL": elsewhere.url},
    }
    for name in APPS:
        source = {"repoURL": repo.url, "path": "app", **sources.get(name, {})}
        stack.apply(name, repo, "app", source=source, syncPolicy={"automated": {}})
        if name in ("wh-inside", "wh-outside"):
            note = {"metadata": {"annotations": {PATHS: "."}}}
            stack.kube.merge("Application", NAMESPACE, name, note)
    for name in APPS:
        stack.until_done(name)
        stack.until_status(name, "Synced", "Healthy")
    with general(stack, timeout__reconciliation="1h"):
        stack.until("nobody polls", lambda: '"settings changed"' in stack.log_tail(400))
        yield repo


def refreshed(stack: Stack, mark: int) -> set[str]:
    """Who was asked to be refreshed since."""
    return {
        event["objectRef"]["name"]
        for event in stack.audit(NAMESPACE, mark)
        if event["objectRef"]["resource"] == "applications"
        and "fieldManager=argocd-server" in event["requestURI"]
    }


@pytest.mark.parametrize("name", DELIVERIES)
def test_who_is_refreshed(stack: Stack, repo: Repo, name: str) -> None:
    told = DELIVERIES[name]
    payload = changed(told.payload, told.url, repo.url.removesuffix(".git"))
    mark = stack.audit_offset()
    assert post(stack, payload, told.headers) == (200, "")
    stack.until("they are asked for", lambda: refreshed(stack, mark) >= told.wanted)
    time.sleep(0.7)
    assert refreshed(stack, mark) == told.wanted
    for one in told.wanted:
        stack.until(
            "it is answered",
            lambda one=one: (  # type: ignore[misc]
                "argocd.argoproj.io/refresh"
                not in stack.app(one)["metadata"].get("annotations", {})
            ),
        )


def test_a_push_goes_live_at_once_and_renders_what_it_touches(stack: Stack, repo: Repo) -> None:
    time.sleep(1)
    renders = stack.renders()
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    commit = repo.commit()
    payload = changed(payloads.GITHUB, "repository.html_url", repo.url.removesuffix(".git"))
    payload["commits"] = [{"added": [], "modified": ["app/cm.yaml"], "removed": []}]
    began = time.monotonic()
    assert post(stack, {**payload, "after": commit}, GITHUB)[0] == 200
    for name in HEAD:
        stack.until_done(name, commit, seconds=20)
    assert time.monotonic() - began < 20
    live = stack.kube.get("ConfigMap", "wh-head", "settings")
    assert live is not None
    assert live["data"] == {"a": "2"}
    # The other's manifests are carried over: it names the commit, and nothing is rendered for it.
    stack.until_compared("wh-outside", commit)
    # One render is both's answer where they differ in nothing that is read.
    assert 1 <= stack.renders() - renders <= 2
    assert stack.app("wh-branch")["status"]["sync"]["revision"] != commit


@pytest.mark.parametrize(
    ("headers", "payload", "said"),
    [
        ({}, {}, "Unknown webhook event"),
        (GITHUB, b"{", "Webhook processing failed"),
        (GITHUB, {"repository": None}, "Webhook processing failed"),
        ({"X-GitHub-Event": "issues"}, {}, "Webhook processing failed"),
        (GITHUB, b"", "Webhook processing failed: payload must be valid JSON under 50 MB"),
    ],
)
def test_the_rest_is_refused(
    stack: Stack, repo: Repo, headers: dict[str, str], payload: Any, said: str
) -> None:
    mark = stack.audit_offset()
    assert post(stack, payload, headers) == (400, f"{said}\n")
    assert refreshed(stack, mark) == set()


def test_secrets_count_from_the_moment_that_they_are_stored(stack: Stack, repo: Repo) -> None:
    payload = changed(payloads.GITHUB, "repository.html_url", repo.url.removesuffix(".git"))
    body = json.dumps(payload).encode()
    secret = {"data": {"webhook.github.secret": base64.b64encode(b"hushed").decode()}}
    stack.kube.merge("Secret", NAMESPACE, "argocd-secret", secret)
    try:
        stack.until("it is refused", lambda: post(stack, body, GITHUB)[0] == 400)
        proof = hmac.new(b"hushed", body, hashlib.sha256).hexdigest()
        signed = {**GITHUB, "X-Hub-Signature-256": f"sha256={proof}"}
        assert post(stack, body, signed) == (200, "")
        assert post(stack, body + b" ", signed)[0] == 400
    finally:
        stack.kube.merge(
            "Secret", NAMESPACE, "argocd-secret", {"data": {"webhook.github.secret": None}}
        )
    assert "hushed" not in (stack.folder / "tiphys.log").read_text()


def test_a_registry_s_push_concerns_who_follows_the_tag(stack: Stack) -> None:
    """Nobody answers at the registry: whom its news concern is known without."""
    host = "127.0.0.1:9"
    for name, target in (("wh-tag", "1.2.3"), ("wh-newer", "^1"), ("wh-older", "~0.9")):
        source = {"repoURL": f"oci://{host}/lib/web", "path": ".", "targetRevision": target}
        stack.kube.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {
                    "project": "default",
                    "source": source,
                    "destination": {"name": "in-cluster", "namespace": name},
                },
            }
        )
        stack.until("it is compared", lambda name=name: stack.conditions(name))  # type: ignore[misc]
    url = f"{host}/lib/web:1.2.3"
    payload = changed(payloads.HARBOR, "event_data.resources.1.resource_url", url)
    word = {"data": {"webhook.harbor.secret": base64.b64encode(b"hushed").decode()}}
    mark = stack.audit_offset()
    unknown = (400, "Unknown webhook event\n")
    assert post(stack, payload, {"Authorization": "hushed"}) == unknown
    stack.kube.merge("Secret", NAMESPACE, "argocd-secret", word)
    try:
        stack.until(
            "it is claimed", lambda: post(stack, payload, {"Authorization": "hushed"}) == (200, "")
        )
        assert post(stack, payload, {"Authorization": "hush"}) == unknown
        stack.until("they are asked for", lambda: refreshed(stack, mark))
        time.sleep(0.7)
        assert refreshed(stack, mark) == {"wh-tag", "wh-newer"}
    finally:
        stack.kube.merge(
            "Secret", NAMESPACE, "argocd-secret", {"data": {"webhook.harbor.secret": None}}
        )
