"""Which part of a cluster is looked at, and what becomes of kinds that may not be listed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tiphys.core.settings.settings import RespectRbac
from tiphys.model.errors import KubeError
from tiphys.model.resource import ApiResource

MayList = Callable[[ApiResource, str], Awaitable[bool]]
"""Asks the API server whether a kind may be listed in a namespace, empty for all."""


def rbac_counts_for_nothing() -> RespectRbac:
    return RespectRbac.OFF


async def anything_may_be_listed(_resource: ApiResource, _namespace: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Scope:
    """`namespaces` empty: the whole cluster. Otherwise only these, and cluster-scoped kinds only
    with `cluster_resources`. `rbac` is the present setting.
    """

    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = False
    rbac: Callable[[], RespectRbac] = rbac_counts_for_nothing
    may_list: MayList = anything_may_be_listed

    def holds(self, resource: ApiResource) -> bool:
        return resource.namespaced or self.cluster_resources or not self.namespaces

    def places(self, resource: ApiResource) -> tuple[str, ...]:
        """The namespaces in which a kind is watched, each by itself; empty for all at once."""
        return self.namespaces if resource.namespaced and self.namespaces else ("",)

    async def drops(self, resource: ApiResource) -> bool:
        """Whether a kind whose list is forbidden is passed over as if it did not exist."""
        match self.rbac():
            case RespectRbac.OFF:
                return False
            case RespectRbac.NORMAL:
                return True
            case RespectRbac.STRICT:
                return not await self._may_list_any(resource)

    async def _may_list_any(self, resource: ApiResource) -> bool:
        try:
            for namespace in self.places(resource):
                if await self.may_list(resource, namespace):
                    return True
        except KubeError:
            # Nobody says no: the failure stays to be seen.
            return True
        return False
