"""The methods on clusters. One that is absent is answered as one that is forbidden."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.api.handlers.shapes import denied, listing, part, text, unescaped
from tiphys.core.app.times import rfc3339
from tiphys.core.settings.clusterrequest import asked_cluster, updated
from tiphys.core.settings.clusters import BrokenCluster, normal_server
from tiphys.core.settings.clustersecret import shown
from tiphys.model.access import Caller
from tiphys.model.cluster import Cluster
from tiphys.model.names import ANNOTATION_REFRESH
from tiphys.services.access.ports import Access
from tiphys.services.clusters.catalogue import ClusterCatalogue

log = structlog.get_logger()

_SERVICE = "cluster.ClusterService"
_REMEMBERED = timedelta(minutes=10)

Info = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""What is known of a cluster's connection by its server; None where nobody watches it."""


class ClusterHandlers:
    def __init__(
        self,
        clusters: ClusterCatalogue,
        access: Access,
        info: Info,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._clusters = clusters
        self._access = access
        self._info = info
        self._now = now
        self._answered: dict[str, datetime] = {}

    def methods(self) -> Handlers:
        return {
            f"{_SERVICE}/List": Unary(self._list),
            f"{_SERVICE}/Get": Unary(self._get),
            f"{_SERVICE}/Create": Unary(self._create),
            f"{_SERVICE}/Update": Unary(self._update),
            f"{_SERVICE}/Delete": Unary(self._delete),
            f"{_SERVICE}/RotateAuth": Unary(self._rotate),
            f"{_SERVICE}/InvalidateCache": Unary(self._invalidate),
        }

    async def answer(self, cluster: Cluster) -> dict[str, Any]:
        """As the API shows a cluster, with what is known of its connection and without secrets."""
        return shown(cluster, await self._info_of(cluster))

    # -- reading --------------------------------------------------------------------------------

    async def _list(self, call: Call, message: Message) -> Answer:
        server, name = _asked(message)
        found = [
            one
            for one in await self._clusters.clusters()
            if self._access.allows(call.caller, "clusters", "get", target(one))
        ]
        if server:
            found = [one for one in found if one.server == normal_server(server)][:1]
        if name:
            found = [one for one in found if one.name == name][:1]
        return listing([await self.answer(one) for one in found])

    async def _get(self, call: Call, message: Message) -> Answer:
        return await self.answer((await self._found(call, message, "get"))[0])

    # -- writing --------------------------------------------------------------------------------

    async def _create(self, call: Call, message: Message) -> Answer:
        cluster = asked_cluster(part(message, "cluster"))
        self._access.require(call.caller, "clusters", "create", target(cluster))

        def exists(before: Cluster | BrokenCluster) -> None:
            # It may be another project's by now, or everybody's.
            self._may(call.caller, "update", _stored_target(before))
            self._may(call.caller, "update", target(cluster))

        stored = await self._clusters.create(
            cluster, upsert=bool(message.get("upsert")), exists=exists
        )
        return await self._just_answered(stored)

    async def _update(self, call: Call, message: Message) -> Answer:
        body = part(message, "cluster")
        by_id = part(message, "id")
        named = {"server": body.get("server"), "name": body.get("name"), "id": by_id}
        (found, *_) = await self._found(call, named, "update")
        asked = asked_cluster(body, found.server)
        fields = [str(field) for field in message.get("updatedFields") or ()]
        if not fields or "project" in fields:
            moved = f"{asked.project}/{found.server}" if asked.project else found.server
            self._may(call.caller, "update", moved)
        # Refused before anything is connected to.
        updated(found, asked, fields)
        stored = await self._clusters.change(
            found.server, lambda latest: updated(latest, asked, fields)
        )
        return await self._just_answered(stored)

    async def _delete(self, call: Call, message: Message) -> Answer:
        for cluster in await self._found(call, message, "delete"):
            await self._clusters.delete(cluster.server)
            self._answered.pop(cluster.server, None)
        return {}

    async def _rotate(self, call: Call, message: Message) -> Answer:
        for cluster in await self._found(call, message, "update"):
            await self._clusters.rotate(
                cluster.server, lambda said: log.info("rotating credentials", progress=said)
            )
        return {}

    async def _invalidate(self, call: Call, message: Message) -> Answer:
        (found, *_) = await self._found(call, message, "update")
        stored = await self._clusters.touch(found.server, ANNOTATION_REFRESH, rfc3339(self._now()))
        return await self.answer(stored)

    # -- parts ----------------------------------------------------------------------------------

    async def _found(self, call: Call, message: Message, action: str) -> Sequence[Cluster]:
        """By server the one, by name all that have it; the caller must be allowed each."""
        server, name = _asked(message)
        known = await self._clusters.clusters()
        if server:
            found = [one for one in known if one.server == normal_server(server)]
        else:
            found = [one for one in known if one.name == name and name]
        # Asked for what is not there, too, so that both take the same steps.
        for wanted in [target(one) for one in found] or [server or name]:
            self._may(call.caller, action, wanted)
        if not found:
            raise denied()
        return found

    def _may(self, caller: Caller, action: str, wanted: str) -> None:
        if not self._access.allows(caller, "clusters", action, wanted):
            raise denied()

    async def _just_answered(self, cluster: Cluster) -> Answer:
        self._answered[cluster.server] = self._now()
        return shown(cluster, _connected(self._now()))

    async def _info_of(self, cluster: Cluster) -> Mapping[str, Any]:
        found = await self._info(cluster.server)
        if found is not None:
            return _whole(found)
        at = self._answered.get(cluster.server)
        if at is not None and self._now() - at < _REMEMBERED:
            return _connected(at)
        if not cluster.secret:
            # The control plane's own: it answered just now, or nobody would be here.
            return _connected(self._now())
        return _whole({})


def target(cluster: Cluster) -> str:
    """A cluster as policies write it."""
    return f"{cluster.project}/{cluster.server}" if cluster.project else cluster.server


def _stored_target(before: Cluster | BrokenCluster) -> str:
    """Of one that cannot be read nobody knows whose it is: so it counts as everybody's."""
    return target(before) if isinstance(before, Cluster) else before.server


def _asked(message: Message) -> tuple[str, str]:
    """(server, name) that are asked for: an id beats both."""
    by_id = part(message, "id")
    if not by_id:
        return text(message, "server"), text(message, "name")
    value = unescaped(text(by_id, "value"))
    match text(by_id, "type"):
        case "name":
            return "", value
        case "name_escaped":
            return "", unescaped(value)
        case _:
            return value, ""


def _connected(at: datetime) -> dict[str, Any]:
    state = {"status": "Successful", "message": "", "attemptedAt": rfc3339(at)}
    return _whole({"connectionState": state})


def _whole(info: Mapping[str, Any]) -> dict[str, Any]:
    """With the fields that are there even where nothing is known."""
    nothing = {
        "connectionState": {"status": "", "message": "", "attemptedAt": None},
        "cacheInfo": {},
        "applicationsCount": 0,
    }
    return {**nothing, **info}


def unknown(cluster: Cluster) -> dict[str, Any]:
    """A cluster of which only the Secret is looked at."""
    return shown(cluster, _whole({}))
