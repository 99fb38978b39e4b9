"""Wires the receiving edge: deliveries in, refreshes out."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute

from tiphys.adapters.bitbucket import BitbucketCloud
from tiphys.api.webhook import webhook_route
from tiphys.bootstrap.following import APPLICATIONS
from tiphys.bootstrap.foundation import now
from tiphys.bootstrap.serving.ground import Followed
from tiphys.core.webhook.providers import WebhookSecrets, secrets_of
from tiphys.model.resource import Manifest
from tiphys.services.reconcile.named import NamedObjects
from tiphys.services.webhook.catalogued import CataloguedApplications
from tiphys.services.webhook.handling import PushHandler
from tiphys.services.webhook.index import PushIndex
from tiphys.services.webhook.ports import PushedPlaces
from tiphys.services.webhook.receiving import WebhookReceiver
from tiphys.services.webhook.refreshing import Refreshes

_SECRET = "argocd-secret"  # noqa: S105 - a name


def webhook_routes(followed: Followed, places: PushedPlaces) -> Sequence[BaseRoute]:
    """`places` are those that this process follows, or another."""
    settings = followed.settings
    secrets = _Secrets(followed.secrets)
    index = PushIndex()
    handler = PushHandler(
        CataloguedApplications(followed.applications, followed.namespace, index),
        index,
        places,
        Refreshes(followed.client, APPLICATIONS, settings, now),
        followed.repositories,
        BitbucketCloud(),
        secrets=secrets.present,
        settings=settings,
    )
    receiver = WebhookReceiver(handler.handle, secrets=secrets.present, settings=settings)
    working = asyncio.create_task(receiver.run(), name="webhooks")
    followed.stack.callback(working.cancel)
    return [webhook_route(receiver)]


class _Secrets:
    """Those of argocd-secret as it is now."""

    def __init__(self, objects: NamedObjects) -> None:
        self._objects = objects
        self._read: tuple[Manifest | None, WebhookSecrets] = (None, WebhookSecrets())

    def present(self) -> WebhookSecrets:
        stored = self._objects.get(_SECRET)
        if stored is not self._read[0]:
            self._read = stored, secrets_of(_decoded((stored or {}).get("data") or {}))
        return self._read[1]


def _decoded(data: Mapping[str, str]) -> Mapping[str, str]:
    found = {}
    for key, value in data.items():
        try:
            found[key] = base64.b64decode(value).decode().strip()
        except (binascii.Error, ValueError):
            # Nobody can prove to know what is no text; so nobody is believed.
            found[key] = value
    return found
