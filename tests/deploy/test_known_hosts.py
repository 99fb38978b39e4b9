"""The keys of SSH hosts that an installation begins with: those that their providers publish."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import yaml

from tiphys.core.repositories.knownhosts import HostKey, parse_known_hosts

CONFIG = Path(__file__).parents[2] / "deploy" / "config" / "configmaps.yaml"
GITHUB = {
    "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
    "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
    "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
}
AZURE = {"ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og"}
PUBLISHED = {
    "[ssh.github.com]:443": GITHUB,
    "github.com": GITHUB,
    "gitlab.com": {
        "HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
        "eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
        "ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ",
    },
    "bitbucket.org": {
        "46OSHA1Rmj8E8ERTC6xkNcmGOw9oFxYr0WF6zWW8l1E",
        "FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0",
        "ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM",
    },
    "ssh.dev.azure.com": AZURE,
    "vs-ssh.visualstudio.com": AZURE,
}


def fingerprint(key: HostKey) -> str:
    digest = hashlib.sha256(base64.b64decode(key.data)).digest()
    return base64.b64encode(digest).decode().rstrip("=")


def test_hosts_have_the_keys_that_are_published() -> None:
    maps = {one["metadata"]["name"]: one for one in yaml.safe_load_all(CONFIG.read_text())}
    text = maps["argocd-ssh-known-hosts-cm"]["data"]["ssh_known_hosts"]
    keys = parse_known_hosts(text)
    assert len(keys) == len(text.splitlines())
    found: dict[str, set[str]] = {}
    for key in keys:
        found.setdefault(key.hosts, set()).add(fingerprint(key))
    assert found == PUBLISHED
