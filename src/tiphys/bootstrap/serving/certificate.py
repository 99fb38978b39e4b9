"""The certificate that the API's port shows: somebody's, or one made here; renewed as it is."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from tiphys.bootstrap.following import SECRETS, Following, listed
from tiphys.bootstrap.showing import show
from tiphys.model.certificates import KeyPair
from tiphys.model.errors import ConflictError, KubeError
from tiphys.model.live import PatchKind
from tiphys.model.repository import Confidential
from tiphys.services.access.book import MANAGER
from tiphys.services.reconcile.named import NamedObjects

if TYPE_CHECKING:
    from tiphys.bootstrap.serving.ground import Followed
    from tiphys.model.resource import Manifest

log = structlog.get_logger()

GIVEN = "argocd-server-tls"
MADE = "argocd-secret"
_YEAR = timedelta(days=365)
_ALPN = ["http/1.1", "h2"]
"""In this order: browsers are told HTTP/1.1, and clients that know only h2 get that."""
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class ServerCertificate:
    """`context` is for new connections. A Secret that cannot be used leaves what was before."""

    def __init__(
        self,
        given: NamedObjects,
        secrets: NamedObjects,
        oldest: ssl.TLSVersion,
        newest: ssl.TLSVersion,
    ) -> None:
        self._given = given
        self._secrets = secrets
        self._versions = (oldest, newest)
        self._seen: Manifest | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | None:
        """Read again where the Secret is another than before; None where there is none yet."""
        found = self._secret()
        if found is not None and found is not self._seen:
            self._seen = found
            try:
                self._context = _context(found, *self._versions)
            except (ssl.SSLError, ValueError, OSError):
                log.error("the certificate cannot be used", secret=_name(found))
        return self._context

    def is_there(self) -> bool:
        return self._secret() is not None

    def _secret(self) -> Manifest | None:
        for secret in (self._given.get(GIVEN), self._secrets.get(MADE)):
            if secret is not None and {"tls.crt", "tls.key"} <= (secret.get("data") or {}).keys():
                return secret
        return None


async def open_certificate(
    ground: Followed, oldest: ssl.TLSVersion, newest: ssl.TLSVersion
) -> Callable[[], ssl.SSLContext | None]:
    """Makes one where there is none. Raises KubeError."""
    from tiphys.adapters.kube import KubeClient

    given = NamedObjects()
    one = KubeClient(ground.transport, only=GIVEN)
    Following(one, ground.namespace, ground.stack).follow(SECRETS, given)
    await listed(given)
    found = ServerCertificate(given, ground.secrets, oldest, newest)
    if not found.is_there():
        await _make(ground)
        await _until(found.is_there)
    return found.context


async def _make(ground: Followed) -> None:
    from tiphys.adapters.certificates.selfsigned import self_signed

    pair = await asyncio.to_thread(
        self_signed, _hosts(ground.namespace), "Argo CD", now=ground.now(), lasts=_YEAR
    )
    for _ in range(5):
        stored = await ground.client.get(SECRETS, ground.namespace, MADE)
        if {"tls.crt", "tls.key"} <= (stored.get("data") or {}).keys():
            return
        try:
            await ground.client.patch(
                SECRETS,
                ground.namespace,
                MADE,
                PatchKind.MERGE,
                _patch(stored, pair),
                manager=MANAGER,
            )
        except ConflictError:
            continue
        log.info("made a certificate", secret=MADE)
        return
    raise KubeError(f"Secret {MADE} changes too often")


def _patch(stored: Manifest, pair: KeyPair) -> dict[str, object]:
    data = {"tls.crt": _encoded(pair.certificate), "tls.key": _encoded(pair.key)}
    version = (stored.get("metadata") or {}).get("resourceVersion")
    return {"metadata": {"resourceVersion": version}, "data": data}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _hosts(namespace: str) -> list[str]:
    name = f"argocd-server.{namespace}"
    return ["localhost", "argocd-server", name, f"{name}.svc", f"{name}.svc.cluster.local"]


async def _until(there: Callable[[], bool]) -> None:
    """What was written comes back as what is followed."""
    for _ in range(200):
        if there():
            return
        await asyncio.sleep(0.05)
    raise KubeError(f"Secret {MADE} was written, but is not seen: has it its label?")


def _context(secret: Manifest, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> ssl.SSLContext:
    """Raises ssl.SSLError and ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = oldest
    context.maximum_version = newest
    context.set_alpn_protocols(_ALPN)
    show(context, KeyPair(_text(secret, "tls.crt"), Confidential(_text(secret, "tls.key"))))
    return context


def _text(secret: Manifest, key: str) -> str:
    """Raises ValueError."""
    try:
        return base64.b64decode(secret["data"][key]).decode().strip() + "\n"
    except (binascii.Error, TypeError):
        raise ValueError(key) from None


def _name(secret: Manifest) -> str:
    return str((secret.get("metadata") or {}).get("name", ""))
