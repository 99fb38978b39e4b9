"""Logins at a real provider: by HTTP, and in Chromium."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.adapters.oidc.running import browser, person, with_dex, with_oidc
from tiphys.model.errors import ApiError, ExpiredError


async def test_a_login_ends_with_a_token_and_groups() -> None:
    async with with_oidc() as site, person("ann") as ann:
        token = await ann.log_in(site.url, f"{site.url}/applications?view=tree")
        claims, renewed = await site.verify(token)
        assert claims["sub"] == "ann"
        assert claims["email"] == "ann@example.org"
        assert claims["groups"] == ["ann-team"]
        assert renewed == ""


async def test_a_login_with_pkce_where_the_provider_insists() -> None:
    ways = {"pkce": True}
    async with with_oidc(ways, enablePKCEAuthentication=True) as site, person("ann") as ann:
        claims, _ = await site.verify(await ann.log_in(site.url))
        assert claims["sub"] == "ann"


async def test_groups_of_userinfo_are_asked_for_once() -> None:
    ways = {"groupsInUserinfo": True}
    config = {"enableUserInfoGroups": True, "userInfoPath": "/me"}
    async with with_oidc(ways, **config) as site, person("ann") as ann:
        token = await ann.log_in(site.url)
        for _ in range(2):
            claims, _ = await site.verify(token)
            assert claims["groups"] == ["ann-team"]


async def test_an_expired_token_is_renewed_until_the_session_ends() -> None:
    async with with_oidc({"seconds": 120}) as site, person("ann") as ann:
        token = await ann.log_in(site.url)
        assert (await site.verify(token))[1] == ""
        await site.tell(seconds=3600)
        site.clock.ahead = timedelta(seconds=200)
        claims, renewed = await site.verify(token)
        assert claims["groups"] == ["ann-team"]
        assert renewed not in ("", token)
        # Who still comes with the old one is given the same new one.
        assert (await site.verify(token))[1] == renewed
        assert (await site.verify(renewed))[1] == ""
        site.session_seconds = 100
        with pytest.raises(ExpiredError, match="failed to verify the token") as failed:
            await site.verify(token)
        assert failed.value.issuer == "sso"


async def test_a_token_from_before_a_login_is_not_made_good_by_it() -> None:
    async with with_oidc({"seconds": 120}) as site, person("ann") as ann:
        before = await ann.log_in(site.url)
        await site.tell(seconds=3600)
        site.clock.ahead = timedelta(seconds=200)
        await ann.log_in(site.url)
        with pytest.raises(ExpiredError, match="failed to verify the token"):
            await site.verify(before)


async def test_a_token_is_renewed_before_it_ends_where_that_is_asked_for() -> None:
    async with with_oidc({"seconds": 300}, refreshTokenThreshold="10m") as site, person("a") as ann:
        token = await ann.log_in(site.url)
        await site.tell(seconds=3600)
        _, renewed = await site.verify(token)
        assert renewed not in ("", token)
        assert (await site.verify(renewed))[1] == ""


async def test_a_key_rotated_at_the_provider_is_found() -> None:
    async with with_oidc() as site, person("ann") as ann, person("bob") as bob:
        await site.verify(await ann.log_in(site.url))
        await site.tell(rotate=True)
        # Keys are not asked for more often than every few seconds.
        keys = site.parts.verifier._ground.provider(
            site.parts.verifier._ground.access(site.parts.settings())  # type: ignore[arg-type]
        )
        keys._keys._asked -= 10  # type: ignore[attr-defined]
        claims, _ = await site.verify(await bob.log_in(site.url))
        assert claims["sub"] == "bob"


async def test_logging_out_ends_the_session_and_tells_the_provider() -> None:
    logout = "http://127.0.0.1/session/end?id_token_hint={{token}}&back={{logoutRedirectURL}}"
    async with with_oidc({"seconds": 120}, logoutURL=logout) as site, person("ann") as ann:
        token = await ann.log_in(site.url)
        async with ann.web.get(f"{site.url}/auth/logout", allow_redirects=False) as answer:
            assert answer.status == 303
            target = answer.headers["Location"]
            assert target.startswith(f"http://127.0.0.1/session/end?id_token_hint={token}")
            assert target.endswith(f"back={site.url.replace(':', '%3A').replace('/', '%2F')}")
        assert ann.token(site.url) == ""
        assert site.sessions.ended == [token]
        # Nothing is kept that it could be renewed with.
        site.clock.ahead = timedelta(seconds=200)
        with pytest.raises(ExpiredError):
            await site.verify(token)
        async with ann.web.get(f"{site.url}/auth/logout", allow_redirects=False) as answer:
            assert answer.status == 400
            assert (await answer.text()).startswith("Failed to retrieve ArgoCD auth token: ")


async def test_a_login_through_dex_behind_us() -> None:
    async with with_dex() as site, person("ann") as ann:
        claims, _ = await site.verify(await ann.log_in(site.url))
        assert claims["iss"] == f"{site.url}/api/dex"
        assert claims["aud"] == "argo-cd"
        assert claims["federated_claims"]["user_id"] == "ann@connector"


async def test_without_sso_there_is_nothing_to_log_in_at() -> None:
    from tests.adapters.oidc.running import site as serving

    async with serving({}) as site, aiohttp.ClientSession() as web:
        for path in ("/auth/login", "/auth/callback?code=x", "/api/dex/auth"):
            async with web.get(f"{site.url}{path}", allow_redirects=False) as answer:
                assert answer.status == 404
        with pytest.raises(ApiError, match="SSO is not configured"):
            await site.verify("a.b.c")


async def test_a_person_logs_in_and_out_in_chromium() -> None:
    async with with_dex() as site, browser() as page:
        await page.do(
            "goto",
            f"{site.url}/auth/login?return_url={site.url}/api/dex/.well-known/openid-configuration",
        )
        assert urlsplit(await page.do("url")).path.startswith("/api/dex/interaction/")
        await page.do("fill", "input[name=login]", "ann")
        await page.do("fill", "input[name=password]", "any")
        await page.do("click", "button[type=submit]")
        await page.do("wait", "**/.well-known/openid-configuration")
        cookies = {one["name"]: one for one in await page.do("cookies")}
        assert cookies["argocd.token"]["httpOnly"]
        assert cookies["argocd.token"]["sameSite"] == "Lax"
        assert "argocd.oauthstate" not in cookies
        claims, _ = await site.verify(cookies["argocd.token"]["value"])
        assert claims["groups"] == ["ann-team"]
        await page.do("goto", f"{site.url}/auth/logout")
        assert "argocd.token" not in {one["name"] for one in await page.do("cookies")}
