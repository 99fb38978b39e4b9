"""Defences that a test can switch off: each attack has to be noticed without its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import pytest

from tiphys.adapters.git import access, cli, clones, errors, largeserver, modules, transport, tree
from tiphys.core.source import url

Switch = Callable[[pytest.MonkeyPatch], object]
Attack = Callable[[], Awaitable[None]]


class _Nothing:
    """A pattern that is found nowhere, or everywhere."""

    def __init__(self, found: object) -> None:
        self._found = found

    def search(self, text: str) -> object:
        return self._found

    def fullmatch(self, text: str) -> object:
        return self._found

    def sub(self, by: str, text: str) -> str:
        return text


def _follows(patch: pytest.MonkeyPatch) -> None:
    kept = [each for each in transport._FIXED if "followRedirects" not in each]
    patch.setattr(transport, "_FIXED", (*kept, "http.followRedirects=true"))


def _goes_anywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(url, "is_metadata_host", lambda host: False)
    patch.setattr(transport, "is_metadata_address", lambda address: False)


def _any_ssh(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(url, "_check_ssh", lambda *parts: None)
    patch.setattr(url, "_check_host", lambda *parts: None)


def _one_clone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clones, "clone_key", lambda repository: url.normal_form(repository.url))


def _parent_s_login(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(modules, "same_server", lambda one, other: True)


SWITCHES: Final[Mapping[str, Switch]] = {
    "control characters": lambda patch: patch.setattr(url, "_CONTROL", _Nothing(None)),
    "names for ssh": _any_ssh,
    "metadata services": _goes_anywhere,
    "redirects": _follows,
    "ends of line in logins": lambda patch: patch.setattr(access, "_check", lambda *parts: None),
    "clones by project": _one_clone,
    "logins by server": _parent_s_login,
    "submodules' URLs": lambda patch: patch.setattr(
        modules, "submodule_url", lambda parent, written: written
    ),
    "where LFS leads": lambda patch: patch.setattr(largeserver, "forbidden", lambda *parts: False),
    "names in trees": lambda patch: patch.setattr(tree, "_name", lambda entry: entry.name),
    "user information": lambda patch: patch.setattr(errors, "_plain", lambda text: text),
    "names of tags": lambda patch: patch.setattr(cli, "_TAG", _Nothing(True)),
}


async def try_both_ways(attack: Attack, defence: str, patch: pytest.MonkeyPatch) -> None:
    """The attack asserts that it failed: so it has to say where nothing stands in its way."""
    await attack()
    with patch.context() as off:
        SWITCHES[defence](off)
        with pytest.raises(AssertionError, match="the attack"):
            await attack()
