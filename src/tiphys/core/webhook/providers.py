"""Who sent a delivery, and whether it proves that it knows the secret.

The first provider that claims a delivery by its headers decides: there is no second try.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from tiphys.core.webhook.errors import RefusedError, UnauthorizedError, UnknownEventError
from tiphys.model.repository import Confidential

Headers = Mapping[str, str]
"""By lower-case name."""

_NONE = Confidential("")


class Provider(Enum):
    """In the order in which they are asked."""

    AZURE_DEVOPS = "azuredevops"
    GOGS = "gogs"
    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    BITBUCKET_SERVER = "bitbucketserver"
    GHCR = "ghcr"
    HARBOR = "harbor"


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """Empty ones are not asked for. GHCR shares GitHub's; Harbor is nobody without one."""

    github: Confidential = _NONE
    gitlab: Confidential = _NONE
    bitbucket_uuid: Confidential = _NONE
    bitbucket_server: Confidential = _NONE
    gogs: Confidential = _NONE
    azure_username: Confidential = _NONE
    azure_password: Confidential = _NONE
    harbor: Confidential = _NONE


_KEYS = {
    "github": "webhook.github.secret",
    "gitlab": "webhook.gitlab.secret",
    "bitbucket_uuid": "webhook.bitbucket.uuid",
    "bitbucket_server": "webhook.bitbucketserver.secret",
    "gogs": "webhook.gogs.secret",
    "azure_username": "webhook.azuredevops.username",
    "azure_password": "webhook.azuredevops.password",
    "harbor": "webhook.harbor.secret",
}


def secrets_of(data: Mapping[str, str]) -> WebhookSecrets:
    """From the decoded data of argocd-secret."""
    return WebhookSecrets(**{name: Confidential(data.get(key, "")) for name, key in _KEYS.items()})


def claim(headers: Headers, secrets: WebhookSecrets) -> Provider:
    """Raises UnknownEventError where nobody knows the delivery."""
    event = headers.get("x-github-event")
    claims = {
        Provider.AZURE_DEVOPS: "x-vss-activityid" in headers,
        Provider.GOGS: "x-gogs-event" in headers,
        Provider.GITHUB: event is not None and event != "package",
        Provider.GITLAB: "x-gitlab-event" in headers,
        Provider.BITBUCKET: "x-hook-uuid" in headers,
        Provider.BITBUCKET_SERVER: "x-event-key" in headers,
        Provider.GHCR: event == "package",
        Provider.HARBOR: bool(secrets.harbor)
        and _equal(headers.get("authorization", ""), secrets.harbor),
    }
    for provider in Provider:
        if claims[provider]:
            return provider
    raise UnknownEventError("no provider claims it")


def verify(provider: Provider, headers: Headers, body: bytes, secrets: WebhookSecrets) -> None:
    """Raises RefusedError, and UnauthorizedError, where a configured secret is not proven."""
    match provider:
        case Provider.AZURE_DEVOPS:
            proven = _knows_login(headers, secrets)
        case Provider.GOGS:
            proven = _signed(headers.get("x-gogs-signature", ""), body, secrets.gogs)
        case Provider.GITHUB:
            proven = _signed_by_github(headers, body, secrets)
        case Provider.GITLAB:
            proven = _same(headers.get("x-gitlab-token", ""), secrets.gitlab)
        case Provider.BITBUCKET:
            proven = _same(headers.get("x-hook-uuid", ""), secrets.bitbucket_uuid)
        case Provider.BITBUCKET_SERVER:
            # The name of the algorithm stands before the digest: `sha256=`.
            signature = headers.get("x-hub-signature", "")[7:]
            proven = _signed(signature, body, secrets.bitbucket_server)
        case Provider.GHCR:
            if not _signed_by_github(headers, body, secrets):
                raise UnauthorizedError("the signature is missing or wrong")
            return
        case Provider.HARBOR:
            # That it knows the secret is what it was claimed by.
            return
        case _:
            assert_never(provider)
    if not proven:
        raise RefusedError("it does not prove that it knows the secret")


def _knows_login(headers: Headers, secrets: WebhookSecrets) -> bool:
    if not secrets.azure_username and not secrets.azure_password:
        return True
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        login = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    user, _, password = login.partition(":")
    # Both are compared in any case, so that the time tells nothing of the first.
    good = [_equal(user, secrets.azure_username), _equal(password, secrets.azure_password)]
    return all(good)


def _signed_by_github(headers: Headers, body: bytes, secrets: WebhookSecrets) -> bool:
    given = headers.get("x-hub-signature-256", "")
    signature = given.removeprefix("sha256=") if given.startswith("sha256=") else ""
    return _signed(signature, body, secrets.github)


def _signed(signature: str, body: bytes, secret: Confidential) -> bool:
    if not secret:
        return True
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _equal(signature.lower(), wanted)


def _same(given: str, secret: Confidential) -> bool:
    return not secret or _equal(given, secret)


def _equal(given: str, secret: str) -> bool:
    """In a time that tells nothing of how much is equal, nor of the secret's length."""
    hashed = (hashlib.sha256(one.encode("utf-8", "replace")).digest() for one in (given, secret))
    return hmac.compare_digest(*hashed)
