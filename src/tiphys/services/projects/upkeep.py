"""What the controller does for projects themselves: makes the default one, lets old ones go.

A project that is deleted stays as long as applications name it, where it carries our finalizer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.model.appproject import AppProject
from tiphys.model.errors import (
    InvalidObjectError,
    KubeError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from tiphys.model.live import PatchKind
from tiphys.model.names import (
    API_VERSION,
    FINALIZER_RESOURCES,
    MANAGER_APPLICATION_CONTROLLER,
)
from tiphys.services.live.ports import KubeWriter
from tiphys.services.projects.surroundings import PROJECTS

log = structlog.get_logger()

_RETRY = 10.0


class ProjectUpkeep:
    """`find` knows projects by name, `users` the applications that name one."""

    def __init__(
        self,
        writer: KubeWriter,
        find: Callable[[str], AppProject | None],
        users: Callable[[str], Sequence[str]],
        *,
        namespace: str,
        retry: float = _RETRY,
    ) -> None:
        self._writer = writer
        self._find = find
        self._users = users
        self._namespace = namespace
        self._retry = retry
        self._leaving: dict[str, asyncio.Task[None]] = {}

    async def ensure_default(self) -> None:
        """Applications that name no project belong to it. It allows everything."""
        if self._find(DEFAULT_PROJECT) is not None:
            return
        manifest = {
            "apiVersion": API_VERSION,
            "kind": "AppProject",
            "metadata": {"name": DEFAULT_PROJECT, "namespace": self._namespace},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }
        try:
            await self._writer.create(PROJECTS, manifest, manager=MANAGER_APPLICATION_CONTROLLER)
            log.info("created the project of applications that name none", project=DEFAULT_PROJECT)
        except ObjectExistsError:
            return
        except KubeError as error:
            # Whoever uses it is told that it is missing; all others can be served.
            log.warning("the default project could not be created", error=str(error))

    def look(self, name: str) -> None:
        """The project changed, or an application that named it went."""
        if name in self._leaving or not self._may_go(name):
            return
        task = asyncio.create_task(self._let_go(name), name=f"let project {name} go")
        self._leaving[name] = task
        task.add_done_callback(lambda _done: self._leaving.pop(name, None))

    async def close(self) -> None:
        tasks = [*self._leaving.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _may_go(self, name: str) -> bool:
        project = self._find(name)
        return (
            project is not None
            # Read raw, for it is asked at every change of an application.
            and bool((project.raw.get("metadata") or {}).get("deletionTimestamp"))
            and FINALIZER_RESOURCES in project.metadata.finalizers
            and not self._users(name)
        )

    async def _let_go(self, name: str) -> None:
        while self._may_go(name):
            project = self._find(name)
            if project is None:
                return
            try:
                await self._writer.patch(
                    PROJECTS,
                    self._namespace,
                    name,
                    PatchKind.JSON,
                    _without_finalizer(project),
                    manager=MANAGER_APPLICATION_CONTROLLER,
                )
                log.info("the project is used no more and goes", project=name)
                return
            except (ObjectNotFoundError, InvalidObjectError):
                # Gone, or its finalizers changed, which is seen soon.
                return
            except KubeError as error:
                log.warning("a finalizer could not be removed", project=name, error=str(error))
                await asyncio.sleep(self._retry)


def _without_finalizer(project: AppProject) -> list[dict[str, Any]]:
    index = project.metadata.finalizers.index(FINALIZER_RESOURCES)
    path = f"/metadata/finalizers/{index}"
    return [
        {"op": "test", "path": "/metadata/uid", "value": project.metadata.uid},
        {"op": "test", "path": path, "value": FINALIZER_RESOURCES},
        {"op": "remove", "path": path},
    ]
