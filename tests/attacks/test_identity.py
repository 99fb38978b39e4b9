"""Logins and tokens that are not what they say, and pages that strangers write on.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off.
"""

from __future__ import annotations

import base64
import html
import secrets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
import orjson
import pytest

from tests.adapters.oidc.forging import Forge, forging
from tests.adapters.oidc.running import Site
from tests.adapters.oidc.running import site as serving
from tests.adapters.oidc.test_tokens import pair, verifying
from tiphys.adapters.oidc import keys, web
from tiphys.core.sso import claims, redirects
from tiphys.core.sso.flow import Pending
from tiphys.model.errors import ApiError
from tiphys.model.identity import SignedClaims
from tiphys.services.sso import login, verification
from tiphys.services.sso.sealing import Seals

Attack = Callable[[], Awaitable[None]]
Switch = Callable[[pytest.MonkeyPatch], object]


async def both_ways(attack: Attack, switch: Switch, patch: pytest.MonkeyPatch) -> None:
    await attack()
    with patch.context() as off:
        switch(off)
        with pytest.raises(AssertionError, match="the attack"):
            await attack()


async def refused(ours: Site, token: str) -> None:
    try:
        await ours.verify(token)
    except ApiError:
        return
    raise AssertionError("the attack got in")


TokenOf = Callable[[Forge], str]


def _no_audience(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "_check_audience", lambda *parts, **words: None)


def _no_claims(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verification, "check_claims", lambda *parts, **words: None)


def _any_algorithm(patch: pytest.MonkeyPatch) -> None:
    """As a reader does that lets the token say how it is to be checked."""

    def read(self: Any, token: str) -> Any:
        part = token.split(".")[1]
        return SignedClaims(orjson.loads(base64.urlsafe_b64decode(part + "==")))

    async def signed(self: Any, token: str) -> Any:
        return read(self, token)

    patch.setattr(keys.KeySet, "signed", signed)


FORGED: dict[str, tuple[TokenOf, Switch]] = {
    "CVE-2023-22482 another audience": (lambda forge: forge.token(aud="other"), _no_audience),
    "CVE-2022-29165 no audience": (lambda forge: forge.token(aud=None), _no_audience),
    "CVE-2022-29165 another issuer": (
        lambda forge: forge.token(iss="https://evil.example.org"),
        _no_claims,
    ),
    "CVE-2022-29165 our own issuer": (
        lambda forge: forge.token(iss="argocd", sub="admin"),
        _no_claims,
    ),
    "CVE-2022-29165 expired": (lambda forge: forge.token(exp=1_000_000), _no_claims),
    "CVE-2022-29165 never expires": (lambda forge: forge.token(exp=None), _no_claims),
    "CVE-2022-29165 alg none": (lambda forge: forge.unsigned(), _any_algorithm),
    "CVE-2022-29165 shared secret": (lambda forge: forge.shared_secret(), _any_algorithm),
}


@pytest.mark.parametrize("name", FORGED)
async def test_tokens_that_are_not_for_us(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forged, switch = FORGED[name]

    async def attack() -> None:
        async with verifying() as (forge, ours):
            await refused(ours, forged(forge))

    await both_ways(attack, switch, monkeypatch)


async def test_a_token_of_somebody_else_s_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async def attack() -> None:
        async with forging() as evil, verifying() as (forge, ours):
            evil.issuer = forge.issuer
            await refused(ours, evil.token())

    await both_ways(attack, _any_algorithm, monkeypatch)


async def test_cve_2022_31105_a_provider_with_a_bad_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, files = pair(tmp_path)

    async def attack() -> None:
        async with forging(files) as forge:
            oidc = {"issuer": forge.issuer, "clientID": "web"}
            async with serving({"oidc.config": oidc}) as ours:
                await refused(ours, forge.token())
            # Only who asks for it has it otherwise.
            told = {"oidc.config": oidc, "oidc.tls.insecure.skip.verify": "true"}
            async with serving(told) as ours:
                assert (await ours.verify(forge.token()))[0]["sub"] == "ann"

    def trusting(patch: pytest.MonkeyPatch) -> None:
        def context(access: Any) -> ssl.SSLContext:
            found = ssl.create_default_context()
            found.check_hostname = False
            found.verify_mode = ssl.CERT_NONE
            return found

        patch.setattr(web, "_context", context)

    await both_ways(attack, trusting, monkeypatch)


async def begun(ours: Site, client: aiohttp.ClientSession, back: str = "") -> dict[str, str]:
    """What a login asks of the provider."""
    url = f"{ours.url}/auth/login?return_url={quote(back, safe='')}"
    async with client.get(url, allow_redirects=False) as answer:
        assert answer.status == 303
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: texts[0] for name, texts in query.items()}


async def test_cve_2022_31034_states_and_verifiers_are_not_guessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        seen = []
        for _ in range(2):
            # A server that has just started draws nothing that another start has drawn.
            async with (
                verifying(enablePKCEAuthentication=True) as (_, ours),
                aiohttp.ClientSession() as client,
            ):
                asked = [await begun(ours, client) for _ in range(3)]
            seen += [(one["state"], one["code_challenge"]) for one in asked]
            assert all(len(one["state"]) == 24 for one in asked)
            assert {one["code_challenge_method"] for one in asked} == {"S256"}
        for at in (0, 1):
            assert len({one[at] for one in seen}) == 6, "the attack guesses"

    def seeded(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(secrets, "token_bytes", lambda count: bytes(range(count)))

    await both_ways(attack, seeded, monkeypatch)


async def test_cve_2021_26921_an_answer_to_another_s_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            verifying() as (forge, ours),
            aiohttp.ClientSession(cookie_jar=jar) as victim,
        ):
            forge.answers["/token"] = (200, {"id_token": forge.token(sub="mallory")})
            await begun(ours, victim)
            for state in ("", "x" * 24):
                url = f"{ours.url}/auth/callback?code=of-mallory&state={state}"
                async with victim.get(url, allow_redirects=False) as answer:
                    assert answer.status == 400, "the attack logged a victim in as another"

    await both_ways(
        attack, lambda patch: patch.setattr(login, "same_text", lambda *texts: True), monkeypatch
    )


async def test_a_made_up_cookie_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def attack() -> None:
        async with verifying() as (forge, ours), aiohttp.ClientSession() as client:
            forge.answers["/token"] = (200, {"id_token": forge.token()})
            made_up = b"s\nhttps://evil.example.org/\n".hex()
            url = f"{ours.url}/auth/callback?code=c&state=s"
            headers = {"Cookie": f"argocd.oauthstate={made_up}"}
            async with client.get(url, headers=headers, allow_redirects=False) as answer:
                assert answer.status == 400, "the attack began a login by itself"

    def unsealed(patch: pytest.MonkeyPatch) -> None:
        async def opened(self: Seals, data: bytes, place: str = "") -> bytes:
            return data

        patch.setattr(Seals, "opened", opened)
        patch.setattr(login, "may_return", lambda *parts: True)

    await both_ways(attack, unsealed, monkeypatch)


REDIRECTS = [
    "https://evil.example.org/",
    "//evil.example.org/",
    "javascript:alert(1)",
    "{url}@evil.example.org/",
    "{url}\\@evil.example.org/",
    "{url}.evil.example.org/",
    "{url}/a\r\nSet-Cookie: argocd.token=x",
    "{url}/a%0d%0aSet-Cookie:%20argocd.token=x",
]


@pytest.mark.parametrize("target", REDIRECTS)
async def test_cve_2022_24905_redirects_to_others(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attack() -> None:
        async with verifying() as (_, ours), aiohttp.ClientSession() as client:
            back = quote(target.replace("{url}", ours.url), safe="")
            url = f"{ours.url}/auth/login?return_url={back}"
            async with client.get(url, allow_redirects=False) as answer:
                assert answer.status == 400, "the attack leads away"
                assert (await answer.text()).strip() == redirects.INVALID_REDIRECT

    await both_ways(
        attack, lambda patch: patch.setattr(login, "may_return", lambda *parts: True), monkeypatch
    )


SCRIPT = "<script>alert(1)</script>"


async def test_cve_2022_31102_script_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the provider, so with the right state."""

    async def attack() -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        async with verifying() as (_, ours), aiohttp.ClientSession(cookie_jar=jar) as client:
            state = (await begun(ours, client))["state"]
            url = f"{ours.url}/auth/callback?error=no&error_description={SCRIPT}&state={state}"
            async with client.get(url) as answer:
                assert answer.status == 400
                assert answer.headers["Content-Type"].startswith("text/plain")
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                text = await answer.text()
                assert "no: &lt;script&gt;" in text, "the attack writes markup"

    await both_ways(
        attack, lambda patch: patch.setattr(html, "escape", lambda text: text), monkeypatch
    )


async def test_cve_2021_23347_a_stranger_s_words_on_our_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        async with verifying() as (_, ours), aiohttp.ClientSession() as client:
            for error in ("call_555", "access_denied", SCRIPT):
                url = (
                    f"{ours.url}/auth/callback?error={quote(error)}"
                    "&error_description=call+555+with+your+password&state=x"
                )
                async with client.get(url) as answer:
                    assert answer.status == 400
                    text = await answer.text()
                    assert "555" not in text, "the attack speaks for us"
                    assert "script" not in text, "the attack speaks for us"

    def talkative(patch: pytest.MonkeyPatch) -> None:
        async def pending(self: Any, query: Any, cookie: str) -> Any:
            return Pending(query["state"], "")

        patch.setattr(login.Logins, "_pending", pending)

    await both_ways(attack, talkative, monkeypatch)
