"""PodLogs: the logs of an application's Pods, as one stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from tiphys.api.calls import Answer, Call, Handlers, Message, ServerStream
from tiphys.api.handlers.live import SERVICE, seen
from tiphys.api.handlers.shapes import text
from tiphys.core.pods.chosen import Wanted
from tiphys.core.pods.lines import ZERO, LineFilter, stamp
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.service import Applications
from tiphys.services.liveview.finding import Finder, tree_parts
from tiphys.services.pods.logs import Entry, LogQuery, chosen_few, logs
from tiphys.services.pods.ports import LogRequest


class LogHandlers:
    """`general` is the data of argocd-cm."""

    def __init__(
        self,
        apps: AppAccess,
        applications: Applications,
        finder: Finder,
        general: Callable[[], Mapping[str, str]],
        now: Callable[[], datetime],
    ) -> None:
        self._apps = apps
        self._applications = applications
        self._finder = finder
        self._general = general
        self._now = now

    def methods(self) -> Handlers:
        return {f"{SERVICE}/PodLogs": ServerStream(self._logs)}

    async def _logs(self, call: Call, message: Message) -> AsyncIterator[Answer]:
        query = log_query(message)
        application = await seen(self._apps, call, message, "name")
        self._apps.require(call.caller, "get", application, "logs")
        tree = await self._finder.tree(application)
        parts = tree_parts(tree.get("nodes") or ())
        chosen = chosen_few(parts, _wanted(message), self._general())
        if not chosen:
            return
        pods = await self._applications.pods(application, acting=True)
        entries: AsyncGenerator[Entry, None] = logs(chosen, pods, query, self._now)
        async with aclosing(entries):
            async for entry in entries:
                yield shown(entry)


def log_query(message: Message) -> LogQuery:
    """Raises ApiError for a time that is none."""
    until = text(message, "untilTime")
    last = stamp(until) if until else None
    if until and last is None:
        raise ApiError(ApiCode.INVALID_ARGUMENT, f"invalid untilTime parameter value: {until!r}")
    request = LogRequest(
        container=text(message, "container"),
        follow=bool(message.get("follow")),
        previous=bool(message.get("previous")),
        since_seconds=_positive(message.get("sinceSeconds")),
        since_time=text(message, "sinceTime"),
        tail_lines=_positive(message.get("tailLines")),
    )
    wanted = LineFilter(text(message, "filter"), match_case=bool(message.get("matchCase")))
    return LogQuery(request=request, filter=wanted, until=last)


def shown(entry: Entry) -> dict[str, Any]:
    """LogEntry. Times in it have no fractions, but for the text of one."""
    stamped = entry.line.stamp
    whole, dot, fraction = stamped.text.partition(".")
    zone = fraction.lstrip("0123456789") if dot else ""
    return {
        "content": entry.line.content,
        "timeStamp": None if stamped == ZERO else whole + zone,
        "last": entry.last,
        "timeStampStr": stamped.text,
        "podName": entry.line.pod,
    }


def _wanted(message: Message) -> Wanted:
    pod = text(message, "podName")
    return Wanted(
        text(message, "group"),
        "Pod" if pod else text(message, "kind"),
        text(message, "namespace"),
        pod or text(message, "resourceName"),
    )


def _positive(value: Any) -> int | None:
    found = int(value or 0)
    return found if found > 0 else None
