"""Wrong person: forged and old tokens, guessed passwords, and many guesses side by side."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.attacks.switches import try_both_ways
from tests.services.access.world import KEY, Replica, World, make_world, settled
from tiphys.core.session.ledger import Limits
from tiphys.model.access import Caller
from tiphys.model.errors import ApiError
from tiphys.services.access.beginning import INITIAL

_ADMIN: dict[str, Any] = {"iss": "argocd", "sub": "admin:login", "iat": 1767268800, "jti": "x"}


def _signed(key: str = KEY, **claims: Any) -> str:
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(key))


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(**claims: Any) -> str:
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


@asynccontextmanager
async def _open_to_all() -> AsyncIterator[Replica]:
    """Anonymous access is on, and gives nothing."""
    world = make_world()
    world.general(**{"users.anonymous.enabled": "true", "accounts.alice": "login, apiKey"})
    async with world.replica() as replica:
        replica.enforcer.load()
        yield replica


class _Trusting:
    """A provider whose tokens are all believed: what it says of our own accounts must not be."""

    async def verify(self, token: str) -> tuple[Mapping[str, Any], str]:
        return _ADMIN, ""


def _assert_nobody(replica: Replica, caller: Caller) -> None:
    may = replica.enforcer.allows(caller, "applications", "delete", "default/app")
    assert caller.is_anonymous, "the attack gave a name"
    assert not may, "the attack gave a right"


@pytest.mark.parametrize(
    ("token", "defence"),
    [
        (_unsigned(**_ADMIN), "signatures of tokens"),
        (_signed("a-key-that-somebody-made-up-for-this", **_ADMIN), "signatures of tokens"),
        (_signed(**{**_ADMIN, "exp": 1767268799}), "times of tokens"),
        (_signed(**{**_ADMIN, "nbf": 1767268900}), "times of tokens"),
        (_signed(**{**_ADMIN, "iss": "https://elsewhere"}), "issuers of tokens"),
        (_signed(**{key: one for key, one in _ADMIN.items() if key != "iss"}), "issuers of tokens"),
    ],
)
async def test_cve_2022_29165_tokens_beside_anonymous_access(
    token: str, defence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attack() -> None:
        async with _open_to_all() as replica:
            caller, _ = await replica.sessions.caller(token)
            _assert_nobody(replica, caller)

    await try_both_ways(attack, defence, monkeypatch)


async def test_cve_2022_29165_a_provider_that_speaks_for_our_accounts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        async with _open_to_all() as replica:
            replica.sessions.verifier = _Trusting()
            caller, _ = await replica.sessions.caller(_unsigned(**_ADMIN))
            _assert_nobody(replica, caller)

    await try_both_ways(attack, "whose accounts are whose", monkeypatch)


async def test_cve_2021_26921_a_password_s_change_ends_its_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        world = make_world()
        async with world.replica() as replica:
            stolen = await replica.logins.login("admin", "password")
            world.clock.on(1)
            admin, _ = await replica.sessions.caller(stolen)
            await replica.accounts.update_password(
                admin, "", current="password", new="another password"
            )
            assert not await _works(replica, stolen), "the attack outlived the password"

    await try_both_ways(attack, "passwords end sessions", monkeypatch)


async def test_cve_2022_31034_logins_end_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    async def attack() -> None:
        world = make_world()
        async with world.replica() as replica:
            stolen = await replica.logins.login("admin", "password")
            world.clock.on(86_400)
            assert not await _works(replica, stolen), "the attack had no end"

    await try_both_ways(attack, "times of tokens", monkeypatch)


async def _works(replica: Replica, token: str) -> bool:
    try:
        await replica.sessions.caller(token)
    except ApiError:
        return False
    return True


async def _guess(replica: Replica, name: str, password: str, peer: str = "192.0.2.1") -> bool:
    try:
        await replica.logins.login(name, password, peer=peer)
    except ApiError:
        return False
    return True


async def test_cve_2020_8827_passwords_are_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def attack() -> None:
        async with make_world().replica() as replica:
            for number in range(20):
                await _guess(replica, "admin", f"guess {number}", peer=f"192.0.2.{number}")
            assert not await _guess(replica, "admin", "password"), "the attack guessed it"

    await try_both_ways(attack, "limits of logins", monkeypatch)


async def test_cve_2020_8827_nor_with_a_name_for_each_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        async with make_world().replica() as replica:
            for number in range(200):
                await _guess(replica, f"user-{number}", "guess")
            assert not await _guess(replica, "admin", "password"), "the attack guessed it"

    await try_both_ways(attack, "limits of logins", monkeypatch)


async def test_cve_2024_21652_a_crash_forgets_no_failures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        world = make_world()
        for _ in range(3):
            async with world.replica() as replica:
                for _ in range(2):
                    await _guess(replica, "admin", "guess")
        async with world.replica() as replica:
            assert not await _guess(replica, "admin", "password"), "the attack began anew"

    await try_both_ways(attack, "failures are kept", monkeypatch)


async def test_cve_2024_21662_a_flood_of_names_forgets_no_failures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        world = make_world()
        world.limits = Limits(names=100)
        async with world.replica() as replica:
            for _ in range(5):
                await _guess(replica, "admin", "guess")
            for number in range(600):
                peer = f"198.51.{number // 250}.{number % 250}"
                await _guess(replica, f"user-{number}", "x", peer)
        async with world.replica() as replica:
            assert not await _guess(replica, "admin", "password", "203.0.113.1"), "the attack won"

    await try_both_ways(attack, "floods forget nobody", monkeypatch)


async def test_cve_2020_8828_no_password_is_known_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        made = set()
        for _ in range(2):
            world = World()
            world.general()
            async with world.replica() as replica:
                await replica.beginning.prepare()
                made.add(world.stored(INITIAL)["password"])
        assert len(made) == 2, "the attack knows the password of another installation"
        assert all(len(password) == 16 for password in made)

    await try_both_ways(attack, "initial passwords are random", monkeypatch)


async def test_cve_2020_8828_the_initial_password_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once its Secret is deleted nothing writes it again, and no start makes it good again."""

    async def attack() -> None:
        world = World()
        world.general()
        async with world.replica() as replica:
            await replica.beginning.prepare()
            told = world.stored(INITIAL)["password"]
            admin = Caller({"iss": "argocd", "sub": "admin:login"})
            await replica.accounts.update_password(admin, "", current=told, new="another password")
        async with world.replica() as replica:
            await replica.beginning.prepare()
            assert not await _guess(replica, "admin", told), "the attack used what was told"

    await try_both_ways(attack, "initial passwords are given once", monkeypatch)


async def test_cve_2020_8826_each_login_is_a_new_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        async with make_world().replica() as replica:
            planted = await replica.logins.login("admin", "password")
            await replica.sessions.end(planted)
            fresh = await replica.logins.login("admin", "password")
            assert fresh != planted, "the attack fixed the session"
            assert await _works(replica, fresh), "the attack ended the session"
            with pytest.raises(ApiError):
                await replica.logins.login("admin", "password", token=planted)

    await try_both_ways(attack, "sessions have ids", monkeypatch)


async def test_cve_2025_55191_guesses_side_by_side_are_counted_like_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        async with make_world().replica() as replica:
            answers = await asyncio.gather(
                *(_guess(replica, "admin", f"guess {number}") for number in range(50)),
                *(_guess(replica, f"user-{number}", "x") for number in range(50)),
                return_exceptions=True,
            )
            assert set(answers) == {False}
            tried = replica.passwords.checked.count("hash of password")
            assert tried <= 5, f"the attack tried {tried} passwords"

    await try_both_ways(attack, "guesses one by one", monkeypatch)


async def test_cve_2024_21661_failures_at_several_replicas_harm_none() -> None:
    world = make_world()
    async with world.replica() as one, world.replica() as two:
        names = ["admin", "alice", *(f"user-{number}" for number in range(20))]
        for _ in range(3):
            answers = await asyncio.gather(
                *(_guess(replica, name, "x", "") for replica in (one, two) for name in names),
                return_exceptions=True,
            )
            assert set(answers) == {False}
            await settled()
        for replica in (one, two):
            assert set(replica.ledger.present().accounts) == {"admin", "alice"}
            assert not await _guess(replica, "admin", "password")
            assert await _works(replica, replica.sessions.login("admin"))
        world.clock.on(301)
        assert await _guess(one, "admin", "password")
