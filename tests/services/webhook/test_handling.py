"""Whom an event refreshes, and what it costs where they are many."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.reconcile.world import NAMESPACE, URL
from tests.services.webhook.world import Desk
from tiphys.core.webhook.events import BitbucketPush, PushedFiles, PushEvent, RegistryEvent
from tiphys.core.webhook.providers import WebhookSecrets
from tiphys.model.errors import ConflictError, ForbiddenError, ObjectNotFoundError, RepositoryError
from tiphys.model.repository import Confidential

PATHS = "argocd.argoproj.io/manifest-generate-paths"


def push(*files: str, **parts: Any) -> PushEvent:
    usual = {"revision": "main", "default": True, "files": frozenset(files), "urls": (URL,)}
    return PushEvent(**{**usual, **parts})


async def test_the_right_applications_and_only_those() -> None:
    desk = Desk()
    desk.add("head")
    desk.add("branch", targetRevision="main")
    desk.add("other-branch", targetRevision="other")
    desk.add("other-place", url="https://git.example.com/others")
    desk.add("ssh", url="git@git.example.com:apps.git")
    desk.add("skipped", notes={"argocd.argoproj.io/skip-reconcile": "true"})
    desk.add("inside", notes={PATHS: "."})
    desk.add("outside", notes={PATHS: "/elsewhere"})
    await desk.handler.handle(push("inside/cm.yaml"))
    assert desk.refreshed() == ["branch", "head", "inside", "ssh"]
    # The repository is asked for the others too, in each way that it is written.
    assert desk.places.asked == ["git@git.example.com:apps.git", URL]
    patch = desk.cluster.objects[next(k for k in desk.cluster.objects if k.name == "head")]
    stamp = patch["metadata"]["annotations"]["argocd.argoproj.io/refresh-timestamp"]
    assert stamp == "2026-11-23T12:00:00.000000Z"


async def test_who_moves_away_is_not_found_any_more() -> None:
    desk = Desk()
    desk.add("web")
    desk.gone("web")
    await desk.handler.handle(push())
    assert desk.refreshed() == []
    assert desk.places.asked == []


async def test_registries() -> None:
    desk = Desk()
    desk.add("chart", url="ghcr.io/org", chart="web", targetRevision="^1")
    desk.add("other", url="ghcr.io/org", chart="web", targetRevision="^2")
    await desk.handler.handle(RegistryEvent("ghcr.io/org/web", "1.4.0"))
    assert desk.refreshed() == ["chart"]
    assert desk.places.asked == ["ghcr.io/org"]


async def test_of_many_only_those_that_are_touched() -> None:
    desk = Desk(webhook_jitter_threshold=2)
    for name in ("a", "b", "c"):
        desk.add(name)
    desk.add("sure", notes={PATHS: "."})
    desk.places.differ = {"b"}
    await desk.handler.handle(push("sure/cm.yaml"))
    assert desk.refreshed() == ["b", "sure"]
    # Who says where it looks has been judged already.
    assert desk.places.looked_at == ["a", "b", "c"]


async def test_many_are_spread() -> None:
    desk = Desk(webhook_jitter_threshold=1, webhook_jitter=30, webhook_refresh_workers=1)
    for name in ("a", "b"):
        desk.add(name)
    desk.places.differ = {"a", "b"}
    handling = asyncio.create_task(desk.handler.handle(push()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.refreshed() == []
    await desk.clock.advance(30)
    await handling
    assert desk.refreshed() == ["a", "b"]
    assert desk.drawn == [30, 30]


async def test_few_are_not() -> None:
    desk = Desk(webhook_jitter=30)
    desk.add("a")
    await desk.handler.handle(push())
    assert desk.refreshed() == ["a"]
    assert desk.drawn == []


@pytest.mark.parametrize(("failures", "done"), [(4, True), (5, False)])
async def test_conflicts_are_tried_again(
    monkeypatch: pytest.MonkeyPatch, failures: int, done: bool
) -> None:
    desk = Desk()
    desk.add("web")
    whole, left = desk.cluster.patch, [failures]

    async def patch(*args: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise ConflictError("conflict")
        return await whole(*args, **named)

    monkeypatch.setattr(desk.cluster, "patch", patch)
    handling = asyncio.create_task(desk.handler.handle(push()))
    for _ in range(6):
        await desk.clock.advance(10)
    await handling
    assert (desk.refreshed() == ["web"]) is done


@pytest.mark.parametrize("error", [ForbiddenError("no"), ObjectNotFoundError("gone")])
async def test_what_cannot_be_written_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    desk = Desk()
    desk.add("a")
    desk.add("b")
    whole = desk.cluster.patch

    async def patch(resource: Any, namespace: str, name: str, *args: Any, **named: Any) -> Any:
        assert namespace == NAMESPACE
        if name == "a":
            raise error
        return await whole(resource, namespace, name, *args, **named)

    monkeypatch.setattr(desk.cluster, "patch", patch)
    await desk.handler.handle(push())
    assert desk.refreshed() == ["b"]


CLOUD = "https://bitbucket.org/team/repo"


def of_bitbucket(**parts: Any) -> BitbucketPush:
    usual = {"before": "1" * 40, "after": "2" * 40, "files": None, "urls": (CLOUD,)}
    return BitbucketPush(push(**{**usual, **parts}), "team/repo")


def desk_of_bitbucket() -> Desk:
    desk = Desk()
    desk.secrets = WebhookSecrets(bitbucket_uuid=Confidential("uuid"))
    desk.add("one", url=CLOUD, notes={PATHS: "."}, targetRevision="main")
    desk.add("two", url=CLOUD, notes={PATHS: "."}, targetRevision="main")
    return desk


async def test_bitbucket_says_which_files_changed() -> None:
    desk = desk_of_bitbucket()
    desk.add("head", url=CLOUD)
    desk.bitbucket.answer = PushedFiles(frozenset({"one/cm.yaml"}), "trunk")
    await desk.handler.handle(of_bitbucket())
    assert desk.bitbucket.asked == [(CLOUD, "team/repo")]
    assert desk.refreshed() == ["one"]
    desk.bitbucket.answer = PushedFiles(frozenset({"one/cm.yaml"}), "main")
    await desk.handler.handle(of_bitbucket())
    assert desk.refreshed() == ["head", "one"]


async def test_bitbucket_that_does_not_say_is_no_reason_to_wait() -> None:
    desk = desk_of_bitbucket()
    desk.bitbucket.answer = RepositoryError("away", url=CLOUD)
    await desk.handler.handle(of_bitbucket())
    assert desk.refreshed() == ["one", "two"]


@pytest.mark.parametrize(
    "unproven", [{"before": ""}, {"after": ""}, {"urls": ("https://bitbucket.org/team/none",)}]
)
async def test_bitbucket_is_not_asked_in_vain(unproven: dict[str, Any]) -> None:
    desk = desk_of_bitbucket()
    await desk.handler.handle(of_bitbucket(**unproven))
    assert desk.bitbucket.asked == []


async def test_nobody_makes_us_ask_bitbucket_without_a_secret() -> None:
    desk = desk_of_bitbucket()
    desk.secrets = WebhookSecrets()
    await desk.handler.handle(of_bitbucket())
    assert desk.bitbucket.asked == []
    assert desk.refreshed() == ["one", "two"]
