"""All that can be asked of a server, over one connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tiphys.services.applications.ports import SourceCheck
from tiphys.services.remote.ports import Remote

if TYPE_CHECKING:
    from tiphys.services.remote.accounts import RemoteAccounts
    from tiphys.services.remote.applications import RemoteApplications
    from tiphys.services.remote.certificates import RemoteCertificates, RemoteKeys
    from tiphys.services.remote.clusters import RemoteClusters
    from tiphys.services.remote.projects import RemoteProjects
    from tiphys.services.remote.repositories import RemoteRepositories


@dataclass(frozen=True)
class RemoteServer:
    """What a command does not ask for is not loaded. `address` is where browsers find it."""

    remote: Remote
    address: str
    sources: SourceCheck
    now: Callable[[], datetime]

    @cached_property
    def applications(self) -> RemoteApplications:
        from tiphys.services.remote.applications import RemoteApplications

        return RemoteApplications(
            self.remote, address=self.address, sources=self.sources, now=self.now
        )

    @cached_property
    def projects(self) -> RemoteProjects:
        from tiphys.services.remote.projects import RemoteProjects

        return RemoteProjects(self.remote)

    @cached_property
    def clusters(self) -> RemoteClusters:
        from tiphys.services.remote.clusters import RemoteClusters

        return RemoteClusters(self.remote)

    @cached_property
    def repositories(self) -> RemoteRepositories:
        from tiphys.services.remote.repositories import RemoteRepositories

        return RemoteRepositories(self.remote)

    @cached_property
    def certificates(self) -> RemoteCertificates:
        from tiphys.services.remote.certificates import RemoteCertificates

        return RemoteCertificates(self.remote)

    @cached_property
    def keys(self) -> RemoteKeys:
        from tiphys.services.remote.certificates import RemoteKeys

        return RemoteKeys(self.remote)

    @cached_property
    def accounts(self) -> RemoteAccounts:
        from tiphys.services.remote.accounts import RemoteAccounts

        return RemoteAccounts(self.remote)

    async def settings(self) -> Mapping[str, Any]:
        return await self.remote.call("cluster.SettingsService/Get", {})

    async def version(self) -> Mapping[str, Any]:
        return await self.remote.call("version.VersionService/Version", {})
