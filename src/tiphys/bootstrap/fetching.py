"""Where sources come from, wired: Git, charts, artefacts, and what sources name outside of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tiphys import __version__
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.metrics import GitMetrics
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.packages.charts.indexes import IndexLimits
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.adapters.signatures.gnupg import GnuPGSignatures
from tiphys.adapters.tokens import TokenLogins, TokenSettings
from tiphys.model.repository import Repository
from tiphys.services.sources.fair import FairUpstream
from tiphys.services.sources.housekeeping import keep_tidy
from tiphys.services.sources.modules import JobModules
from tiphys.services.sources.refs import PollTiming, RefWatcher
from tiphys.services.sources.remotes import SourceRemotes
from tiphys.services.sources.upstream import UpstreamByKind
from tiphys.services.sources.verifying import JobVerifier

_FAR_OUT = 60
"""Git programs that may run at once when many hosts are slow: the gates decide how much is done
at once, the adapters' own bounds lie further out.
"""
_OFF = ("false", "no")


@dataclass(frozen=True, slots=True)
class PackageSizes:
    """The most bytes of an unpacked chart, of an unpacked artefact, and of a chart repository's
    index; 0 for the first two is any number.
    """

    chart: int = 1_000_000_000
    artifact: int = 1_000_000_000
    index: int = 1_000_000_000


class Fetching:
    """Everything is kept below `folder`. Close it on its event loop. `modules` has to be around
    whatever renders; `find` opens submodules where no job does, by URL and project.
    """

    def __init__(
        self,
        folder: Path,
        timing: PollTiming | None = None,
        *,
        metrics: GitMetrics | None = None,
        find: Callable[[str, str], Repository] | None = None,
        sizes: PackageSizes | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        settings = GitSettings.of_environment(
            environment, GitSettings(listings_at_once=_FAR_OUT, fetches_at_once=_FAR_OUT)
        )
        self.tokens = tokens = TokenLogins(TokenSettings(environment))
        self.modules = JobModules(find)
        self.git = GitCli(
            folder / "repositories",
            settings,
            metrics=metrics,
            tokens=tokens,
            find=self.modules.find,
            submodules=self.modules.wanted,
        )
        sizes = sizes or PackageSizes()
        self.packages = Packages(
            PackageSettings(
                folder / "packages",
                agent=f"tiphys/{__version__}",
                environment=environment,
                chart_extracted=sizes.chart,
                artifact_extracted=sizes.artifact,
                index=IndexLimits(size=sizes.index),
            ),
            tokens,
        )
        self._by_kind = UpstreamByKind(self.git, self.packages.charts, self.packages.artifacts)
        self.upstream = FairUpstream(self._by_kind)
        self.refs = RefWatcher(self.upstream, timing)
        self._signatures = GnuPGSignatures(environment=environment)
        # As the contract has it: signatures are not looked at where this is off.
        enabled = environment.get("ARGOCD_GPG_ENABLED", "").strip().lower() not in _OFF
        verifier = JobVerifier(self.git, self.git, self._signatures)
        self.verifier: JobVerifier | None = verifier if enabled else None
        self.remotes = SourceRemotes(self.upstream, self.packages.files)

    async def keep_tidy(self, in_use: Callable[[], Mapping[str, set[str]]]) -> None:
        """Without end; see services.sources.housekeeping."""
        await keep_tidy(self.git, self._by_kind.opened, in_use)

    async def aclose(self) -> None:
        await self.refs.aclose()
        await self.packages.aclose()
        await self.git.aclose()
        await self._signatures.aclose()
