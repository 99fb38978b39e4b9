"""Threads for what blocks: trees are read and files written in them, and some wait for servers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_MOST: Final = 128
"""So many that those who wait for a server that hangs leave enough to all others. They are only
started when they are needed.
"""


def widen_threads(loop: asyncio.AbstractEventLoop) -> None:
    """The usual number goes by processors, as if all of them were to compute."""
    loop.set_default_executor(ThreadPoolExecutor(_MOST, thread_name_prefix="blocking"))
