"""Who is behind a token, and for how long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.services.access.world import KEY, Replica, World, project, settled
from tiphys.model.access import ANONYMOUS, EVERYTHING, Caller
from tiphys.model.errors import ApiCode, ApiError, ExpiredError
from tiphys.model.resource import ResourceKey
from tiphys.services.access.sessions import OwnSessions


def signed(alg: str = "HS256", key: str = KEY, **claims: Any) -> str:
    head = {"alg": alg, "typ": "JWT"}
    return jwt.encode(head, claims, OctKey.import_key(key), algorithms=[alg])


async def refused(sessions: OwnSessions, token: str) -> str:
    with pytest.raises(ApiError) as caught:
        await sessions.caller(token)
    assert caught.value.code is ApiCode.UNAUTHENTICATED
    return str(caught.value)


async def test_a_login(world: World, replica: Replica) -> None:
    token = replica.sessions.login("admin")
    caller, renewed = await replica.sessions.caller(token)
    assert caller.subject == "admin"
    assert renewed == ""
    assert caller.claims == {
        "iss": "argocd",
        "sub": "admin:login",
        "exp": 1767268800 + 86400,
        "nbf": 1767268800,
        "iat": 1767268800,
        "jti": "id-1",
    }
    world.clock.on(86_399)
    await replica.sessions.caller(token)
    world.clock.on(1)
    text = await refused(replica.sessions, token)
    assert text == "invalid session: token has invalid claims: token is expired"


async def test_each_login_is_a_session_of_its_own(replica: Replica) -> None:
    assert replica.sessions.login("admin") != replica.sessions.login("admin")


async def test_no_token(world: World, replica: Replica) -> None:
    assert await refused(replica.sessions, "") == "no session information"
    world.general(**{"users.anonymous.enabled": "true"})
    await settled()
    assert await replica.sessions.caller("") == (ANONYMOUS, "")
    assert await replica.sessions.caller("nonsense") == (ANONYMOUS, "")


async def test_without_logins_everybody_may_all(world: World) -> None:
    async with world.replica(disabled=True) as replica:
        assert await replica.sessions.caller("") == (EVERYTHING, "")
        assert await replica.sessions.caller("nonsense") == (EVERYTHING, "")


@pytest.mark.parametrize(
    ("data", "seconds"),
    [("2h", 7200), ("90s", 90), ("1d", 86400), ("soon", 86400), ("1h30m", 86400)],
)
async def test_how_long_a_login_lasts(
    world: World, replica: Replica, data: str, seconds: int
) -> None:
    world.general(**{"users.session.duration": data})
    await settled()
    caller, _ = await replica.sessions.caller(replica.sessions.login("admin"))
    assert caller.claims["exp"] - caller.claims["iat"] == seconds


async def test_a_login_is_renewed_near_its_end(world: World, replica: Replica) -> None:
    token = replica.sessions.login("admin")
    world.clock.on(86_400 - 299)
    caller, renewed = await replica.sessions.caller(token)
    again, once_more = await replica.sessions.caller(renewed)
    assert once_more == ""
    assert again.claims["exp"] == caller.claims["exp"] + 86_400 - 299
    assert again.claims["jti"] != caller.claims["jti"]
    assert (await replica.sessions.caller(token))[0] == caller


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"admin.enabled": "false"}, "account admin is disabled"),
        ({}, ""),
    ],
)
async def test_a_change_of_the_account_counts_at_once(
    world: World, replica: Replica, change: Mapping[str, str], text: str
) -> None:
    token = replica.sessions.login("admin")
    await replica.sessions.caller(token)
    world.general(**change)
    await settled()
    if text:
        assert await refused(replica.sessions, token) == f"invalid session: {text}"
    else:
        await replica.sessions.caller(token)


async def test_an_account_that_is_gone_or_changed_its_password(
    world: World, replica: Replica
) -> None:
    token = replica.sessions.login("alice")
    await replica.sessions.caller(token)
    world.secret(accounts_alice_passwordMtime="2026-01-01T12:00:01Z")
    await settled()
    text = await refused(replica.sessions, token)
    assert text == "invalid session: account password has changed since token issued"
    world.general()
    await settled()
    text = await refused(replica.sessions, token)
    assert text == "invalid session: account 'alice' does not exist"


async def test_accounts_that_cannot_be_read_fail_calls(world: World, replica: Replica) -> None:
    token = replica.sessions.login("admin")
    world.general(**{"accounts.x.enabled": "maybe"})
    await settled()
    with pytest.raises(ApiError, match=r"accounts.x.enabled") as caught:
        await replica.sessions.caller(token)
    assert caught.value.code is ApiCode.UNKNOWN


async def test_another_key_ends_all_sessions(world: World, replica: Replica) -> None:
    token = replica.sessions.login("admin")
    await replica.sessions.caller(token)
    world.secret(server_secretkey=KEY[::-1])
    await settled()
    text = await refused(replica.sessions, token)
    assert text == "invalid session: token signature is invalid: signature is invalid"


async def test_without_a_key_nobody_is_believed(world: World, replica: Replica) -> None:
    token = replica.sessions.login("admin")
    world.secret(server_secretkey="")
    await settled()
    assert await refused(replica.sessions, token) == (
        "invalid session: server.secretkey is missing"
    )


_GOOD: dict[str, Any] = {"iss": "argocd", "sub": "admin:login", "iat": 1767268800, "jti": "x"}


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("nonsense", "token is malformed"),
        ("a.b.c", "token is malformed"),
        ("x" * 70_000, "token is malformed: it is too long"),
        (signed(key="another-key-of-more-than-32-bytes-length", **_GOOD), "signature is invalid"),
        (signed("HS512", **_GOOD), "token is malformed"),
        (signed(**{**_GOOD, "iss": "https://id"}), "token has invalid issuer"),
        (signed(**{**_GOOD, "sub": 5}), "token has invalid issuer"),
        (signed(**{**_GOOD, "jti": ""}), "token id is missing"),
        (signed(**{**_GOOD, "nbf": 1767268801}), "token is not valid yet"),
        (signed(**{**_GOOD, "sub": "nobody:login"}), "account 'nobody' does not exist"),
        (signed(**{**_GOOD, "sub": "robot:login"}), "does not have 'login' capability"),
        (signed(**{**_GOOD, "sub": "admin"}), "does not have 'apiKey' capability"),
        (signed(**{**_GOOD, "sub": "alice:apiKey"}), "does not have token with id x"),
    ],
)
async def test_tokens_that_prove_nothing(replica: Replica, token: str, text: str) -> None:
    said = await refused(replica.sessions, token)
    assert said.startswith("invalid session: ")
    assert text in said


async def test_a_token_without_a_signature(replica: Replica) -> None:
    whole = signed(**_GOOD)
    await replica.sessions.caller(whole)
    head, body, _ = whole.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for token in (f"{head}.{body}.", f"{none}.{body}.", f"{head}.{body}"):
        await refused(replica.sessions, token)


async def test_tokens_of_projects(world: World, replica: Replica) -> None:
    claims: dict[str, Any] = {
        "iss": "argocd",
        "sub": "proj:team:ci",
        "iat": 1767268800,
        "jti": "one",
    }
    token = signed(**claims)
    assert "does not exist in project 'team'" in await refused(replica.sessions, token)
    world.put(project("team", tokens={"ci": [{"id": "one", "iat": 1767268800}]}))
    await settled()
    caller, renewed = await replica.sessions.caller(token)
    assert (caller.subject, renewed) == ("proj:team:ci", "")
    for other in ({"jti": "two"}, {"sub": "proj:team:cd"}, {"sub": "proj:other:ci"}):
        await refused(replica.sessions, signed(**{**claims, **other}))
    world.put(project("team"))
    await settled()
    await refused(replica.sessions, token)
    world.cluster.vanish(ResourceKey("argoproj.io", "AppProject", "argocd", "team"))
    await settled()
    await refused(replica.sessions, token)


async def test_tokens_of_projects_from_before_they_had_ids(world: World, replica: Replica) -> None:
    old = signed(iss="argocd", sub="proj:team:ci", iat=1767268700)
    for entry in ({"iat": 1767268700}, {"iat": 1767268700, "id": "1767268700"}):
        world.put(project("team", tokens={"ci": [entry]}))
        await settled()
        await replica.sessions.caller(old)
    world.put(project("team", tokens={"ci": [{"iat": 1767268700, "id": "one"}]}))
    await settled()
    await refused(replica.sessions, old)
    world.put(project("team", tokens={"ci": [{"iat": "x"}]}))
    await settled()
    await refused(replica.sessions, old)


async def test_a_session_that_is_ended_is_ended_everywhere(world: World, replica: Replica) -> None:
    token, other = replica.sessions.login("admin"), replica.sessions.login("admin")
    async with world.replica() as second:
        await second.sessions.caller(token)
        assert (await replica.sessions.end(token)).subject == "admin"
        text = "invalid session: token is revoked, please re-login"
        assert await refused(replica.sessions, token) == text
        await settled()
        assert await refused(second.sessions, token) == text
        await second.sessions.caller(other)
    async with world.replica() as third:
        assert await refused(third.sessions, token) == text


async def test_what_cannot_be_used_cannot_be_ended(replica: Replica) -> None:
    with pytest.raises(ApiError):
        await replica.sessions.end("nonsense")


async def test_all_sessions_of_somebody_are_ended(world: World, replica: Replica) -> None:
    token, alice = replica.sessions.login("admin"), replica.sessions.login("alice")
    caller, _ = await replica.sessions.caller(token)
    await replica.sessions.end_all(caller)
    assert "revoked" in await refused(replica.sessions, token)
    await replica.sessions.caller(alice)
    world.clock.on(1)
    await replica.sessions.caller(replica.sessions.login("admin"))


async def test_a_project_s_token_can_be_ended(world: World, replica: Replica) -> None:
    token = signed(iss="argocd", sub="proj:team:ci", iat=1767268800, jti="one")
    world.put(project("team", tokens={"ci": [{"id": "one", "iat": 1767268800}]}))
    await settled()
    await replica.sessions.end(token)
    assert "revoked" in await refused(replica.sessions, token)


class FakeProvider:
    def __init__(self) -> None:
        self.claims: Mapping[str, Any] = {
            "iss": "https://id",
            "sub": "u1",
            "at_hash": "h",
            "iat": 5,
        }
        self.fails: ApiError | None = None

    async def verify(self, token: str) -> tuple[Mapping[str, Any], str]:
        if self.fails is not None:
            raise self.fails
        return self.claims, "renewed"


async def test_tokens_of_a_provider(world: World) -> None:
    provider = FakeProvider()
    token = signed("HS384", **_GOOD)
    async with world.replica(verifier=provider) as replica:
        assert await replica.sessions.caller(token) == (Caller(provider.claims), "renewed")
        own = replica.sessions.login("admin")
        assert (await replica.sessions.caller(own))[0].subject == "admin"
        await replica.sessions.end(token)
        assert "revoked" in await refused(replica.sessions, token)
        for claims in ({}, {"iss": "argocd", "sub": "admin:login"}):
            provider.claims = claims
            assert "invalid issuer" in await refused(replica.sessions, token)
        provider.fails = ApiError(ApiCode.UNAUTHENTICATED, "failed to verify the token")
        assert await refused(replica.sessions, token) == (
            "invalid session: failed to verify the token"
        )
        provider.fails = ExpiredError("failed to verify the token", issuer="sso")
        with pytest.raises(ExpiredError, match=r"^invalid session: failed") as caught:
            await replica.sessions.caller(token)
        assert caught.value.issuer == "sso"


async def test_few_tokens_are_remembered(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiphys.services.access.sessions._REMEMBERED", 3)
    tokens = [replica.sessions.login("admin") for _ in range(10)]
    for token in tokens:
        await replica.sessions.caller(token)
    assert len(replica.sessions._proven) == 3
    await replica.sessions.caller(tokens[0])


async def test_a_token_that_was_seen_before_costs_microseconds(replica: Replica) -> None:
    token = replica.sessions.login("admin")
    await replica.sessions.caller(token)
    begun = time.perf_counter()
    for _ in range(1_000):
        await replica.sessions.caller(token)
    # Ten times what it takes on a slow machine; the signature alone would cost as much.
    assert (time.perf_counter() - begun) / 1_000 < 200e-6
