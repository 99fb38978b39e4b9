"""Where sources come from, wired: Git, charts, artefacts, and what sources name outside of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tiphys import __version__
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.adapters.tokens import TokenLogins, TokenSettings
from tiphys.model.repository import Repository
from tiphys.services.sources.fair import FairUpstream
from tiphys.services.sources.housekeeping import keep_tidy
from tiphys.services.sources.refs import PollTiming, RefWatcher
from tiphys.services.sources.remotes import SourceRemotes
from tiphys.services.sources.upstream import UpstreamByKind

_FAR_OUT = 60
"""Git programs that may run at once when many hosts are slow: the gates decide how much is done
at once, the adapters' own bounds lie further out.
"""


class Fetching:
    """Everything is kept below `folder`. Close it on its event loop. `find` opens the submodules of
    a repository, by URL and project.
    """

    def __init__(
        self,
        folder: Path,
        timing: PollTiming | None = None,
        *,
        metrics: GitMetrics | None = None,
        find: Callable[[str, str], Repository] | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        settings = replace(
            GitSettings.of_environment(environment),
            listings_at_once=_FAR_OUT,
            fetches_at_once=_FAR_OUT,
        )
        self.tokens = tokens = TokenLogins(TokenSettings(environment))
        self.git = GitCli(
            folder / "repositories", settings, metrics=metrics, tokens=tokens, find=find
        )
        self.packages = Packages(
            PackageSettings(
                folder / "packages", agent=f"tiphys/{__version__}", environment=environment
            ),
            tokens,
        )
        self._by_kind = UpstreamByKind(self.git, self.packages.charts, self.packages.artifacts)
        self.upstream = FairUpstream(self._by_kind)
        self.refs = RefWatcher(self.upstream, timing)
        self.remotes = SourceRemotes(self.upstream, self.refs, self.packages.files)

    async def keep_tidy(self, in_use: Callable[[], Mapping[str, set[str]]]) -> None:
        """Without end; see services.sources.housekeeping."""
        await keep_tidy(self.git, self._by_kind.opened, in_use)

    async def aclose(self) -> None:
        await self.refs.aclose()
        await self.packages.aclose()
        await self.git.aclose()
