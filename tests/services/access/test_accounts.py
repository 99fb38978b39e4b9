"""What accounts' owners and administrators may do with them."""

from __future__ import annotations

import json

import pytest

from tests.services.access.test_sessions import refused
from tests.services.access.world import Replica, World, settled
from tiphys.model.access import EVERYTHING, Caller
from tiphys.model.errors import ApiCode, ApiError

ADMIN = Caller({"iss": "argocd", "sub": "admin:login", "iat": 1767268800})
ALICE = Caller({"iss": "argocd", "sub": "alice:login", "iat": 1767268800})
STRANGER = Caller({"iss": "https://id", "sub": "alice", "iat": 1767268800, "email": "a@x"})
BOSS = Caller({"iss": "https://id", "sub": "boss", "iat": 1767268800})
_BOSS = "p, boss, accounts, update, alice, allow"
DENIED = "permission denied: accounts, {}, {}, sub: {}, iat: 2026-01-01T12:00:00Z"


async def test_what_accounts_a_caller_sees(replica: Replica) -> None:
    def names(caller: Caller) -> list[str]:
        return [account.name for account in replica.accounts.list(caller)]

    assert names(ADMIN) == ["admin", "alice", "robot"]
    assert names(ALICE) == ["alice"]
    assert names(STRANGER) == []
    assert names(EVERYTHING) == ["admin", "alice", "robot"]


async def test_one_account(replica: Replica) -> None:
    assert replica.accounts.get(ALICE, "alice").name == "alice"
    assert replica.accounts.get(ADMIN, "robot").name == "robot"
    with pytest.raises(ApiError) as caught:
        replica.accounts.get(ADMIN, "nobody")
    assert caught.value.code is ApiCode.NOT_FOUND
    assert str(caught.value) == "account 'nobody' does not exist"
    for caller, name in ((ALICE, "robot"), (STRANGER, "alice"), (ALICE, "nobody")):
        with pytest.raises(ApiError) as caught:
            replica.accounts.get(caller, name)
        assert str(caught.value) == DENIED.format("get", name, caller.subject)


async def test_api_keys(world: World, replica: Replica) -> None:
    token = await replica.accounts.create_token(ALICE, "alice", expires_in=60)
    stored = world.stored("argocd-secret")["accounts.alice.tokens"]
    assert json.loads(stored) == [{"id": "id-1", "iat": 1767268800, "exp": 1767268860}]
    # At once: the watch need not have told of it.
    caller, renewed = await replica.sessions.caller(token)
    assert (caller.subject, caller.claims["sub"], renewed) == ("alice", "alice:apiKey", "")
    for_ever = await replica.accounts.create_token(ADMIN, "alice", identifier="mine")
    await settled()
    world.clock.on(60)
    assert "token is expired" in await refused(replica.sessions, token)
    caller, _ = await replica.sessions.caller(for_ever)
    assert "exp" not in caller.claims
    await replica.accounts.delete_token(ALICE, "alice", "mine")
    text = await refused(replica.sessions, for_ever)
    assert text == "invalid session: account alice does not have token with id mine"
    await replica.accounts.delete_token(ALICE, "alice", "id-1")
    assert "accounts.alice.tokens" not in world.stored("argocd-secret")


async def test_api_keys_that_are_refused(replica: Replica) -> None:
    prefix = "failed to update account with new token: "
    await replica.accounts.create_token(ALICE, "alice", identifier="a")
    expected: list[tuple[str, str, ApiCode, str]] = [
        ("alice", "a", ApiCode.UNKNOWN, f"{prefix}account already has token with id 'a'"),
        ("admin", "b", ApiCode.UNKNOWN, f"{prefix}account 'admin' does not have apiKey capability"),
        ("nobody", "b", ApiCode.NOT_FOUND, "account 'nobody' does not exist"),
    ]
    for name, identifier, code, text in expected:
        with pytest.raises(ApiError) as caught:
            await replica.accounts.create_token(ADMIN, name, identifier=identifier)
        assert (caught.value.code, str(caught.value)) == (code, text)
    with pytest.raises(ApiError) as caught:
        await replica.accounts.delete_token(ADMIN, "alice", "gone")
    assert caught.value.code is ApiCode.NOT_FOUND
    assert str(caught.value) == "token with id 'gone' does not exist"
    for call in (
        replica.accounts.create_token(ALICE, "robot"),
        replica.accounts.delete_token(ALICE, "robot", "x"),
    ):
        with pytest.raises(ApiError) as caught:
            await call
        assert str(caught.value) == DENIED.format("update", "robot", "alice")


async def test_one_s_own_password(world: World, replica: Replica) -> None:
    token = replica.sessions.login("alice")
    world.clock.on(5)
    await replica.accounts.update_password(ALICE, "", current="alice's", new="longer than 8")
    stored = world.stored("argocd-secret")
    assert stored["accounts.alice.password"] == "hash of longer than 8"
    assert stored["accounts.alice.passwordMtime"] == "2026-01-01T12:00:05Z"
    assert "password has changed" in await refused(replica.sessions, token)
    await replica.sessions.caller(await replica.logins.login("alice", "longer than 8"))


async def test_somebody_else_s_password(world: World, replica: Replica) -> None:
    update = replica.accounts.update_password
    with pytest.raises(ApiError) as caught:
        await update(ALICE, "admin", current="alice's", new="longer than 8")
    assert str(caught.value) == DENIED.format("update", "admin", "alice")
    await update(ADMIN, "alice", current="password", new="longer than 8")
    assert world.stored("argocd-secret")["accounts.alice.password"] == "hash of longer than 8"
    with pytest.raises(ApiError, match=r"^account 'nobody' does not exist$"):
        await update(ADMIN, "nobody", current="password", new="longer than 8")


async def test_the_current_password_is_the_caller_s(replica: Replica) -> None:
    for name in ("", "admin", "alice"):
        with pytest.raises(ApiError) as caught:
            await replica.accounts.update_password(
                ADMIN, name, current="alice's", new="longer than 8"
            )
        assert caught.value.code is ApiCode.INVALID_ARGUMENT
        assert str(caught.value) == "current password does not match"


async def test_guesses_of_the_current_password_are_counted(replica: Replica) -> None:
    for _ in range(5):
        with pytest.raises(ApiError):
            await replica.accounts.update_password(ALICE, "", current="x", new="longer than 8")
    with pytest.raises(ApiError, match="current password does not match"):
        await replica.accounts.update_password(ALICE, "", current="alice's", new="longer than 8")


async def test_a_project_s_token_has_no_password(replica: Replica) -> None:
    caller = Caller({"iss": "argocd", "sub": "proj:team:ci"})
    with pytest.raises(ApiError) as caught:
        await replica.accounts.update_password(caller, "", current="x", new="longer than 8")
    assert caught.value.code is ApiCode.INVALID_ARGUMENT
    assert str(caught.value) == (
        'password can only be changed for local users, not user "proj:team:ci"'
    )


async def test_who_came_by_sso_needs_the_right_and_a_fresh_login(
    world: World, replica: Replica
) -> None:
    update = replica.accounts.update_password
    with pytest.raises(ApiError, match=r"^permission denied: accounts, update, alice"):
        await update(BOSS, "alice", current="", new="longer than 8")
    with pytest.raises(ApiError, match=r"^permission denied: accounts, update, "):
        await update(STRANGER, "", current="alice's", new="longer than 8")
    world.policies(_BOSS)
    await settled()
    world.clock.on(300)
    await update(BOSS, "alice", current="", new="longer than 8")
    world.clock.on(1)
    old = "SSO token is too old. Please use 'argocd relogin' to get a new token"
    for caller in (BOSS, Caller({"iss": "https://id", "sub": "boss"})):
        with pytest.raises(ApiError) as caught:
            await update(caller, "alice", current="", new="longer than 8")
        assert (caught.value.code, str(caught.value)) == (ApiCode.UNKNOWN, old)


async def test_without_logins_anybody_sets_passwords(world: World, replica: Replica) -> None:
    await replica.accounts.update_password(EVERYTHING, "alice", current="", new="longer than 8")
    assert world.stored("argocd-secret")["accounts.alice.password"] == "hash of longer than 8"


@pytest.mark.parametrize(
    ("pattern", "password", "text"),
    [
        ("", "short", "new password does not match the following expression: ^.{8,32}$"),
        (
            "^[a-z]{4}$",
            "longer",
            "new password does not match the following expression: ^[a-z]{4}$",
        ),
        ("^[a-z]{4}$", "abcd", ""),
        ("(", "longer than 8", "passwordPattern is no expression: ("),
    ],
)
async def test_what_passwords_look_like(
    world: World, replica: Replica, pattern: str, password: str, text: str
) -> None:
    world.general(passwordPattern=pattern)
    await settled()
    if not text:
        await replica.accounts.update_password(ADMIN, "", current="password", new=password)
        return
    with pytest.raises(ApiError) as caught:
        await replica.accounts.update_password(ADMIN, "", current="password", new=password)
    assert (caught.value.code, str(caught.value)) == (ApiCode.UNKNOWN, text)


async def test_what_a_caller_may(world: World, replica: Replica) -> None:
    can = replica.accounts.can_i
    assert can(ADMIN, "applications", "sync", "default/guestbook")
    assert not can(ADMIN, "applications", "sync", "*")
    assert not can(ALICE, "applications", "sync", "default/guestbook")
    world.policies("p, alice, applications, sync, team/app, allow")
    await settled()
    assert can(ALICE, "applications", "sync", "team/argocd/app")
    assert not can(ALICE, "applications", "sync", "team/other/app")
    assert can(ALICE, "applications", "rollback", "team/app")
    world.general(**{"server.rbac.rollback.enforce.enable": "T", "accounts.alice": "login"})
    await settled()
    assert not can(ALICE, "applications", "rollback", "team/app")
    world.general(**{"server.rbac.rollback.enforce.enable": "maybe"})
    await settled()
    with pytest.raises(ApiError, match="is no boolean"):
        can(ALICE, "applications", "rollback", "team/app")


@pytest.mark.parametrize(
    ("resource", "action", "text"),
    [
        (
            "applications",
            "action/x",
            "[get create update delete sync rollback override action invoke] "
            "does not contain action/x",
        ),
        (
            "nothing",
            "get",
            "[clusters projects applications applicationsets repositories write-repositories "
            "certificates accounts gpgkeys logs exec extensions] does not contain nothing",
        ),
    ],
)
async def test_what_nobody_can_ask(replica: Replica, resource: str, action: str, text: str) -> None:
    with pytest.raises(ApiError) as caught:
        replica.accounts.can_i(ADMIN, resource, action, "x")
    assert (caught.value.code, str(caught.value)) == (ApiCode.INVALID_ARGUMENT, text)
