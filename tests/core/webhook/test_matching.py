"""Which sources an event concerns."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tiphys.core.webhook.events import PushEvent, RegistryEvent
from tiphys.core.webhook.matching import (
    pushed_sources,
    registry_keys,
    revision_touched,
    source_keys,
    target_key,
    touched_sources,
)
from tiphys.model.source import ApplicationSource

WEB = "https://git.example.com/Org/repo"


def source(url: str = WEB, **parts: Any) -> ApplicationSource:
    return ApplicationSource(repo_url=url, **parts)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/Org/repo",
        "http://git.example.com/org/REPO.git",
        "https://ada@git.example.com/org/repo",
        "https://git.example.com:8443/org/repo",
        "git@git.example.com:org/repo.git",
        "git@git.example.com:org/repo",
        "ssh://git@git.example.com:22/org/repo.git",
        "ssh://git@ssh.git.example.com/org/repo",
        "ssh://altssh.git.example.com:443/org/repo",
        "git.example.com/org/repo",
        " git.example.com:org/repo ",
    ],
)
def test_a_url_of_the_repository(url: str) -> None:
    assert target_key(WEB) in source_keys(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/org/repo2",
        "https://git.example.com/org/repo/more",
        "https://git.example.com/more/org/repo",
        "https://git.example.com.evil.example/org/repo",
        "https://evil.example/git.example.com/org/repo",
        "https://xgit.example.com/org/repo",
        "ftp://git.example.com/org/repo",
        "https://git.example.com",
        "",
        "https://git.example.com/" + "x" * 3_000,
    ],
)
def test_a_url_of_another(url: str) -> None:
    assert target_key(WEB) not in source_keys(url)


def test_numbers_before_the_path_may_be_a_port_or_a_folder() -> None:
    assert source_keys("git@h.example:22/repo") == {"h.example/repo", "h.example/22/repo"}
    assert source_keys("git@h.example:22") == {"h.example/22"}


@pytest.mark.parametrize(
    "url",
    ["boom", "", "https://", "https://h", "https://h/", "https://[x", "https://h/" + "x" * 3_000],
)
def test_no_url(url: str) -> None:
    assert target_key(url) == ""


_HOSTS = some.sampled_from(["h.example", "ssh.h.example", "altssh.h.example", "g.example"])
_PATHS = some.sampled_from(["a/b", "A/b", "22/b", "a/b/c", "a"])


@given(
    some.sampled_from(["", "https://", "http://", "ssh://", "ftp://", "HTTPS://"]),
    some.sampled_from(["", "git@", "a.b-c@", "-@"]),
    _HOSTS,
    some.sampled_from(["", ":22", ":443"]),
    some.sampled_from([":", "/"]),
    _PATHS,
    some.sampled_from(["", ".git"]),
    _HOSTS,
    _PATHS,
)
def test_keys_say_what_the_pattern_says(
    scheme: str, user: str, host: str, port: str, sign: str, path: str, end: str, at: str, of: str
) -> None:
    name = r"[\w\.][\w\.-]{0,30}[\w\.\$-]?"
    pattern = rf"((https?|ssh)://)?({name}@)?((alt)?ssh\.)?{re.escape(at)}(:\d+)?[:/]{re.escape(of)}(\.git)?"
    url = f"{scheme}{user}{host}{port}{sign}{path}{end}"
    wanted = re.fullmatch(pattern, url, re.IGNORECASE) is not None
    assert (target_key(f"https://{at}/{of}") in source_keys(url)) is wanted


@pytest.mark.parametrize(
    ("target", "pushed", "default", "touched"),
    [
        ("", "main", True, True),
        ("HEAD", "main", True, True),
        ("HEAD", "other", False, False),
        ("refs/heads/HEAD", "x", True, True),
        ("main", "main", False, True),
        ("main", "other", True, False),
        ("refs/heads/feature/x", "feature/x", False, True),
        ("refs/tags/v1", "v1", False, True),
        ("feature/x", "feature/x", False, True),
        ("x", "feature/x", False, False),
        ("^1.2", "v1.3.0", False, True),
        ("^1.2", "2.0.0", False, False),
        ("refs/tags/1.x", "1.9.9", False, True),
        ("^1.2", "main", False, False),
        ("main", "1.0.0", False, False),
        ("1.2.3", "v1.2.3", False, True),
    ],
)
def test_revisions(target: str, pushed: str, default: bool, touched: bool) -> None:
    assert revision_touched(target, pushed, default=default) is touched


def push(*files: str, known: bool = True, revision: str = "main") -> PushEvent:
    return PushEvent((WEB,), revision, default=True, files=frozenset(files) if known else None)


def test_files_count_by_the_annotation() -> None:
    one = [source(path="apps/one")]
    assert touched_sources(push("apps/one/cm.yaml"), one, ".") == [0]
    assert touched_sources(push("apps/two/cm.yaml"), one, ".") == []
    assert touched_sources(push("shared/x.yaml"), one, ".;/shared") == [0]
    assert touched_sources(push("shared/x.yaml"), one, "/shared/*.yaml") == [0]
    assert touched_sources(push("apps/one/cm.yaml"), one, "../two") == []
    # Without it, and where nobody knows what changed, all may have.
    assert touched_sources(push("apps/two/cm.yaml"), one, "") == [0]
    assert touched_sources(push(), one, ".") == [0]
    assert touched_sources(push(known=False), one, ".") == [0]
    assert (
        touched_sources(push("apps/one/x"), [source(path="apps/one", target_revision="v1")], ".")
        == []
    )


def test_each_source_is_asked() -> None:
    sources = [source("https://other.example/a"), source(), source(target_revision="v1")]
    assert pushed_sources(push(), sources) == [1, 2]
    assert touched_sources(push(), sources, "") == [1]


def test_registries_are_told_by_repository_and_tag() -> None:
    event = RegistryEvent("GHCR.io/org/web/", "1.2.3")
    sources = [
        source("oci://ghcr.io/Org/web/", target_revision="1.2.3"),
        source("ghcr.io/org", chart="web", target_revision="^1"),
        source("oci://ghcr.io/org/web", target_revision="2.x"),
        source("oci://ghcr.io/org/web"),
        source("oci://ghcr.io/org/other", target_revision="1.2.3"),
    ]
    assert pushed_sources(event, sources) == [0, 1, 2, 3]
    assert touched_sources(event, sources, "") == [0, 1]
    assert registry_keys(sources[1]) == {"ghcr.io/org", "ghcr.io/org/web"}
