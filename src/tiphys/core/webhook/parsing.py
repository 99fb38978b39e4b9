"""What each provider's payload says, as events; what its documentation does not list is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from tiphys.core.webhook.errors import RefusedError
from tiphys.core.webhook.events import BitbucketPush, Event, PushEvent, RegistryEvent
from tiphys.core.webhook.matching import target_key
from tiphys.core.webhook.payload import Node
from tiphys.core.webhook.providers import Headers, Provider

Events = Sequence[Event]

_GHCR = "ghcr.io"
_AZURE_IDLE = ("git.pullrequest.", "build.")
_NO_COMMIT = re.compile(r"0*")
_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}/[A-Za-z0-9_.-]{1,128}", re.ASCII)


def parse(provider: Provider, headers: Headers, body: bytes) -> Events:
    """Nothing where the event is known and means nothing here. Raises RefusedError."""
    return _PARSERS[provider](headers, body)


def _azure(_headers: Headers, body: bytes) -> Events:
    payload = Node.parse(body)
    kind = payload.text("eventType")
    if kind.startswith(_AZURE_IDLE):
        return ()
    if kind != "git.push":
        raise _unlisted()
    resource = payload.at("resource")
    updates = resource.items("refUpdates")
    if not updates:
        raise RefusedError("resource.refUpdates is empty")
    name = updates[0].required("name")
    push = _push(
        resource.required("repository", "remoteUrl"),
        ref=name,
        default=name == resource.text("repository", "defaultBranch"),
        before=updates[0].text("oldObjectId"),
        after=updates[0].text("newObjectId"),
    )
    return (push,)


def _gogs(headers: Headers, body: bytes) -> Events:
    if headers.get("x-gogs-event") != "push":
        raise _unlisted()
    return _push_of_github(Node.parse(body))


def _github(headers: Headers, body: bytes) -> Events:
    event = headers.get("x-github-event")
    payload = Node.parse(body)
    if event == "ping":
        return ()
    if event != "push":
        raise _unlisted()
    return _push_of_github(payload)


def _push_of_github(payload: Node) -> Events:
    return _with_commits(
        payload,
        payload.required("repository", "html_url"),
        payload.text("repository", "default_branch"),
    )


def _gitlab(headers: Headers, body: bytes) -> Events:
    event = headers.get("x-gitlab-event")
    payload = Node.parse(body)
    if event == "System Hook":
        kind = payload.text("object_kind") or payload.text("event_name")
        if kind not in ("push", "tag_push"):
            raise _unlisted()
    elif event not in ("Push Hook", "Tag Push Hook"):
        raise _unlisted()
    return _with_commits(
        payload,
        payload.required("project", "web_url"),
        payload.text("project", "default_branch"),
    )


def _with_commits(payload: Node, url: str, default: str) -> Events:
    ref = payload.required("ref")
    files = {
        path
        for commit in payload.items("commits")
        for sort in ("added", "modified", "removed")
        for path in commit.texts(sort)
    }
    push = _push(
        url,
        ref=ref,
        default=bool(default) and default == short_name(ref),
        before=payload.text("before"),
        after=payload.text("after"),
        files=frozenset(files),
    )
    return (push,)


def _bitbucket(headers: Headers, body: bytes) -> Events:
    if headers.get("x-event-key") != "repo:push":
        raise _unlisted()
    payload = Node.parse(body)
    url = payload.required("repository", "links", "html", "href")
    changes = payload.items("push", "changes")
    if not changes:
        raise RefusedError("push.changes is empty")
    new, old = changes[0].at("new"), changes[0].at("old")
    if new.missing:
        # A branch or tag was deleted: nothing leads to anything new.
        return ()
    push = PushEvent(
        (_checked(url),),
        new.required("name"),
        default=True,
        before="" if old.missing else _commit(old.text("target", "hash")),
        after=_commit(new.text("target", "hash")),
    )
    return (BitbucketPush(push, _full_name(payload.text("repository", "full_name"), url)),)


def _full_name(given: str, url: str) -> str:
    """It goes into the address of a request, so that only names are taken."""
    name = given or urlsplit(url).path.strip("/")
    if not _FULL_NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
        raise RefusedError("repository.full_name is no name of a repository")
    return name


def _bitbucket_server(headers: Headers, body: bytes) -> Events:
    event = headers.get("x-event-key")
    if event == "diagnostics:ping":
        return ()
    if event != "repo:refs_changed":
        raise _unlisted()
    payload = Node.parse(body)
    links = payload.items("repository", "links", "clone")
    urls = [one.required("href") for one in links if one.text("name") in ("http", "ssh")]
    changes = payload.items("changes")
    if not urls or not changes:
        raise RefusedError("repository.links.clone or changes is empty")
    ref = changes[0].required("reference", "id")
    return (PushEvent(tuple(map(_checked, urls)), short_name(ref), default=True),)


def _ghcr(_headers: Headers, body: bytes) -> Events:
    payload = Node.parse(body)
    package = payload.at("package")
    if payload.text("action") != "published" or package.missing:
        return ()
    if package.text("package_type").lower() != "container":
        return ()
    version = package.at("package_version")
    container = version if version.missing else version.at("container_metadata")
    label = container if container.missing else container.at("tag")
    tag = "" if label.missing else label.text("name")
    if not tag:
        return ()
    owner = package.at("owner")
    name = package.text("namespace") if owner.missing else owner.required("login")
    return (RegistryEvent(f"{_GHCR}/{name}/{package.required('name')}", tag),)


def _harbor(_headers: Headers, body: bytes) -> Events:
    payload = Node.parse(body)
    if payload.text("type") != "PUSH_ARTIFACT":
        return ()
    for resource in payload.items("event_data", "resources"):
        tag, url = resource.text("tag"), resource.text("resource_url")
        if tag and url:
            return (RegistryEvent(_without_tag(url), tag),)
    return ()


def _without_tag(url: str) -> str:
    """A port is no tag: one comes after the last slash."""
    name = url.removeprefix("oci://").partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def short_name(ref: str) -> str:
    """What follows the second slash: `refs/heads/feature/x` is `feature/x`."""
    return ref.split("/", 2)[-1]


def _push(
    url: str,
    *,
    ref: str,
    default: bool,
    before: str,
    after: str,
    files: frozenset[str] | None = None,
) -> PushEvent:
    before, after = _commit(before), _commit(after)
    return PushEvent(
        (_checked(url),), short_name(ref), default=default, before=before, after=after, files=files
    )


def _commit(text: str) -> str:
    """Zeros stand for no commit."""
    return "" if _NO_COMMIT.fullmatch(text) else text


def _checked(url: str) -> str:
    if not target_key(url):
        raise RefusedError("the repository's URL is none")
    return url


def _unlisted() -> RefusedError:
    return RefusedError("the event is none of those that are taken")


_PARSERS: Mapping[Provider, Callable[[Headers, bytes], Events]] = {
    Provider.AZURE_DEVOPS: _azure,
    Provider.GOGS: _gogs,
    Provider.GITHUB: _github,
    Provider.GITLAB: _gitlab,
    Provider.BITBUCKET: _bitbucket,
    Provider.BITBUCKET_SERVER: _bitbucket_server,
    Provider.GHCR: _ghcr,
    Provider.HARBOR: _harbor,
}
