"""The repositories behind a push: they are asked themselves, for anybody may say anything."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import structlog

from tiphys.core.app.spec import sources_of
from tiphys.core.source.places import place_key
from tiphys.model.application import Application
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import Asked, Place
from tiphys.services.reconcile.desired import DesiredState
from tiphys.services.sources.refs import RefWatcher

log = structlog.get_logger()

_At = tuple[str, Asked]


class FollowedPlaces:
    """Implements PushedPlaces."""

    def __init__(self, refs: RefWatcher, desired: DesiredState) -> None:
        self._refs = refs
        self._desired = desired

    async def ask(self, urls: Collection[str]) -> None:
        for url in urls:
            self._refs.poke(url)

    async def touched(
        self, apps: Mapping[str, Application], sources: Mapping[str, Sequence[int]]
    ) -> set[str]:
        places: dict[str, Place] = {}
        asked: dict[str, dict[int, _At]] = {}
        found: set[str] = set()
        for name, app in apps.items():
            try:
                for at in sources[name]:
                    source = sources_of(app.spec)[at]
                    place = self._desired.place(app, source)
                    key = place_key(place)
                    places[key] = place
                    wanted = Asked(source.target_revision, source.tag_prefix)
                    asked.setdefault(name, {})[at] = key, wanted
            except RepositoryError:
                found.add(name)
        known = await self._revisions(
            places, {one for ways in asked.values() for one in ways.values()}
        )
        for key, place in places.items():
            moved: dict[str, dict[int, str]] = {}
            for name, ways in asked.items():
                for at, way in ways.items():
                    if way[0] == key:
                        moved.setdefault(name, {})[at] = known.get(way, "")
            found |= await self._differing(apps, place, moved)
        return found

    async def _differing(
        self,
        apps: Mapping[str, Application],
        place: Place,
        moved: Mapping[str, Mapping[int, str]],
    ) -> set[str]:
        unknown = {name for name, ways in moved.items() if not all(ways.values())}
        rest = {name: ways for name, ways in moved.items() if name not in unknown}
        if not rest:
            return unknown
        try:
            named = {name: apps[name] for name in rest}
            return unknown | await self._desired.touched(named, place, rest)
        except RepositoryError as error:
            log.warning("changes are not known by folder", error=str(error))
            return set(moved)

    async def _revisions(
        self, places: Mapping[str, Place], asked: Collection[_At]
    ) -> Mapping[_At, str]:
        """Those who ask in one breath share a listing. What cannot be had is left out."""

        async def one(way: _At) -> tuple[_At, str]:
            try:
                return way, await self._refs.resolve(places[way[0]], way[1], fresh=True)
            except RepositoryError:
                return way, ""

        return dict(await asyncio.gather(*map(one, sorted(asked, key=str))))
