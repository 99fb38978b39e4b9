"""What the admin commands need of the outside besides what all commands do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tiphys.cli.ports import ClusterChoice, Documents, ProjectApi
    from tiphys.model.resource import ApiResource
    from tiphys.services.evaluate.ports import Evaluator


class AdminWiring(Protocol):
    """Opens what a command needs, for as long as it needs it."""

    def documents(self) -> AbstractAsyncContextManager[Documents]: ...

    def evaluator(self) -> AbstractAsyncContextManager[Evaluator]: ...

    async def general_settings(self, choice: ClusterChoice) -> Mapping[str, str]:
        """The data of argocd-cm in the cluster. Raises KubeError."""
        ...

    async def config_map(self, choice: ClusterChoice, name: str) -> Mapping[str, str]:
        """The data of a ConfigMap of the control plane. Raises KubeError."""
        ...

    async def secret(self, choice: ClusterChoice, name: str) -> Mapping[str, str]:
        """The same of a Secret. Raises KubeError."""
        ...

    def projects(self, choice: ClusterChoice) -> AbstractAsyncContextManager[ProjectApi]: ...

    async def served_kinds(self, choice: ClusterChoice) -> Sequence[ApiResource]:
        """The kinds that the cluster serves, each in its preferred version. Raises KubeError."""
        ...
