"""One connected cluster: its index, and whether its API server answers.

Who waits for nothing is told: the state says since when the cluster cannot be reached and why.
While all is calm a question goes out now and then; the first sign of trouble asks at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import datetime

import structlog

from tiphys.core.app.times import rfc3339
from tiphys.model.cluster import Cluster, ConnectionState, ConnectionStatus
from tiphys.model.errors import ConnectionEndedError, KubeError
from tiphys.services.clusters.ports import ClusterView, Connection
from tiphys.services.live.index import ClusterIndex

log = structlog.get_logger()

_CALM = 60.0
"""Seconds between questions while nothing is amiss: watches tell most of it."""
PATIENCE = 5.0
"""So long a cluster that was there may be silent before it counts as unreachable."""
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_RECOVERY = 15.0
"""So long lists may take when the cluster is back, before what is listed has to do."""

Wait = Callable[[float], Awaitable[None]]


class Member:
    """`told` hears when the state changed. `start` begins; `close` ends it for good."""

    def __init__(
        self,
        cluster: Cluster,
        connection: Connection,
        index: ClusterIndex,
        *,
        told: Callable[[Member], None],
        now: Callable[[], datetime],
        wait: Wait = asyncio.sleep,
        patience: float = PATIENCE,
    ) -> None:
        self._patience = patience
        self._connection = connection
        self._told = told
        self._now = now
        self._wait = wait
        self.index = index
        self.state = ConnectionState()
        self._settled = asyncio.Event()
        self._doubt = asyncio.Event()
        self._waiters: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        index.subscribe_troubles(self._doubt.set)
        connection.on_slow(self._doubt.set)
        self.view = self._viewed(cluster)

    def start(self) -> None:
        # Whose work came upon the cluster first is nothing to what is done for it from then on.
        self._task = asyncio.create_task(
            self._run(), name=f"cluster {self.view.cluster.name}", context=Context()
        )

    def rename(self, cluster: Cluster) -> None:
        """Other words for the same cluster and credentials."""
        self.view = self._viewed(cluster)

    async def settled(self) -> None:
        """Until the first lists are in, or the connection has failed."""
        await self._settled.wait()

    async def answering(self) -> None:
        if not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            self._doubt.set()
            await waiter
        if self._closed:
            raise ConnectionEndedError(f"{self._called()} is no longer connected")

    async def close(self) -> None:
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._settled.set()
        self._answered(self._waiters)
        await self.index.close()
        await self._connection.close()

    def _viewed(self, cluster: Cluster) -> ClusterView:
        return ClusterView(
            cluster=cluster,
            reader=self._connection.reader,
            writer=self._connection.writer,
            discovery=self._connection.discovery,
            index=self.index,
            connection=lambda: self.state,
            acting_as=self._connection.acting_as,
            answering=self.answering,
        )

    # -- the life of a connection -------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._connect()
                while True:
                    await self._calm()
                    await self._ask()
                    await self._look_for_kinds()
            except Exception:
                # A fault of ours on one cluster; it must not stay unwatched for it.
                log.exception("unexpected fault", cluster=self.view.cluster.name)
                await self._wait(_LONGEST_PAUSE)

    async def _connect(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                # It says soonest whether there is anybody.
                await self._connection.probe()
                await self.index.start()
                break
            except KubeError as error:
                self._failed(error)
                await self._pause(pause)
                pause = min(pause * 2.0, _LONGEST_PAUSE)
        await self._listed()
        self._succeeded()

    async def _listed(self) -> None:
        """The first lists, which may take their time; a server that goes away meanwhile is found
        out all the same.
        """
        ready = asyncio.ensure_future(self.index.ready())
        try:
            while not ready.done():
                doubt = asyncio.ensure_future(self._doubt.wait())
                await asyncio.wait((ready, doubt), return_when=asyncio.FIRST_COMPLETED)
                doubt.cancel()
                if self._doubt.is_set():
                    lost, asked = await self._answer()
                    if lost:
                        self._connection.resume()
                        self.index.resume()
                    self._answered(asked)
        finally:
            ready.cancel()

    async def _calm(self) -> None:
        try:
            async with asyncio.timeout(_CALM):
                await self._doubt.wait()
        except TimeoutError:
            return

    async def _ask(self) -> None:
        """Until it answers: at once where all is well."""
        lost, asked = await self._answer()
        if lost:
            self._connection.resume()
            await self._recover()
        self._succeeded()
        self._answered(asked)

    async def _answer(self) -> tuple[bool, list[asyncio.Future[None]]]:
        """Whether it was lost before it answered, and who had asked for that."""
        clock = asyncio.get_running_loop().time
        patient_until = clock() + self._patience
        pause = _FIRST_PAUSE
        lost = False
        while True:
            self._doubt.clear()
            asked, self._waiters = self._waiters, []
            try:
                await self._connection.probe()
                return lost, asked
            except KubeError as error:
                self._waiters = [*asked, *self._waiters]
                lost = True
                if clock() >= patient_until:
                    self._failed(error)
                    await self._connection.suspend(str(error))
                await self._pause(pause)
                pause = min(pause * 2.0, _LONGEST_PAUSE)

    async def _recover(self) -> None:
        """What happened meanwhile is read before anyone concludes from it."""
        self.index.resume()
        try:
            async with asyncio.timeout(_RECOVERY):
                await self.index.start()
                await self.index.current()
        except (KubeError, TimeoutError) as error:
            log.warning(
                "not all kinds could be read again", cluster=self._called(), error=str(error)
            )

    async def _look_for_kinds(self) -> None:
        """Where definitions may not be watched, nobody tells of a new kind."""
        if self.index.hears_of_kinds:
            return
        try:
            await self.index.start()
        except KubeError as error:
            log.debug("kinds could not be looked for", cluster=self._called(), error=str(error))

    async def _pause(self, seconds: float) -> None:
        # Spread, so that many clusters behind one broken network do not come back together.
        await self._wait(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - not a secret

    def _failed(self, error: KubeError) -> None:
        self._settled.set()
        self._turn(ConnectionStatus.FAILED, str(error))

    def _succeeded(self) -> None:
        self._settled.set()
        self._turn(ConnectionStatus.SUCCESSFUL, "")

    def _turn(self, status: ConnectionStatus, message: str) -> None:
        """The first reason stays for as long as the state does: what follows is its echo."""
        if self.state.status is status or self._closed:
            return
        self.state = ConnectionState(status, message, rfc3339(self._now()))
        if status is ConnectionStatus.FAILED:
            log.warning("cluster cannot be reached", cluster=self._called(), error=message)
        else:
            log.info("cluster is connected", cluster=self._called())
        self._told(self)

    def _answered(self, waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _called(self) -> str:
        return f'cluster "{self.view.cluster.name}" ({self.view.server})'
