"""Who uses which destination, so that nobody has to ask all applications."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tiphys.core.settings.clusters import normal_server
from tiphys.model.appspec import ApplicationDestination


class Holders:
    """Destinations as they are written: what they mean may change without them."""

    def __init__(self) -> None:
        self._by_user: dict[str, ApplicationDestination] = {}
        self._by_server: dict[str, set[str]] = {}
        self._by_name: dict[str, set[str]] = {}

    def hold(
        self, user: str, destination: ApplicationDestination | None
    ) -> ApplicationDestination | None:
        """Answers what the user held before."""
        before = self._by_user.pop(user, None)
        if before is not None:
            _discard(self._by_server, normal_server(before.server), user)
            _discard(self._by_name, before.name, user)
        if destination is not None:
            self._by_user[user] = destination
            if destination.server:
                self._by_server.setdefault(normal_server(destination.server), set()).add(user)
            if destination.name:
                self._by_name.setdefault(destination.name, set()).add(user)
        return before

    def any(self, server: str, names: Collection[str]) -> bool:
        return bool(self._by_server.get(server)) or any(self._by_name.get(one) for one in names)

    def of(self, server: str, names: Collection[str]) -> Sequence[str]:
        found = set(self._by_server.get(server, ()))
        for name in names:
            found |= self._by_name.get(name, set())
        return sorted(found)


def _discard(index: dict[str, set[str]], at: str, user: str) -> None:
    users = index.get(at)
    if users is not None:
        users.discard(user)
        if not users:
            del index[at]
