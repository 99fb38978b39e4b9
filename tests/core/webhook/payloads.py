"""A delivery of each provider, with the fields that its documentation shows."""

from __future__ import annotations

import copy
from typing import Any

OLD, NEW = "1" * 40, "2" * 40

COMMITS = [
    {"id": OLD, "added": ["app/new.yaml"], "modified": [], "removed": ["app/old.yaml"]},
    {"id": NEW, "added": [], "modified": ["base/cm.yaml"], "removed": []},
]
GITHUB = {
    "ref": "refs/heads/main",
    "before": OLD,
    "after": NEW,
    "created": False,
    "forced": False,
    "commits": COMMITS,
    "repository": {
        "full_name": "org/repo",
        "html_url": "https://github.example.com/org/repo",
        "clone_url": "https://github.example.com/org/repo.git",
        "default_branch": "main",
    },
    "pusher": {"name": "ada"},
}
GITLAB = {
    "object_kind": "push",
    "event_name": "push",
    "before": OLD,
    "after": NEW,
    "ref": "refs/heads/main",
    "checkout_sha": NEW,
    "project": {
        "name": "repo",
        "web_url": "https://gitlab.example.com/group/sub/repo",
        "default_branch": "main",
        "git_http_url": "https://gitlab.example.com/group/sub/repo.git",
    },
    "commits": COMMITS,
    "total_commits_count": 2,
}
BITBUCKET = {
    "actor": {"nickname": "ada"},
    "repository": {
        "full_name": "team/repo",
        "links": {
            "self": {"href": "https://api.bitbucket.org/2.0/repositories/team/repo"},
            "html": {"href": "https://bitbucket.org/team/repo"},
        },
    },
    "push": {
        "changes": [
            {
                "new": {"type": "branch", "name": "feature/x", "target": {"hash": NEW}},
                "old": {"type": "branch", "name": "feature/x", "target": {"hash": OLD}},
            }
        ]
    },
}
BITBUCKET_SERVER = {
    "eventKey": "repo:refs_changed",
    "repository": {
        "slug": "repo",
        "links": {
            "clone": [
                {"href": "ssh://git@bb.example.com:7999/team/repo.git", "name": "ssh"},
                {"href": "https://bb.example.com/scm/team/repo.git", "name": "http"},
                {"href": "ignored", "name": "other"},
            ]
        },
    },
    "changes": [
        {
            "ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
            "reference": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
            "fromHash": OLD,
            "toHash": NEW,
            "type": "UPDATE",
        }
    ],
}
AZURE = {
    "eventType": "git.push",
    "publisherId": "tfs",
    "resource": {
        "commits": [{"commitId": NEW}],
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": OLD, "newObjectId": NEW}],
        "repository": {
            "name": "repo",
            "defaultBranch": "refs/heads/main",
            "remoteUrl": "https://dev.azure.com/org/project/_git/repo",
        },
    },
}
GHCR = {
    "action": "published",
    "package": {
        "name": "web",
        "namespace": "org",
        "ecosystem": "CONTAINER",
        "package_type": "CONTAINER",
        "owner": {"login": "Org"},
        "package_version": {
            "version": "sha256:abc",
            "container_metadata": {"tag": {"name": "1.2.3", "digest": "sha256:abc"}},
        },
    },
}
HARBOR = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1700000000,
    "operator": "admin",
    "event_data": {
        "resources": [
            {"digest": "sha256:abc", "resource_url": "harbor.example.com:443/lib/web@sha256:abc"},
            {
                "digest": "sha256:abc",
                "tag": "1.2.3",
                "resource_url": "harbor.example.com:443/lib/web:1.2.3",
            },
        ],
        "repository": {"name": "web", "namespace": "lib", "repo_full_name": "lib/web"},
    },
}


def changed(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a place; steps are split at dots, numbers lead into lists."""
    made = copy.deepcopy(payload)
    steps = path.split(".")
    at: Any = made
    for step in steps[:-1]:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[int(steps[-1]) if isinstance(at, list) else steps[-1]] = value
    return made
