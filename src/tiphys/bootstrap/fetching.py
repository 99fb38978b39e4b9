"""Where sources come from, wired: Git, charts, artefacts, and what sources name outside of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tiphys import __version__
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.services.sources.fair import FairUpstream
from tiphys.services.sources.refs import PollTiming, RefWatcher
from tiphys.services.sources.remotes import SourceRemotes
from tiphys.services.sources.upstream import UpstreamByKind

_FAR_OUT = 60
"""Git programs that may run at once when many hosts are slow: the gates decide how much is done
at once, the adapters' own bounds lie further out.
"""


class Fetching:
    """Everything is kept below `folder`. Close it on its event loop."""

    def __init__(
        self,
        folder: Path,
        timing: PollTiming | None = None,
        *,
        metrics: GitMetrics | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        settings = GitSettings(
            environment=environment, listings_at_once=_FAR_OUT, fetches_at_once=_FAR_OUT
        )
        self.git = GitCli(folder / "repositories", settings, metrics=metrics)
        self.packages = Packages(
            PackageSettings(
                folder / "packages", agent=f"tiphys/{__version__}", environment=environment
            )
        )
        by_kind = UpstreamByKind(self.git, self.packages.charts, self.packages.artifacts)
        self.upstream = FairUpstream(by_kind)
        self.refs = RefWatcher(self.upstream, timing)
        self.remotes = SourceRemotes(self.upstream, self.refs, self.packages.files)

    async def aclose(self) -> None:
        await self.refs.aclose()
        await self.packages.aclose()
        await self.git.aclose()
