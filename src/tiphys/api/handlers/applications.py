"""The methods on many applications: the list, and the stream of what happens to them.

Beyond the contract a list takes filters, an order and a limit, and then says how many there are of
each kind: as parameters of the URL, or by gRPC as metadata that begin with `tiphys-`.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from tiphys.api.calls import Answer, Call, Handlers, Message, ServerStream, Unary
from tiphys.api.fields import Fields
from tiphys.api.handlers.application import SERVICE
from tiphys.api.handlers.shapes import text
from tiphys.core.listing.asking import AskingError, Filters, Page, filters_of, page_of
from tiphys.core.listing.fields import ListFields
from tiphys.core.listing.selectors import LabelSelectorError, parse_selector
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.applications.catalogue import whole
from tiphys.services.applications.following import Following, WatchAsked
from tiphys.services.applications.roster import Roster, Visible
from tiphys.services.applications.shown import ShownList

_BEYOND = frozenset(
    {
        "autoSync",
        "cluster",
        "continue",
        "health",
        "limit",
        "namespace",
        "repos",
        "search",
        "sort",
        "stats",
        "sync",
    }
)
_METADATA = "tiphys-"


class ListHandlers:
    """`home` is the control plane's namespace."""

    def __init__(self, roster: Roster, following: Following, *, home: str) -> None:
        self._roster = roster
        self._following = following
        self._home = home
        self._process = secrets.token_hex(4)

    def methods(self) -> Handlers:
        return {
            f"{SERVICE}/List": Unary(self._list),
            f"{SERVICE}/Watch": ServerStream(self._watch),
        }

    async def _list(self, call: Call, asked: Message) -> Answer:
        beyond = _beyond(call)
        filters, page = _filters(asked), Page()
        if beyond:
            try:
                filters, page = filters_of(beyond, filters), page_of(beyond)
            except AskingError as error:
                raise ApiError(ApiCode.INVALID_ARGUMENT, str(error)) from None
        visible = await self._roster.visible(call.caller)
        call.etag = self._etag(visible, call, asked, beyond)
        if call.query is not None and call.etag in call.metadata.get(
            "grpcgateway-if-none-match", ""
        ):
            # Whoever has it already is not sent it again.
            return {}
        keys, left = visible.select(filters, page)
        if filters.name and not beyond:
            keys = keys[:1]
        metadata: dict[str, Any] = {"resourceVersion": self._roster.version}
        if left:
            metadata["continue"] = page.following(visible.facts(keys[-1]))
            metadata["remainingItemCount"] = left
        chosen = (call.query or {}).get("fields", "")
        return ShownList(
            metadata,
            map(visible.shown, keys),
            extra={"stats": visible.statistics.shown()} if beyond else None,
            fields=ListFields(chosen) if chosen else None,
        )

    def _etag(self, visible: Visible, call: Call, asked: Message, beyond: Mapping[str, str]) -> str:
        """Weak, for the list's own version goes on with applications that nobody here sees."""
        fields = (call.query or {}).get("fields", "")
        mark = hash((str(sorted(asked.items())), str(sorted(beyond.items())), fields))
        return f'W/"{self._process}-{visible.serial}-{visible.stamp}-{mark & 0xFFFFFFFF:x}"'

    async def _watch(self, call: Call, asked: Message) -> AsyncIterator[Answer]:
        name = text(asked, "name")
        namespace = text(asked, "appNamespace") or self._home
        version = text(asked, "resourceVersion")
        wanted = WatchAsked(
            # Of no name in particular, the namespace says nothing.
            _filters(asked, namespace=namespace if name else ""),
            whole(version),
            listed=not version or bool(name),
        )
        chosen = (call.query or {}).get("fields", "")
        fields = Fields(chosen)
        async with aclosing(self._following.events(call.caller, wanted)) as events:
            async for event in events:
                if not fields:
                    yield event
                else:
                    yield event.variant(chosen, lambda value: fields.apply(value, "result"))


def _filters(asked: Message, namespace: str | None = None) -> Filters:
    """Those of the contract. The older name of the projects' parameter counts for more."""
    try:
        selector = parse_selector(text(asked, "selector"))
    except LabelSelectorError as error:
        raise ApiError(ApiCode.UNKNOWN, f"error parsing the selector: {error}") from None
    watched = namespace is not None
    return Filters(
        name=text(asked, "name"),
        namespace=namespace if namespace is not None else text(asked, "appNamespace"),
        projects=frozenset(asked.get("project") or asked.get("projects") or ()),
        first_repo="" if watched else text(asked, "repo"),
        selector=selector,
    )


def _beyond(call: Call) -> Mapping[str, str]:
    if call.query is not None:
        return {key: value for key, value in call.query.items() if key in _BEYOND and value}
    names = {name.lower(): name for name in _BEYOND}
    return {
        names[key.removeprefix(_METADATA)]: value
        for key, value in call.metadata.items()
        if key.startswith(_METADATA) and key.removeprefix(_METADATA) in names and value
    }
