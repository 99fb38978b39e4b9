"""Makes sure at the start that nobody else writes the same Applications, and says so afterwards.

A Lease tells other processes of this program that one is alive. It is a sign, not a lock: what is
written is safe by its preconditions, and two that undo one another would only be a nuisance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog

from tiphys.core.app.owners import Heartbeat, foreign_workloads, foreign_writes
from tiphys.model.errors import (
    ConflictError,
    ForbiddenError,
    KubeError,
    ObjectExistsError,
    ObjectNotFoundError,
    TiphysError,
)
from tiphys.model.live import PatchKind
from tiphys.model.names import LABEL_NAME, MANAGER_APPLICATION_CONTROLLER
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeReader, KubeWriter

log = structlog.get_logger()

_VERBS = frozenset({"get", "list", "create", "patch"})
LEASES = ApiResource("coordination.k8s.io", "v1", "Lease", "leases", True, _VERBS)
WORKLOADS = (
    ApiResource("apps", "v1", "StatefulSet", "statefulsets", True, _VERBS),
    ApiResource("apps", "v1", "Deployment", "deployments", True, _VERBS),
)
_LEASE = "tiphys-application-controller"
_LASTS = 30
_RENEW = 10.0
_LOOK = 1.0


class OwnedElsewhereError(TiphysError):
    """Another controller takes care of the same Applications."""

    def __init__(self, findings: Iterable[str]) -> None:
        said = "; ".join(findings)
        super().__init__(
            f"another controller seems to be at work: {said}. Stop it first, or start with "
            "--observe to look on without writing, or with --take-over to go on all the same"
        )


class Ownership:
    """`identity` is `<host>_<pid>`; `is_running` says whether a process of this host is."""

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        namespace: str,
        *,
        identity: str,
        is_running: Callable[[int], bool],
        now: Callable[[], datetime],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._namespace = namespace
        self._identity = identity
        self._is_running = is_running
        self._now = now
        self._wait = wait

    async def begin(self, apps: Iterable[Mapping[str, Any]], *, take_over: bool) -> None:
        """Raises OwnedElsewhereError with all that speaks against beginning."""
        kept = list(apps)
        while True:
            try:
                await self._begin(kept, take_over=take_over)
                return
            except ForbiddenError as error:
                text = "it is not known whether another controller is at work"
                log.warning(text, error=str(error))
                return
            except KubeError as error:
                log.warning("waiting for the API server", error=str(error))
                await self._wait(_LOOK)

    async def _begin(self, apps: Iterable[Mapping[str, Any]], *, take_over: bool) -> None:
        findings, version = await self._findings(apps, patient=not take_over)
        if findings and not take_over:
            raise OwnedElsewhereError(findings)
        for finding in findings:
            log.warning("going on beside another controller", found=finding)
        try:
            await self._claim(version)
        except (ObjectExistsError, ConflictError):
            # Of two that begin at one moment one does.
            raise OwnedElsewhereError(["another Tiphys begins at this moment"]) from None

    async def keep(self) -> None:
        """Renews until another process takes over: raises OwnedElsewhereError then."""
        while True:
            await self._wait(_RENEW)
            try:
                heartbeat, version = await self._heartbeat()
                if heartbeat is not None and heartbeat.holder not in ("", self._identity):
                    raise OwnedElsewhereError([f"{heartbeat.holder} took over"])
                await self._claim(version)
            except KubeError as error:
                log.debug("the Lease was not renewed", error=str(error))

    async def end(self) -> None:
        """Others need not wait until this one is silent for long enough."""
        try:
            heartbeat, version = await self._heartbeat()
            if heartbeat is not None and heartbeat.holder == self._identity:
                await self._patch({"holderIdentity": "", "renewTime": self._time()}, version)
        except KubeError as error:
            log.debug("the Lease was not given back", error=str(error))

    # -- findings -----------------------------------------------------------------------------

    async def _findings(
        self, apps: Iterable[Mapping[str, Any]], *, patient: bool
    ) -> tuple[list[str], str]:
        """Also the version of the Lease that they are true of."""
        heartbeat, version = await self._heartbeat()
        found = []
        if heartbeat is not None and self._is_anothers(heartbeat):
            if patient:
                heartbeat, version = await self._silence(heartbeat, version)
            if heartbeat is not None and self._is_anothers(heartbeat):
                found.append(f"Tiphys runs as {heartbeat.holder}")
        ours = heartbeat.renewed if heartbeat is not None else None
        found += foreign_writes(apps, self._namespace, ours, self._now())
        return found + foreign_workloads(await self._workloads(), self._host), version

    async def _silence(self, seen: Heartbeat, version: str) -> tuple[Heartbeat | None, str]:
        """Until the other one moved, or was silent for as long as its Lease lasts."""
        log.info("waiting for a sign of another controller", holder=seen.holder)
        latest: Heartbeat | None = seen
        while latest == seen and seen.is_alive(self._now()):
            await self._wait(_LOOK)
            latest, version = await self._heartbeat()
        return latest, version

    def _is_anothers(self, heartbeat: Heartbeat) -> bool:
        if heartbeat.holder == self._identity or not heartbeat.is_alive(self._now()):
            return False
        host, _, process = heartbeat.holder.rpartition("_")
        died = host == self._host and process.isdigit() and not self._is_running(int(process))
        return not died

    async def _workloads(self) -> list[Manifest]:
        found: list[Manifest] = []
        selector = f"{LABEL_NAME}={MANAGER_APPLICATION_CONTROLLER}"
        for resource in WORKLOADS:
            listed = await self._reader.list(
                resource, namespace=self._namespace, label_selector=selector
            )
            found += ({"kind": resource.kind, **item} for item in listed.items)
        return found

    @property
    def _host(self) -> str:
        return self._identity.rpartition("_")[0]

    # -- the Lease ----------------------------------------------------------------------------

    async def _heartbeat(self) -> tuple[Heartbeat | None, str]:
        """With its version, empty where there is no Lease."""
        try:
            lease = await self._reader.get(LEASES, self._namespace, _LEASE)
        except ObjectNotFoundError:
            return None, ""
        return Heartbeat.of(lease), str(lease["metadata"]["resourceVersion"])

    async def _claim(self, version: str) -> None:
        """Only while the Lease is of this version, or still is not there."""
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": _LASTS,
            "renewTime": self._time(),
        }
        if version:
            await self._patch(spec, version)
            return
        manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": _LEASE, "namespace": self._namespace},
            "spec": spec,
        }
        await self._writer.create(LEASES, manifest, manager=MANAGER_APPLICATION_CONTROLLER)

    async def _patch(self, spec: Mapping[str, Any], version: str) -> None:
        await self._writer.patch(
            LEASES,
            self._namespace,
            _LEASE,
            PatchKind.MERGE,
            {"metadata": {"resourceVersion": version}, "spec": dict(spec)},
            manager=MANAGER_APPLICATION_CONTROLLER,
        )

    def _time(self) -> str:
        """With microseconds, as Leases want it."""
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
