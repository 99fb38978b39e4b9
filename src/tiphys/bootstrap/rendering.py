"""Rendering in this process, wired: what fetches, what renders, and what remembers it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from tiphys.adapters.cache import FolderCache
from tiphys.adapters.engine import EngineLimits, LaneOptions, fingerprint
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.bootstrap.fetching import Fetching, PackageSizes
from tiphys.bootstrap.pausing import read_pause
from tiphys.bootstrap.tools import Tools
from tiphys.model.repository import Confidential, Repository
from tiphys.services.render.behind import WriteBehind
from tiphys.services.render.fair import FairRenderer
from tiphys.services.render.ports import RenderArchive
from tiphys.services.render.service import RenderService
from tiphys.services.sources.refs import PollTiming

if TYPE_CHECKING:
    from tiphys.adapters.redis import RedisOptions

_GROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")
_SHARE = 0.75
"""Of the memory that the process's group may take, what renders may take; the rest is our own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCache:
    """Renders are kept on Redis, sealed with `key`; `lifetime` in seconds."""

    redis: RedisOptions
    key: Confidential
    compress: bool = True
    lifetime: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """`data` is kept between two runs. `at_once` renders side by side, 0 for as many as there are
    processors; what would not fit into memory waits in any case. Without a `cache` renders are
    kept in a folder.
    """

    data: Path
    at_once: int = 0
    limits: EngineLimits = field(default_factory=EngineLimits)
    sizes: PackageSizes = field(default_factory=PackageSizes)
    cache: SharedCache | None = None

    def places(self) -> int:
        wanted = self.at_once or os.cpu_count() or 1
        room = _group_memory()
        if room is None:
            return wanted
        return max(min(wanted, int(room * _SHARE) // self.limits.memory), 1)


class LocalRendering:
    """What is opened is closed by the stack. `waited` hears of the seconds before a render."""

    def __init__(
        self,
        options: RenderOptions,
        stack: AsyncExitStack,
        *,
        timing: PollTiming | None = None,
        git_metrics: GitMetrics | None = None,
        registry: CollectorRegistry | None = None,
        find: Callable[[str, str], Repository] | None = None,
        waited: Callable[[float], None] = lambda _seconds: None,
        asked_redis: Callable[[bool, float], None] = lambda _failed, _seconds: None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.fetching = Fetching(
            options.data,
            timing,
            metrics=git_metrics,
            find=find,
            sizes=options.sizes,
            environment=environment,
        )
        stack.push_async_callback(self.fetching.aclose)
        places = options.places()
        # The gate decides how many render; slow ones give their place back, and keep a process.
        lanes = LaneOptions(size=2 * places + 2, limits=options.limits)
        tools = Tools(lanes, logins=self.fetching.tokens, environment=environment)
        stack.push_async_callback(tools.close)
        archive = WriteBehind(_archive(options, stack, asked_redis))
        stack.callback(archive.close)
        service = RenderService(
            self.fetching.upstream,
            FairRenderer(tools.renderer, at_once=places, waited=waited),
            tools.engine,
            self.fetching.remotes,
            plugins=tools.plugins,
            verifier=self.fetching.verifier,
            pause=read_pause(environment),
            archive=archive,
            engine_version=fingerprint(),
            registry=registry,
        )
        self.service = self.fetching.modules.around(service)


def _archive(
    options: RenderOptions, stack: AsyncExitStack, asked: Callable[[bool, float], None]
) -> RenderArchive:
    cache = options.cache
    if cache is None:
        return FolderCache(options.data / "renders")
    # Most have none, and to load it takes a tenth of a second of the start.
    from tiphys.adapters.redis import RedisArchive, Sealer

    sealer = Sealer(cache.key.encode(), purpose="renders", compress=cache.compress)
    archive = RedisArchive(cache.redis, sealer, lifetime=cache.lifetime, asked=asked)
    stack.callback(archive.close)
    return archive


def _group_memory() -> int | None:
    """Bytes that the process and its children may take together; None where nobody says."""
    try:
        text = _GROUP_MEMORY.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
