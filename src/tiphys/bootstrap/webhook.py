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
from tiphys.bootstrap.foundation import Foundation, now
from tiphys.core.webhook.providers import WebhookSecrets, secrets_of
from tiphys.model.resource import Manifest
from tiphys.services.reconcile.named import NamedObjects
from tiphys.services.reconcile.store import AppChange
from tiphys.services.webhook.handling import PushHandler
from tiphys.services.webhook.index import PushIndex
from tiphys.services.webhook.places import FollowedPlaces
from tiphys.services.webhook.receiving import WebhookReceiver
from tiphys.services.webhook.refreshing import Refreshes

_SECRET = "argocd-secret"  # noqa: S105 - a name


async def webhook_routes(ground: Foundation, places: FollowedPlaces) -> Sequence[BaseRoute]:
    """Answers when the secrets are known: before that anybody would be believed."""
    settings = ground.settings.present
    secrets = _Secrets(await ground.follow_secrets())
    handler = PushHandler(
        ground.store,
        _index(ground),
        places,
        Refreshes(ground.writer, APPLICATIONS, settings, now),
        ground.repositories,
        BitbucketCloud(),
        secrets=secrets.present,
        settings=settings,
    )
    receiver = WebhookReceiver(handler.handle, secrets=secrets.present, settings=settings)
    working = asyncio.create_task(receiver.run(), name="webhooks")
    ground.stack.callback(working.cancel)
    return [webhook_route(receiver)]


def _index(ground: Foundation) -> PushIndex:
    index = PushIndex()
    told = ground.store.listener

    def changed(change: AppChange) -> None:
        told(change)
        index.changed(change)

    ground.store.listener = changed
    for name in ground.store.names():
        index.follow(name, ground.store.get(name))
    return index


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
