"""What happened somewhere, in one form for all providers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PushEvent:
    """Commits were pushed to a repository.

    `urls` are those that the provider knows it by. `revision` is the short name of the branch or
    tag. `before` and `after` are commits, empty where the provider says none. `files` changed,
    None where nobody knows which. `default`: the default branch was pushed to.
    """

    urls: tuple[str, ...]
    revision: str
    default: bool
    before: str = ""
    after: str = ""
    files: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class BitbucketPush:
    """A push to Bitbucket's cloud, whose API knows which files changed, and which branch is the
    default. `full_name` is workspace and repository.
    """

    push: PushEvent
    full_name: str


@dataclass(frozen=True, slots=True)
class PushedFiles:
    """What an API knows of a push. `default_branch` is empty where nobody says."""

    files: frozenset[str]
    default_branch: str = ""


@dataclass(frozen=True, slots=True)
class RegistryEvent:
    """A tag was pushed to a registry; `repository` is host and name."""

    repository: str
    tag: str


Event = PushEvent | BitbucketPush | RegistryEvent
