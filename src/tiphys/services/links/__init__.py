"""Makes the deep links of one object. What is wrong with a link is logged, and the rest shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from tiphys.core.links import DeepLink, LinkKind, Made, MadeLink, deep_links, may_be_shown
from tiphys.model.errors import ApiCode, ApiError, EvaluationError, SettingsError

log = structlog.get_logger()


class LinkMaker(Protocol):
    """Evaluates templates and conditions in the sandbox. Raises EvaluationError."""

    async def links(self, links: Sequence[DeepLink], data: Mapping[str, Any]) -> Made: ...


class Links:
    """`general` is argocd-cm's data."""

    def __init__(self, maker: LinkMaker, general: Callable[[], Mapping[str, str]]) -> None:
        self._maker = maker
        self._general = general

    async def of(self, kind: LinkKind, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        """In the contract's JSON shape. Raises ApiError."""
        try:
            configured = deep_links(kind, self._general())
        except SettingsError as error:
            text = f"failed to read {kind} from configmap: {error}"
            raise ApiError(ApiCode.UNKNOWN, text) from None
        if not configured:
            return []
        try:
            made = await self._maker.links(configured, data)
        except EvaluationError as error:
            raise ApiError(ApiCode.UNAVAILABLE, f"links cannot be made: {error}") from None
        return [one.to_json() for one in self._shown(kind, configured, made)]

    def _shown(self, kind: LinkKind, configured: Sequence[DeepLink], made: Made) -> list[MadeLink]:
        found = []
        for link, one in zip(configured, made, strict=True):
            if isinstance(one, str):
                log.warning("a deep link cannot be made", key=kind.value, title=link.title, why=one)
            elif one is not None and may_be_shown(one):
                found.append(one)
            elif one is not None:
                log.warning("a deep link leads nowhere", key=kind.value, title=link.title)
        return found
