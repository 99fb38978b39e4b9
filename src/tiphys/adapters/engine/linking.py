"""Asks the engine to fill the templates of deep links, and what becomes of one that never ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tiphys.adapters.engine.asking import Asker
from tiphys.core.links import DeepLink, Made, MadeLink
from tiphys.model.errors import RenderLimitError

_SECONDS = 1.0
_SLACK_SECONDS = 10.0


class LinkQuestion:
    def __init__(self, asker: Asker, links: Sequence[DeepLink]) -> None:
        self._asker = asker
        self._links = links

    async def run(self, data: Mapping[str, Any]) -> Made:
        document = orjson.dumps(data)
        return await self._asked(self._links, document)

    async def _asked(self, links: Sequence[DeepLink], document: bytes) -> Made:
        """One that ends the process is found by asking for each alone."""
        given_up = [link for link in links if self._asker.given_up(_key(link))]
        if given_up:
            left = [link for link in links if link not in given_up]
            answers = iter(await self._asked(left, document) if left else ())
            return [_GIVEN_UP if link in given_up else next(answers) for link in links]
        try:
            return await self._request(links, document)
        except RenderLimitError as error:
            if len(links) == 1:
                self._asker.strike(_key(links[0]))
                return [str(error)]
            return [one for link in links for one in await self._asked([link], document)]

    async def _request(self, links: Sequence[DeepLink], document: bytes) -> Made:
        options = {
            "links": [
                {
                    "title": link.title,
                    "url": link.url,
                    "description": link.description,
                    "iconClass": link.icon_class,
                    "if": link.condition,
                }
                for link in links
            ],
            "timeoutMs": int(_SECONDS * 1000),
        }
        header = {"op": "links", "path": "", "options": options}
        seconds = _SLACK_SECONDS + _SECONDS * len(links)
        (answers,) = await self._asker.ask(header, [document], seconds=seconds)
        return [_made(answer) for answer in answers]


_GIVEN_UP = "not tried: it went over its limits before, and is tried again after a minute"


def _made(answer: Mapping[str, Any]) -> MadeLink | str | None:
    if answer.get("error"):
        return str(answer["error"])
    link = answer.get("link")
    if link is None:
        return None
    return MadeLink(
        link["title"], link["url"], link.get("description", ""), link.get("iconClass", "")
    )


def _key(link: DeepLink) -> str:
    return "\0".join(("link", link.title, link.url, link.description, link.condition))
