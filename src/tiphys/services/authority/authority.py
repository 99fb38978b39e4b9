"""A small authority of our own: it lets the controller and the render process know each other.

Its key is in a Secret that only the control plane reads. The render process gets what is its own
in other Secrets, which are mounted: the certificate that it shows, the authority that it believes
of its callers, and the key by which it seals what it caches.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from tiphys.model.certificates import KeyPair
from tiphys.model.errors import ConflictError, ObjectExistsError, ObjectNotFoundError
from tiphys.model.live import PatchKind
from tiphys.model.names import LABEL_PART_OF, MANAGER_APPLICATION_CONTROLLER
from tiphys.model.repository import Confidential
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.authority.ports import Issuer
from tiphys.services.live.ports import KubeReader, KubeWriter

AUTHORITY: Final = "tiphys-authority"
SERVER: Final = "argocd-repo-server-tls"
CALLERS: Final = "tiphys-repo-server"
CALLERS_CA: Final = "client-ca.crt"
CACHE_KEY: Final = "cache.key"

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_SECRETS = ApiResource("", "v1", "Secret", "secrets", True, _VERBS)
_AUTHORITY_LASTS = timedelta(days=3650)
_CERTIFICATE_LASTS = timedelta(days=90)
_RENEWED_BEFORE = timedelta(days=30)
_TRIES = 5

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller of the render process needs: `ca` is who may have made its certificate."""

    ca: str
    client: KeyPair
    cache_key: Confidential


@dataclass(frozen=True, slots=True)
class Identity:
    """What a process of the control plane shows to the others, and by whose word it knows them."""

    ca: str
    pair: KeyPair


class Authority:
    """`ensure` may be called by several at once, and again whenever: it changes only what has to
    be. Raises KubeError; ValueError where a Secret of ours holds what nobody can read.
    """

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        issuer: Issuer,
        namespace: str,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._issuer = issuer
        self._namespace = namespace
        self._now = now

    async def ensure(self) -> Credentials:
        """Makes what is missing and renews what ends soon; a certificate that somebody else put
        there for the render process stays.
        """
        root = await self._kept(AUTHORITY, self._root)
        pair = KeyPair(root["tls.crt"], Confidential(root["tls.key"]))
        server = await self._kept(SERVER, lambda held: self._server(pair, held))
        callers = await self._kept(CALLERS, lambda held: self._callers(pair, held))
        client = self._issue(pair, ["argocd-application-controller"], client=True)
        foreign = not self._issuer.issued_by(server["tls.crt"], pair.certificate)
        # Who brings a certificate of their own says in the same Secret whom to believe for it.
        ca = server.get("ca.crt") or server["tls.crt"] if foreign else pair.certificate
        return Credentials(ca, client, Confidential(callers[CACHE_KEY]))

    async def server(self, name: str) -> Identity:
        """For a process that others of the control plane call by this name; kept nowhere."""
        root = await self._made_root()
        names = [*self._names(name), "127.0.0.1"]
        return Identity(root.certificate, self._issue(root, names, client=False))

    async def client(self, name: str) -> Identity:
        """For a process of this name that calls others; kept nowhere."""
        root = await self._made_root()
        return Identity(root.certificate, self._issue(root, [name], client=True))

    async def _made_root(self) -> KeyPair:
        root = await self._kept(AUTHORITY, self._root)
        return KeyPair(root["tls.crt"], Confidential(root["tls.key"]))

    def _names(self, name: str) -> list[str]:
        space = self._namespace
        return [name, f"{name}.{space}", f"{name}.{space}.svc", "localhost"]

    def _root(self, held: Mapping[str, str]) -> Mapping[str, str]:
        if held.get("tls.crt") and held.get("tls.key"):
            return held
        made = self._issuer.authority("tiphys authority", now=self._now(), lasts=_AUTHORITY_LASTS)
        return {**held, "tls.crt": made.certificate, "tls.key": made.key}

    def _server(self, root: KeyPair, held: Mapping[str, str]) -> Mapping[str, str]:
        present = held.get("tls.crt", "")
        if present and held.get("tls.key"):
            # One of an authority of ours that is gone by now names us as its maker all the same.
            made_here = held.get("ca.crt", "") == root.certificate
            ours = made_here or self._issuer.issued_by(present, root.certificate)
            if not ours or not self._ends_soon(present):
                return held
        made = self._issue(root, self._names("argocd-repo-server"), client=False)
        return {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": root.certificate}

    def _callers(self, root: KeyPair, held: Mapping[str, str]) -> Mapping[str, str]:
        return {
            **held,
            CALLERS_CA: root.certificate,
            CACHE_KEY: held.get(CACHE_KEY) or secrets.token_hex(32),
        }

    def _issue(self, root: KeyPair, names: list[str], *, client: bool) -> KeyPair:
        return self._issuer.issue(
            root, names, client=client, now=self._now(), lasts=_CERTIFICATE_LASTS
        )

    def _ends_soon(self, certificate: str) -> bool:
        try:
            return self._issuer.until(certificate) - self._now() < _RENEWED_BEFORE
        except ValueError:
            return True

    # -- Secrets ------------------------------------------------------------------------------

    async def _kept(
        self, name: str, wanted: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> Mapping[str, str]:
        """The Secret's texts, made what they should be; all who try end with the same ones."""
        for _ in range(_TRIES):
            stored = await self._stored(name)
            held = {} if stored is None else _texts(stored)
            texts = wanted(held)
            if stored is not None and texts == held:
                return held
            try:
                await self._write(name, stored, texts)
            except (ConflictError, ObjectExistsError, ObjectNotFoundError):
                # Somebody else was faster: what they wrote counts.
                continue
            log.info("wrote what the render process is known by", secret=name)
            return texts
        raise ConflictError(f"Secret {name} is changed by others all the time")

    async def _stored(self, name: str) -> Manifest | None:
        try:
            return await self._reader.get(_SECRETS, self._namespace, name)
        except ObjectNotFoundError:
            return None

    async def _write(self, name: str, stored: Manifest | None, texts: Mapping[str, str]) -> None:
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        if stored is None:
            manifest = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": self._namespace,
                    "labels": {LABEL_PART_OF: "argocd"},
                },
                "type": "Opaque",
                "data": data,
            }
            await self._writer.create(_SECRETS, manifest, manager=MANAGER_APPLICATION_CONTROLLER)
            return
        version = stored["metadata"]["resourceVersion"]
        await self._writer.patch(
            _SECRETS,
            self._namespace,
            name,
            PatchKind.MERGE,
            {"metadata": {"resourceVersion": version}, "data": data},
            manager=MANAGER_APPLICATION_CONTROLLER,
        )


def _texts(secret: Manifest) -> Mapping[str, str]:
    """What is no text is left out, and made anew where it is needed."""
    found = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found
