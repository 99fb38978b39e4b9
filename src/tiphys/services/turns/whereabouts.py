"""What a piece of work waits for right now: a repository, a cluster, or nothing outside.

Whoever runs the work listens; whoever does it says so where it begins to wait. A slow repository
or cluster can so be told from an application that has much to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from tiphys.core.source.url import normal_form


class Follower(Protocol):
    """Hears where one piece of work is."""

    def enters(self, group: str) -> None: ...

    def leaves(self, group: str) -> None: ...


_FOLLOWER: ContextVar[Follower | None] = ContextVar("follower", default=None)


def follow(follower: Follower) -> None:
    """From now on in this task, and in those that it starts."""
    _FOLLOWER.set(follower)


@contextmanager
def waiting_for(group: str) -> Iterator[None]:
    follower = _FOLLOWER.get()
    if follower is None:
        yield
        return
    follower.enters(group)
    try:
        yield
    finally:
        follower.leaves(group)


def repository_group(url: str) -> str:
    return f"repository {normal_form(url)}"


def cluster_group(server: str, name: str) -> str:
    """A destination as it is written."""
    return f"cluster {server or name}"
