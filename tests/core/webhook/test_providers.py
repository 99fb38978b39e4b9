"""Who claims a delivery, and who is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from tiphys.core.webhook.errors import RefusedError, UnauthorizedError, UnknownEventError
from tiphys.core.webhook.providers import (
    Headers,
    Provider,
    WebhookSecrets,
    claim,
    secrets_of,
    verify,
)
from tiphys.model.repository import Confidential

BODY = b'{"a": 1}'
NONE = WebhookSecrets()
WORD = Confidential("wørd")


def signed(word: str = WORD, body: bytes = BODY) -> str:
    return hmac.new(word.encode(), body, hashlib.sha256).hexdigest()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "provider"),
    [
        ({"x-vss-activityid": "", "x-gogs-event": "push"}, Provider.AZURE_DEVOPS),
        # Gogs and Gitea call themselves GitHub as well.
        ({"x-gogs-event": "push", "x-github-event": "push"}, Provider.GOGS),
        ({"x-github-event": "push"}, Provider.GITHUB),
        ({"x-github-event": ""}, Provider.GITHUB),
        ({"x-gitlab-event": "Push Hook", "x-hook-uuid": "1"}, Provider.GITLAB),
        ({"x-hook-uuid": "1", "x-event-key": "repo:push"}, Provider.BITBUCKET),
        ({"x-event-key": "repo:refs_changed"}, Provider.BITBUCKET_SERVER),
        ({"x-github-event": "package"}, Provider.GHCR),
        ({"x-github-event": "package", "x-event-key": "x"}, Provider.BITBUCKET_SERVER),
        ({"authorization": "wørd"}, Provider.HARBOR),
    ],
)
def test_the_first_that_claims_it_decides(headers: Headers, provider: Provider) -> None:
    assert claim(headers, WebhookSecrets(harbor=WORD)) is provider


@pytest.mark.parametrize(
    ("headers", "secrets"),
    [
        ({}, NONE),
        ({"authorization": ""}, NONE),
        ({"authorization": "x"}, WebhookSecrets(harbor=WORD)),
    ],
)
def test_nobody_claims_it(headers: Headers, secrets: WebhookSecrets) -> None:
    with pytest.raises(UnknownEventError):
        claim(headers, secrets)


@pytest.mark.parametrize("provider", Provider)
def test_without_a_secret_all_are_believed(provider: Provider) -> None:
    verify(provider, {}, BODY, NONE)


SECRETS = secrets_of(
    {
        "webhook.github.secret": "wørd",
        "webhook.gitlab.secret": "wørd",
        "webhook.bitbucket.uuid": "wørd",
        "webhook.bitbucketserver.secret": "wørd",
        "webhook.gogs.secret": "wørd",
        "webhook.azuredevops.username": "ada",
        "webhook.azuredevops.password": "wø:rd",
        "webhook.harbor.secret": "wørd",
        "server.secretkey": "other",
    }
)


@pytest.mark.parametrize(
    ("provider", "headers"),
    [
        (Provider.AZURE_DEVOPS, {"authorization": basic("ada:wø:rd")}),
        (Provider.GOGS, {"x-gogs-signature": signed()}),
        (Provider.GITHUB, {"x-hub-signature-256": f"sha256={signed()}"}),
        (Provider.GITLAB, {"x-gitlab-token": "wørd"}),
        (Provider.BITBUCKET, {"x-hook-uuid": "wørd"}),
        (Provider.BITBUCKET_SERVER, {"x-hub-signature": f"sha256={signed()}"}),
        (Provider.GHCR, {"x-hub-signature-256": f"sha256={signed()}"}),
        (Provider.HARBOR, {"authorization": "wørd"}),
    ],
)
def test_who_knows_the_secret_is_believed(provider: Provider, headers: Headers) -> None:
    verify(provider, headers, BODY, SECRETS)


WRONG = [
    (Provider.AZURE_DEVOPS, {"authorization": basic("ada:word")}),
    (Provider.AZURE_DEVOPS, {"authorization": basic("bob:wø:rd")}),
    (Provider.AZURE_DEVOPS, {"authorization": basic("ada")}),
    (Provider.AZURE_DEVOPS, {"authorization": "Bearer x"}),
    (Provider.AZURE_DEVOPS, {"authorization": "Basic %"}),
    (Provider.AZURE_DEVOPS, {"authorization": "Basic " + base64.b64encode(b"\xff").decode()}),
    (Provider.AZURE_DEVOPS, {}),
    (Provider.GOGS, {"x-gogs-signature": signed("word")}),
    (Provider.GOGS, {}),
    (Provider.GITHUB, {"x-hub-signature-256": signed()}),
    (Provider.GITHUB, {"x-hub-signature-256": f"sha256={signed(body=b'{}')}"}),
    # SHA-1 is no proof any more.
    (Provider.GITHUB, {"x-hub-signature": "sha1=" + "0" * 40}),
    (Provider.GITHUB, {}),
    (Provider.GITLAB, {"x-gitlab-token": "wør"}),
    (Provider.GITLAB, {}),
    (Provider.BITBUCKET, {"x-hook-uuid": "word"}),
    (Provider.BITBUCKET_SERVER, {"x-hub-signature": signed()}),
    (Provider.BITBUCKET_SERVER, {}),
]


@pytest.mark.parametrize(("provider", "headers"), WRONG)
def test_who_does_not_is_not(provider: Provider, headers: Headers) -> None:
    with pytest.raises(RefusedError) as refused:
        verify(provider, headers, BODY, SECRETS)
    assert "wørd" not in str(refused.value)


@pytest.mark.parametrize("headers", [{}, {"x-hub-signature-256": "sha256=0"}])
def test_a_registry_is_told_that_it_is_not_authorised(headers: Headers) -> None:
    with pytest.raises(UnauthorizedError):
        verify(Provider.GHCR, headers, BODY, SECRETS)


def test_one_of_two_names_is_asked_for_too() -> None:
    only = WebhookSecrets(azure_username=Confidential("ada"))
    verify(Provider.AZURE_DEVOPS, {"authorization": basic("ada:")}, BODY, only)
    with pytest.raises(RefusedError):
        verify(Provider.AZURE_DEVOPS, {"authorization": basic("ada:x")}, BODY, only)


def test_no_secret_shows() -> None:
    assert "wørd" not in repr(SECRETS)
