"""Defences that a test can switch off: each attack has to be noticed without its own."""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tiphys.adapters import jose
from tiphys.adapters.git import access, cli, clones, errors, largeserver, modules, transport, tree
from tiphys.core.diff.mask import SecretMask
from tiphys.core.session import ledger
from tiphys.core.session.accounts import Account, parse_accounts
from tiphys.core.session.claims import check_account
from tiphys.core.source import url
from tiphys.model.access import Caller
from tiphys.model.errors import ObjectNotFoundError
from tiphys.services.access import beginning, logins, sessions
from tiphys.services.access.book import SECRETS, texts
from tiphys.services.access.ledger import SharedLedger
from tiphys.services.applications import objects
from tiphys.services.liveview import trees
from tiphys.services.liveview.finding import Finder
from tiphys.services.pods.terminal import TerminalSession

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


def _unproven(patch: pytest.MonkeyPatch) -> None:
    def claims(self: object, token: str, key: bytes) -> Mapping[str, Any]:
        body = token.split(".")[1]
        found: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return found

    patch.setattr(jose.Signer, "verify", claims)


def _any_password_s_age(patch: pytest.MonkeyPatch) -> None:
    whole = check_account

    def check(account: Account | None, *rest: Any, **more: Any) -> None:
        whole(account and replace(account, password_changed=None), *rest, **more)

    patch.setattr(sessions, "check_account", check)


def _any_name(patch: pytest.MonkeyPatch) -> None:
    """Every name has its count, and there is room for the latest alone."""

    def failed(account: str, source: str, at: int) -> ledger.Failed:
        return ledger.Failed(account or f"user of {source}", source, at)

    patch.setattr(logins, "Failed", failed)
    patch.setattr(
        ledger, "_fewest_gone", lambda known, most: dict(list(known.items())[-most // 2 :])
    )


async def _not_kept(self: SharedLedger) -> None:
    pass


def _password_again(patch: pytest.MonkeyPatch) -> None:
    whole = parse_accounts

    def parse(general: Mapping[str, str], secret: Mapping[str, str]) -> Any:
        found = whole(general, secret)
        admin = replace(found.by_name["admin"], password="")
        return replace(found, by_name={**found.by_name, "admin": admin})

    patch.setattr(beginning, "parse_accounts", parse)
    patch.setattr(beginning.Beginning, "_told", _told_before)


async def _told_before(self: beginning.Beginning, version: str) -> str:
    try:
        found = await self._reader.get(SECRETS, self._namespace, beginning.INITIAL)
    except ObjectNotFoundError:
        found = await self._writer.create(SECRETS, self._manifest(version))
    return texts(found)["password"]


def _any_object(patch: pytest.MonkeyPatch) -> None:
    """Whatever has the name by now."""
    patch.setattr(objects, "_is_same", lambda live, node: True)
    patch.setattr(objects, "_of_this_object", lambda media, body, uid: body)


async def _always(self: TerminalSession) -> bool:
    return True


SWITCHES: Final[Mapping[str, Switch]] = {
    "masks of Secrets": lambda patch: patch.setattr(
        SecretMask, "manifest", lambda self, manifest: manifest
    ),
    "errors quote no Secrets": lambda patch: patch.setattr(
        objects, "_is_quoted", lambda key: False
    ),
    "objects by uid": _any_object,
    "projects bound live objects": lambda patch: patch.setattr(
        Finder, "_require_permitted", lambda *parts: None
    ),
    "owners by all they say": lambda patch: patch.setattr(
        trees, "_could_own", lambda owner, one: True
    ),
    "rights on every message": lambda patch: patch.setattr(TerminalSession, "_may_go_on", _always),
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
    "signatures of tokens": _unproven,
    "times of tokens": lambda patch: patch.setattr(sessions, "check_times", lambda *parts: None),
    "issuers of tokens": lambda patch: patch.setattr(Caller, "is_local", property(bool)),
    "whose accounts are whose": lambda patch: patch.setattr(
        Caller, "is_local", property(lambda caller: False)
    ),
    "passwords end sessions": _any_password_s_age,
    "limits of logins": lambda patch: patch.setattr(logins, "refuses", lambda *parts: False),
    "failures are kept": lambda patch: patch.setattr(SharedLedger, "_save", _not_kept),
    "floods forget nobody": _any_name,
    "initial passwords are random": lambda patch: patch.setattr(
        "tiphys.services.access.beginning.secrets.choice", lambda signs: signs[0]
    ),
    "initial passwords are given once": _password_again,
    "sessions have ids": lambda patch: patch.setattr(
        sessions.OwnSessions,
        "login",
        lambda self, name: self.issue(f"{name}:login", 86_400, "always the same"),
    ),
    "guesses one by one": lambda patch: patch.setattr(
        "tiphys.services.access.logins.asyncio.Lock", contextlib.nullcontext
    ),
    "names of tags": lambda patch: patch.setattr(cli, "_TAG", _Nothing(True)),
}


async def try_both_ways(attack: Attack, defence: str, patch: pytest.MonkeyPatch) -> None:
    """The attack asserts that it failed: so it has to say where nothing stands in its way."""
    await attack()
    with patch.context() as off:
        SWITCHES[defence](off)
        with pytest.raises(AssertionError, match="the attack"):
            await attack()
