"""Whom an event concerns: repositories by their URLs, however those are written, and revisions.

A URL is turned into keys under which an index finds it: a push looks under one key, and sees only
the applications of its repository. For `https://host/path` those are all that the contract's
pattern takes: any scheme of http, https and ssh or none, a user, `ssh.` or `altssh.` before the
host, a port, `:` or `/` before the path, `.git` at its end, in any case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from tiphys.core.source.generatepaths import concerned, generate_paths
from tiphys.core.source.semver import Constraint, Version
from tiphys.core.webhook.events import PushEvent, RegistryEvent
from tiphys.model.source import ApplicationSource

_LONGEST = 2048
_START = re.compile(r"^(?:(?:https?|ssh)://)?(?:[\w.][\w.-]{0,30}[\w.$-]?@)?(?P<rest>.+)$")
_HOST = re.compile(r"^(?P<host>[^:/]+)(?P<port>:\d+)?(?P<path>[:/].*)?$")
_BEFORE_HOSTS = re.compile(r"^(?:alt)?ssh\.(?P<host>.+)$")
_WHOLE = ("refs/heads/", "refs/tags/")


def target_key(url: str) -> str:
    """Of a URL that a provider gives; empty where it is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    path = parts.path.lstrip("/").lower().removesuffix(".git")
    return f"{host}/{path}" if host and path and len(url) <= _LONGEST else ""


def source_keys(url: str) -> frozenset[str]:
    """Of a URL that an application names: all that it may mean."""
    text = url.strip().lower().removesuffix(".git")
    started = _START.match(text) if len(text) <= _LONGEST else None
    parts = _HOST.match(started["rest"]) if started else None
    if parts is None:
        return frozenset()
    hosts = {parts["host"]}
    if shorter := _BEFORE_HOSTS.match(parts["host"]):
        hosts.add(shorter["host"])
    port, path = parts["port"] or "", (parts["path"] or "")[1:]
    paths = {path}
    if port:
        # `host:22/path` may be a port, or the first folder of the short form of SSH.
        paths.add(f"{port[1:]}/{path}" if path else port[1:])
    return frozenset(f"{host}/{one}" for host in hosts for one in paths if one)


def registry_key(event: RegistryEvent) -> str:
    return event.repository.lower().strip("/")


def registry_keys(source: ApplicationSource) -> frozenset[str]:
    """Of a source that may come from a registry: its URL, and its chart in there."""
    base = source.repo_url.strip().lower().removeprefix("oci://").strip("/")
    chart = source.chart.strip("/").lower()
    return frozenset({base, f"{base}/{chart}"} if chart else {base})


def revision_touched(target: str, pushed: str, *, default: bool) -> bool:
    """Whether what an application follows may lead elsewhere now; `default`: so may HEAD."""
    name = target.split("/", 2)[-1] if target.startswith(_WHOLE) else target
    if target.split("/", 2)[-1] in ("", "HEAD"):
        return default
    if name == pushed:
        return True
    constraint, version = Constraint.parse(name), Version.parse(pushed)
    return constraint is not None and version is not None and constraint.allows(version)


def files_touched(event: PushEvent, source: ApplicationSource, annotation: str) -> bool:
    """Whether one of the changed files counts for who carries manifest-generate-paths. Nobody
    knows which changed, or none did: then everything may have.
    """
    paths = generate_paths(annotation, source.path)
    return not event.files or concerned(paths, event.files)


def pushed_sources(
    event: PushEvent | RegistryEvent, sources: Sequence[ApplicationSource]
) -> Sequence[int]:
    """Which of an application's sources come from the place of the event, by position."""
    if isinstance(event, RegistryEvent):
        key = registry_key(event)
        return [at for at, source in enumerate(sources) if key in registry_keys(source)]
    keys = frozenset(map(target_key, event.urls))
    return [
        at for at, source in enumerate(sources) if not keys.isdisjoint(source_keys(source.repo_url))
    ]


def touched_sources(
    event: PushEvent | RegistryEvent,
    sources: Sequence[ApplicationSource],
    annotation: str,
) -> Sequence[int]:
    """Which of them may have something new for the application; `annotation` is its
    manifest-generate-paths.
    """

    def touched(source: ApplicationSource) -> bool:
        if isinstance(event, RegistryEvent):
            return revision_touched(source.target_revision, event.tag, default=False)
        target = source.target_revision
        return revision_touched(target, event.revision, default=event.default) and files_touched(
            event, source, annotation
        )

    return [at for at in pushed_sources(event, sources) if touched(sources[at])]
