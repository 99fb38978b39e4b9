"""What each provider's payload says, and what is refused of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.core.webhook.payloads import (
    AZURE,
    BITBUCKET,
    BITBUCKET_SERVER,
    GHCR,
    GITHUB,
    GITLAB,
    HARBOR,
    NEW,
    OLD,
    changed,
)
from tiphys.core.webhook.errors import RefusedError
from tiphys.core.webhook.events import BitbucketPush, Event, PushEvent, RegistryEvent
from tiphys.core.webhook.parsing import parse, short_name
from tiphys.core.webhook.providers import Headers, Provider

FILES = frozenset({"app/new.yaml", "app/old.yaml", "base/cm.yaml"})
EVENT: dict[Provider, Headers] = {
    Provider.AZURE_DEVOPS: {},
    Provider.GOGS: {"x-gogs-event": "push"},
    Provider.GITHUB: {"x-github-event": "push"},
    Provider.GITLAB: {"x-gitlab-event": "Push Hook"},
    Provider.BITBUCKET: {"x-event-key": "repo:push"},
    Provider.BITBUCKET_SERVER: {"x-event-key": "repo:refs_changed"},
    Provider.GHCR: {},
    Provider.HARBOR: {},
}


def read(provider: Provider, payload: Any, **headers: str) -> list[Event]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return list(parse(provider, {**EVENT[provider], **named}, orjson.dumps(payload)))


def pushed(url: str, **parts: Any) -> PushEvent:
    usual: dict[str, Any] = {"default": True, "before": OLD, "after": NEW, "files": FILES}
    return PushEvent((url,), parts.pop("revision", "main"), **{**usual, **parts})


def test_github_and_gogs() -> None:
    wanted = [pushed("https://github.example.com/org/repo")]
    assert read(Provider.GITHUB, GITHUB) == wanted
    assert read(Provider.GOGS, GITHUB) == wanted
    other = changed(GITHUB, "ref", "refs/heads/feature/main")
    (event,) = read(Provider.GITHUB, other)
    assert isinstance(event, PushEvent)
    assert (event.revision, event.default) == ("feature/main", False)
    created = changed(changed(GITHUB, "before", "0" * 40), "commits", None)
    (event,) = read(Provider.GITHUB, created)
    assert isinstance(event, PushEvent)
    assert (event.before, event.files) == ("", frozenset())
    assert read(Provider.GITHUB, {"zen": "x"}, x_github_event="ping") == []


def test_gitlab() -> None:
    wanted = [pushed("https://gitlab.example.com/group/sub/repo")]
    assert read(Provider.GITLAB, GITLAB) == wanted
    assert read(Provider.GITLAB, GITLAB, x_gitlab_event="System Hook") == wanted
    tag = changed(changed(GITLAB, "object_kind", "tag_push"), "ref", "refs/tags/v1.0.0")
    (event,) = read(Provider.GITLAB, tag, x_gitlab_event="Tag Push Hook")
    assert isinstance(event, PushEvent)
    assert (event.revision, event.default) == ("v1.0.0", False)
    named = changed(GITLAB, "object_kind", None)
    assert read(Provider.GITLAB, named, x_gitlab_event="System Hook") == wanted


def test_bitbucket() -> None:
    push = pushed("https://bitbucket.org/team/repo", revision="feature/x", files=None)
    assert read(Provider.BITBUCKET, BITBUCKET) == [BitbucketPush(push, "team/repo")]
    created = changed(BITBUCKET, "push.changes.0.old", None)
    (event,) = read(Provider.BITBUCKET, created)
    assert isinstance(event, BitbucketPush)
    assert event.push.before == ""
    unnamed = changed(BITBUCKET, "repository.full_name", None)
    assert read(Provider.BITBUCKET, unnamed) == [BitbucketPush(push, "team/repo")]
    assert read(Provider.BITBUCKET, changed(BITBUCKET, "push.changes.0.new", None)) == []


def test_bitbucket_server() -> None:
    urls = (
        "ssh://git@bb.example.com:7999/team/repo.git",
        "https://bb.example.com/scm/team/repo.git",
    )
    wanted = PushEvent(urls, "main", default=True)
    assert read(Provider.BITBUCKET_SERVER, BITBUCKET_SERVER) == [wanted]
    assert read(Provider.BITBUCKET_SERVER, {}, x_event_key="diagnostics:ping") == []


def test_azure() -> None:
    wanted = pushed("https://dev.azure.com/org/project/_git/repo", files=None)
    assert read(Provider.AZURE_DEVOPS, AZURE) == [wanted]
    other = changed(AZURE, "resource.repository.defaultBranch", "refs/heads/trunk")
    (event,) = read(Provider.AZURE_DEVOPS, other)
    assert isinstance(event, PushEvent)
    assert event.default is False
    for kind in ("git.pullrequest.created", "build.complete"):
        assert read(Provider.AZURE_DEVOPS, {"eventType": kind}) == []


def test_registries() -> None:
    assert read(Provider.GHCR, GHCR) == [RegistryEvent("ghcr.io/Org/web", "1.2.3")]
    plain = changed(GHCR, "package.owner", None)
    assert read(Provider.GHCR, plain) == [RegistryEvent("ghcr.io/org/web", "1.2.3")]
    harbor = RegistryEvent("harbor.example.com:443/lib/web", "1.2.3")
    assert read(Provider.HARBOR, HARBOR) == [harbor]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("action", "updated"),
        ("package", None),
        ("package.package_type", "npm"),
        ("package.package_version", None),
        ("package.package_version.container_metadata", None),
        ("package.package_version.container_metadata.tag", None),
        ("package.package_version.container_metadata.tag.name", ""),
    ],
)
def test_of_ghcr_only_new_tags_of_images_count(path: str, value: Any) -> None:
    assert read(Provider.GHCR, changed(GHCR, path, value)) == []


@pytest.mark.parametrize(
    ("path", "value"), [("type", "DELETE_ARTIFACT"), ("event_data.resources.1.tag", None)]
)
def test_of_harbor_only_pushed_tags_count(path: str, value: Any) -> None:
    assert read(Provider.HARBOR, changed(HARBOR, path, value)) == []


def test_events_that_are_not_listed() -> None:
    refused: list[tuple[Provider, Any, dict[str, str]]] = [
        (Provider.GITHUB, GITHUB, {"x_github_event": "issues"}),
        (Provider.GOGS, GITHUB, {"x_gogs_event": "create"}),
        (Provider.GITLAB, GITLAB, {"x_gitlab_event": "Issue Hook"}),
        (Provider.GITLAB, {"event_name": "user_create"}, {"x_gitlab_event": "System Hook"}),
        (Provider.BITBUCKET, BITBUCKET, {"x_event_key": "issue:created"}),
        (Provider.BITBUCKET_SERVER, BITBUCKET_SERVER, {"x_event_key": "pr:opened"}),
        (Provider.AZURE_DEVOPS, {"eventType": "tfvc.checkin"}, {}),
    ]
    for provider, payload, headers in refused:
        with pytest.raises(RefusedError):
            read(provider, payload, **headers)


BROKEN: list[tuple[Provider, dict[str, Any], str, Any]] = [
    (Provider.GITHUB, GITHUB, "repository", None),
    (Provider.GITHUB, GITHUB, "repository", "boom"),
    (Provider.GITHUB, GITHUB, "repository.html_url", 1),
    (Provider.GITHUB, GITHUB, "repository.html_url", "boom"),
    (Provider.GITHUB, GITHUB, "repository.html_url", "https://[::1"),
    (Provider.GITHUB, GITHUB, "ref", None),
    (Provider.GITHUB, GITHUB, "commits", "boom"),
    (Provider.GITHUB, GITHUB, "commits.0", []),
    (Provider.GITHUB, GITHUB, "commits.0.added", {"a": 1}),
    (Provider.GITHUB, GITHUB, "commits.0.added", [[]]),
    (Provider.GITLAB, GITLAB, "project", None),
    (Provider.GITLAB, GITLAB, "project.web_url", ""),
    (Provider.BITBUCKET, BITBUCKET, "repository.links.html.href", []),
    (Provider.BITBUCKET, BITBUCKET, "repository.links", "boom"),
    (Provider.BITBUCKET, BITBUCKET, "repository.full_name", "../../x"),
    (Provider.BITBUCKET, BITBUCKET, "repository.full_name", "a/b?c=d"),
    (Provider.BITBUCKET, BITBUCKET, "repository.full_name", "a/.."),
    (Provider.BITBUCKET, BITBUCKET, "push.changes", []),
    (Provider.BITBUCKET, BITBUCKET, "push", None),
    (Provider.BITBUCKET_SERVER, BITBUCKET_SERVER, "repository.links.clone", "boom"),
    (Provider.BITBUCKET_SERVER, BITBUCKET_SERVER, "repository.links.clone", []),
    (Provider.BITBUCKET_SERVER, BITBUCKET_SERVER, "repository.links.clone.0.href", []),
    (Provider.BITBUCKET_SERVER, BITBUCKET_SERVER, "changes", None),
    (Provider.AZURE_DEVOPS, AZURE, "resource.refUpdates", []),
    (Provider.AZURE_DEVOPS, AZURE, "resource.refUpdates", None),
    (Provider.AZURE_DEVOPS, AZURE, "resource", []),
    (Provider.HARBOR, HARBOR, "event_data", None),
    (Provider.GHCR, GHCR, "package", []),
]


@pytest.mark.parametrize(("provider", "payload", "path", "value"), BROKEN)
def test_broken_payloads(
    provider: Provider, payload: dict[str, Any], path: str, value: Any
) -> None:
    with pytest.raises(RefusedError):
        read(provider, changed(payload, path, value))


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 5_000])
def test_no_json_object(provider: Provider, body: bytes) -> None:
    with pytest.raises(RefusedError):
        parse(provider, EVENT[provider], body)


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("refs/heads/main", "main"),
        ("refs/heads/feature/x", "feature/x"),
        ("feature/x", "x"),
        ("main", "main"),
    ],
)
def test_what_a_ref_is_called(ref: str, name: str) -> None:
    assert short_name(ref) == name


def test_more_values_than_any_provider_sends() -> None:
    with pytest.raises(RefusedError, match="too many values"):
        parse(Provider.GITHUB, EVENT[Provider.GITHUB], b"{" + b"," * 2_000_000)
