"""What tries the repositories that a command names."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tiphys.bootstrap.fetching import Fetching
from tiphys.services.repositories.testing import RepositoryTester


@asynccontextmanager
async def open_tester() -> AsyncIterator[RepositoryTester]:
    """Nothing is started or fetched until a repository is tried, and nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="tiphys-") as folder:
        fetching = Fetching(Path(folder))
        try:
            yield RepositoryTester(
                fetching.git, fetching.packages.charts, fetching.packages.artifacts
            )
        finally:
            await fetching.aclose()
