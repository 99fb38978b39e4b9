"""Which tokens are believed, and how a provider is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.adapters.oidc.forging import Forge, forging, new_key
from tests.adapters.oidc.running import Site, site
from tiphys.adapters.certificates import CertificateIssuer
from tiphys.adapters.oidc import OidcProvider
from tiphys.model.certificates import KeyPair
from tiphys.model.errors import (
    ApiError,
    ExpiredError,
    IdentityError,
    IdentityUnreachableError,
    TokenError,
)
from tiphys.model.identity import ProviderAccess
from tiphys.model.repository import Confidential

REFUSED = "failed to verify the token"


@asynccontextmanager
async def verifying(**config: Any) -> AsyncIterator[tuple[Forge, Site]]:
    async with forging() as forge:
        oidc = {"issuer": forge.issuer, "clientID": "web", "cliClientID": "cli", **config}
        async with site({"oidc.config": oidc}) as found:
            yield forge, found


@asynccontextmanager
async def asking(access: ProviderAccess, **ways: Any) -> AsyncIterator[OidcProvider]:
    provider = OidcProvider(access, **ways)
    try:
        yield provider
    finally:
        await provider.close()


async def test_tokens_for_us_are_believed() -> None:
    async with verifying() as (forge, ours):
        for audience in ("web", "cli", ["other", "web"]):
            claims, renewed = await ours.verify(forge.token(aud=audience))
            assert (claims["sub"], renewed) == ("ann", "")


async def test_the_clock_of_the_provider_may_differ_by_a_minute() -> None:
    now = int(time.time())
    good: list[dict[str, Any]] = [{"exp": now - 50}, {"iat": now + 50, "nbf": now + 50}]
    bad: list[dict[str, Any]] = [{"nbf": now + 70}, {"iat": now + 70}]
    async with verifying() as (forge, ours):
        for changes in good:
            assert (await ours.verify(forge.token(**changes)))[0]["sub"] == "ann"
        for changes in bad:
            with pytest.raises(ApiError, match=REFUSED):
                await ours.verify(forge.token(**changes))
        with pytest.raises(ExpiredError, match=REFUSED):
            await ours.verify(forge.token(exp=now - 70))


async def test_a_token_without_an_audience_is_believed_only_where_that_is_said() -> None:
    async with verifying() as (forge, ours):
        with pytest.raises(ApiError, match=REFUSED):
            await ours.verify(forge.token(aud=None))
    async with verifying(skipAudienceCheckWhenTokenHasNoAudience=True) as (forge, ours):
        assert (await ours.verify(forge.token(aud=None)))[0]["sub"] == "ann"
        with pytest.raises(ApiError, match=REFUSED):
            await ours.verify(forge.token(aud="other"))


async def test_allowed_audiences_stand_in_for_the_clients() -> None:
    async with verifying(allowedAudiences=["robots"]) as (forge, ours):
        assert (await ours.verify(forge.token(aud="robots")))[0]["aud"] == "robots"
        with pytest.raises(ApiError, match=REFUSED):
            await ours.verify(forge.token(aud="web"))


async def test_a_new_key_is_asked_for_and_an_old_one_goes() -> None:
    now = [0.0]
    async with (
        forging() as forge,
        asking(ProviderAccess(issuer=forge.issuer), clock=lambda: now[0]) as provider,
    ):
        old = forge.token()
        await provider.signed(old)
        forge.keys[:] = [new_key("two")]
        # Whoever makes up keys makes nobody ask again and again.
        for _ in range(3):
            with pytest.raises(TokenError):
                await provider.signed(forge.token())
        assert forge.asked.count("/keys") == 1
        now[0] = 6
        await provider.signed(forge.token())
        assert forge.asked.count("/keys") == 2
        with pytest.raises(TokenError):
            await provider.signed(old)


async def test_keys_outlast_a_provider_that_is_away_for_a_while() -> None:
    now = [0.0]
    async with (
        forging() as forge,
        asking(ProviderAccess(issuer=forge.issuer), clock=lambda: now[0]) as provider,
    ):
        token = forge.token()
        await provider.signed(token)
        forge.answers["/keys"] = (503, {})
        now[0] = 1_000
        assert (await provider.signed(token)).values["sub"] == "ann"
        now[0] = 10_000
        with pytest.raises(IdentityUnreachableError, match="503"):
            await provider.signed(token)


async def test_many_who_come_at_once_ask_once() -> None:
    async with forging() as forge, asking(ProviderAccess(issuer=forge.issuer)) as provider:
        token = forge.token()
        await asyncio.gather(*(provider.signed(token) for _ in range(20)))
        assert forge.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_keys_of_other_kinds_and_other_uses_are_passed_over() -> None:
    curve = ECKey.generate_key("P-256", {"kid": "curve"}, private=True)
    hidden = new_key("hidden")
    async with forging() as forge, asking(ProviderAccess(issuer=forge.issuer)) as provider:
        forge.keys += [curve]
        listed = [key.as_dict(private=False) for key in forge.keys]
        others = [
            {"kty": "new"},
            5,
            {"kty": "RSA"},
            {**hidden.as_dict(private=False), "use": "enc"},
        ]
        forge.answers["/keys"] = (200, {"keys": [*others, *listed]})
        token = forge.token(key=curve, algorithm="ES256")
        assert (await provider.signed(token)).values["sub"] == "ann"
        with pytest.raises(TokenError):
            await provider.signed(forge.token(key=hidden))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {"issuer": "https://evil"}), "another issuer"),
        ((200, []), "no object"),
        ((200, {}), "another issuer"),
        ((302, {}), "leads elsewhere"),
        ((400, {"error": "no", "error_description": "a\r\nb"}), r"answered 400 \(no: a  b\)"),
    ],
)
async def test_what_discovery_must_not_say(answer: Any, words: str) -> None:
    async with forging() as forge, asking(ProviderAccess(issuer=forge.issuer)) as provider:
        forge.answers["/.well-known/openid-configuration"] = answer
        with pytest.raises(IdentityError, match=words):
            await provider.metadata()


async def test_no_error_shows_a_secret() -> None:
    async with forging() as forge:
        access = ProviderAccess(
            issuer=forge.issuer, client_id="web", client_secret=Confidential("hunter2")
        )
        forge.answers["/token"] = (400, {"error": "invalid_grant"})
        async with asking(access) as provider:
            with pytest.raises(IdentityError, match="invalid_grant") as failed:
                await provider.exchange("the-code", redirect_uri="x", verifier="the-verifier")
        assert not {"hunter2", "the-code", "the-verifier"} & set(str(failed.value).split())
        assert "hunter2" not in repr(access)


def pair(folder: Path) -> tuple[KeyPair, tuple[Path, Path]]:
    """An authority, and the files of a certificate that it made for 127.0.0.1."""
    issuer, now = CertificateIssuer(), datetime.now(UTC)
    day = timedelta(days=1)
    authority = issuer.authority("ca", now=now, lasts=day)
    made = issuer.issue(authority, ["127.0.0.1"], client=False, now=now, lasts=day)
    files = folder / "tls.crt", folder / "tls.key"
    files[0].write_text(made.certificate)
    files[1].write_text(str(made.key))
    return authority, files


async def test_a_root_ca_is_believed_where_it_is_configured(tmp_path: Path) -> None:
    authority, files = pair(tmp_path)
    async with forging(files) as forge:
        access = ProviderAccess(issuer=forge.issuer, root_ca=authority.certificate)
        async with asking(access) as provider:
            assert (await provider.metadata()).issuer == forge.issuer
        async with asking(ProviderAccess(issuer=forge.issuer, root_ca="nonsense")) as provider:
            with pytest.raises(IdentityError, match="root CA"):
                await provider.metadata()
