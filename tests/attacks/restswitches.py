"""Defences of the API's answers that a test can switch off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.attacks.switches import Attack, Switch
from tiphys.api.handlers import cluster, contents, settings
from tiphys.core.repositories import writing
from tiphys.core.settings import clusters
from tiphys.core.settings.shown import shown_settings
from tiphys.services import links
from tiphys.services.repositories import catalogue


def _always_inside(patch: pytest.MonkeyPatch) -> None:
    def shown(given: Any, **_: bool) -> dict[str, Any]:
        return shown_settings(given, inside=True, logged_in=True)

    patch.setattr(settings, "shown_settings", shown)


def _whatever_is_sent(patch: pytest.MonkeyPatch) -> None:
    def updated(found: Any, asked: Any, _fields: Any) -> Any:
        return replace(asked, secret=found.secret)

    patch.setattr(cluster, "updated", updated)


SWITCHES: Final[Mapping[str, Switch]] = {
    "what is shown of repositories": lambda patch: patch.setattr(
        writing, "_SHOWN", (*writing._SHOWN, "password")
    ),
    "hidden annotations": lambda patch: patch.setattr(clusters, "_HIDDEN_ANNOTATIONS", frozenset()),
    "who is inside": _always_inside,
    "passwords in URLs": lambda patch: patch.setattr(catalogue, "without_password", str),
    "the cluster that was named": _whatever_is_sent,
    "rights on the application": lambda patch: patch.setattr(
        contents.ContentHandlers, "_may_look", lambda *_: None
    ),
    "rights before existence": lambda patch: patch.setattr(
        cluster.ClusterHandlers, "_may", lambda *_: None
    ),
    "addresses of links": lambda patch: patch.setattr(links, "may_be_shown", lambda _: True),
}


async def try_both_ways(attack: Attack, defence: str, patch: pytest.MonkeyPatch) -> None:
    """The attack asserts that it failed: so it has to say where nothing stands in its way."""
    await attack()
    with patch.context() as off:
        SWITCHES[defence](off)
        with pytest.raises(AssertionError, match="the attack"):
            await attack()
