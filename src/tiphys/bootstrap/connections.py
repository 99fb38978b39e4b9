"""What tries the repositories that a command names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tiphys import __version__
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.services.repositories.testing import RepositoryTester


@asynccontextmanager
async def open_tester() -> AsyncIterator[RepositoryTester]:
    """Nothing is started or fetched until a repository is tried."""
    with tempfile.TemporaryDirectory(prefix="tiphys-") as folder:
        root = Path(folder)
        git = GitCli(root / "git", GitSettings(environment=os.environ))
        packages = Packages(
            PackageSettings(
                root / "packages", agent=f"tiphys/{__version__}", environment=os.environ
            )
        )
        try:
            yield RepositoryTester(git, packages.charts, packages.artifacts)
        finally:
            await packages.aclose()
            await git.aclose()
