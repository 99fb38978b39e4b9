"""The methods on sessions and accounts, in the shapes of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.services.access.world import Replica, World, make_world, settled
from tiphys.api.calls import Call, Handlers, Unary
from tiphys.api.handlers.account import AccountHandlers
from tiphys.api.handlers.session import SessionHandlers
from tiphys.model.access import Caller
from tiphys.model.errors import ApiCode, ApiError

ADMIN = Caller({"iss": "argocd", "sub": "admin:login", "iat": 1767268800})
ALICE = Caller({"iss": "argocd", "sub": "alice:login", "iat": 1767268800})


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
async def replica(world: World) -> AsyncIterator[Replica]:
    async with world.replica() as found:
        found.enforcer.load()
        yield found


@pytest.fixture
def methods(replica: Replica) -> Handlers:
    return {
        **SessionHandlers(replica.logins, replica.enforcer).methods(),
        **AccountHandlers(replica.accounts).methods(),
    }


async def ask(
    methods: Handlers, name: str, request: dict[str, Any], call: Call | None = None
) -> Any:
    service = "session.SessionService" if name in _SESSIONS else "account.AccountService"
    method = methods[f"{service}/{name}"]
    assert isinstance(method, Unary)
    return await method.run(call or Call(ADMIN), request)


_SESSIONS = {"Create", "Delete", "GetUserInfo"}


def test_all_methods_are_there(methods: Handlers) -> None:
    assert {
        name for name, method in methods.items() if isinstance(method, Unary) and method.open
    } == {f"session.SessionService/{name}" for name in _SESSIONS}
    assert {name.partition("/")[2] for name in methods} - _SESSIONS == {
        "CanI", "UpdatePassword", "ListAccounts", "GetAccount", "CreateToken", "DeleteToken",
    }  # fmt: skip


async def test_a_login(replica: Replica, methods: Handlers) -> None:
    request = {"username": "admin", "password": "password"}
    answer = await ask(methods, "Create", request, Call())
    assert list(answer) == ["token"]
    caller, _ = await replica.sessions.caller(answer["token"])
    assert caller.subject == "admin"
    with pytest.raises(ApiError, match=r"^Invalid username or password$"):
        await ask(methods, "Create", {**request, "password": "x"}, Call(peer="192.0.2.1"))
    assert set(replica.ledger.present().sources) == {"192.0.2.1"}
    with pytest.raises(ApiError, match="token-based session creation"):
        await ask(methods, "Create", {**request, "token": "x"}, Call())
    with pytest.raises(ApiError, match="no credentials supplied"):
        await ask(methods, "Create", {}, Call())


async def test_the_end_of_a_session_revokes_nothing(replica: Replica, methods: Handlers) -> None:
    token = replica.sessions.login("admin")
    assert await ask(methods, "Delete", {}) == {}
    await replica.sessions.caller(token)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (Call(ADMIN), {"loggedIn": True, "username": "admin", "iss": "argocd"}),
        (Call(), {}),
        (Call(lapsed="sso"), {"iss": "sso"}),
        (
            Call(Caller({"iss": "https://id", "sub": "u", "email": "m@x", "groups": ["a", "b"]})),
            {"loggedIn": True, "username": "m@x", "iss": "https://id", "groups": ["a", "b"]},
        ),
    ],
)
async def test_who_one_is(methods: Handlers, call: Call, answer: dict[str, Any]) -> None:
    assert await ask(methods, "GetUserInfo", {}, call) == answer


async def test_accounts(world: World, methods: Handlers) -> None:
    assert await ask(methods, "ListAccounts", {}) == {
        "items": [
            {"name": "admin", "enabled": True, "capabilities": ["login"]},
            {"name": "alice", "enabled": True, "capabilities": ["login", "apiKey"]},
            {"name": "robot", "enabled": True, "capabilities": ["apiKey"]},
        ]
    }
    stranger = Call(Caller({"iss": "https://id", "sub": "x"}))
    assert await ask(methods, "ListAccounts", {}, stranger) == {}
    world.general(**{"accounts.old.enabled": "false"})
    await settled()
    assert await ask(methods, "GetAccount", {"name": "old"}) == {"name": "old"}


async def test_tokens_are_shown_the_newest_first(world: World, methods: Handlers) -> None:
    answer = await ask(methods, "CreateToken", {"name": "alice", "id": "one"})
    assert answer["token"].count(".") == 2
    world.clock.on(60)
    await ask(methods, "CreateToken", {"name": "alice", "id": "two", "expiresIn": 30})
    found = await ask(methods, "GetAccount", {"name": "alice"}, Call(ALICE))
    assert found["tokens"] == [
        {"id": "two", "issuedAt": 1767268860, "expiresAt": 1767268890},
        {"id": "one", "issuedAt": 1767268800},
    ]
    assert await ask(methods, "DeleteToken", {"name": "alice", "id": "two"}) == {}
    found = await ask(methods, "GetAccount", {"name": "alice"})
    assert [token["id"] for token in found["tokens"]] == ["one"]


async def test_what_one_can(methods: Handlers) -> None:
    request = {"resource": "applications", "action": "sync", "subresource": "default/guestbook"}
    assert await ask(methods, "CanI", request) == {"value": "yes"}
    assert await ask(methods, "CanI", request, Call(ALICE)) == {"value": "no"}
    with pytest.raises(ApiError) as caught:
        await ask(methods, "CanI", {})
    assert caught.value.code is ApiCode.INVALID_ARGUMENT


async def test_a_password(world: World, methods: Handlers) -> None:
    request = {"name": "alice", "currentPassword": "password", "newPassword": "another one"}
    assert await ask(methods, "UpdatePassword", request) == {}
    assert world.stored("argocd-secret")["accounts.alice.password"] == "hash of another one"
    with pytest.raises(ApiError, match="current password does not match"):
        await ask(methods, "UpdatePassword", {"newPassword": "another one"})
