"""The repositories of the control plane, kept up to date by watches.

What is known is one immutable value that each change replaces whole, so that whoever asks, on
whatever thread, sees one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from tiphys.core.repositories.known import Known, by_host
from tiphys.core.repositories.secret import AnySecret, BrokenSecret, read_secret
from tiphys.model.errors import RepositoryError
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.repository import CredentialTemplate, Repository
from tiphys.model.resource import ApiResource, Manifest

log = structlog.get_logger()

CERTIFICATES = "argocd-tls-certs-cm"
KNOWN_HOSTS = "argocd-ssh-known-hosts-cm"
KNOWN_HOSTS_KEY = "ssh_known_hosts"
KEYRING = "argocd-gpg-keys-cm"

Concerns = Callable[[str, str], bool]
"""Whether a repository, by URL and project, is opened otherwise than before."""


class KnownRepositories:
    """Implements Repositories. A sink of the watch of Secrets; `config_maps` is that of ConfigMaps.

    `listener` hears of each change, after it; `keys_listener` of other keys for signatures.
    `says`: Secrets that cannot be read are logged.
    """

    def __init__(self, *, says: bool = True) -> None:
        self._says = says
        self._known = Known()
        self._keyring: tuple[str, ...] = ()
        self.listener: Callable[[Concerns], None] = lambda _concerns: None
        self.keys_listener: Callable[[], None] = lambda: None
        self.listed = False
        self.config_maps = RepositoryConfigMaps(self)

    @property
    def known(self) -> Known:
        return self._known

    def find(self, url: str, project: str) -> Repository:
        return self._known.find(url, project)

    def usable(self, project: str) -> tuple[Repository, ...]:
        return self._known.usable(project)

    def templates(self) -> tuple[CredentialTemplate, ...]:
        return self._known.templates()

    @property
    def certificates(self) -> Mapping[str, str]:
        return self._known.certificates

    @property
    def known_hosts(self) -> str:
        return self._known.known_hosts

    def keyring(self) -> tuple[str, ...]:
        """The armoured keys that signatures are checked with, by their ids' order."""
        return self._keyring

    def problems(self, url: str, project: str) -> list[str]:
        """Why this repository cannot be opened; empty where it can."""
        try:
            self._known.find(url, project)
        except RepositoryError as error:
            return [str(error)]
        return []

    # -- the watch of Secrets -------------------------------------------------------------------

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        read = (read_secret(item) for item in objects.items)
        secrets = {secret.name: secret for secret in read if secret is not None}
        self.listed = True
        if secrets == self._known.secrets:
            return
        before = self._known.secrets
        for secret in secrets.values():
            self._say(secret, before.get(secret.name))
        self._swap(self._known.changed(secrets=secrets))

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        name = str(event.manifest["metadata"]["name"])
        gone = event.verb is WatchVerb.DELETED
        secret = None if gone else read_secret(event.manifest)
        before = self._known.secrets.get(name)
        if secret == before:
            return
        secrets = {key: one for key, one in self._known.secrets.items() if key != name}
        if secret is not None:
            self._say(secret, before)
            secrets[name] = secret
        self._swap(self._known.changed(secrets=secrets))

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """What is known stays good until the watch is back."""

    # -- the ConfigMaps -------------------------------------------------------------------------

    def trust(self, *, certificates: Mapping[str, str], known_hosts: str) -> None:
        """What is believed of the other side, as the ConfigMaps say it now."""
        known = self._known
        if (known.certificates, known.known_hosts) != (certificates, known_hosts):
            self._swap(known.changed(certificates=certificates, known_hosts=known_hosts))

    def trust_keys(self, keys: tuple[str, ...]) -> None:
        if keys != self._keyring:
            self._keyring = keys
            self.keys_listener()

    def _say(self, secret: AnySecret, before: AnySecret | None) -> None:
        if self._says and isinstance(secret, BrokenSecret) and secret != before:
            log.warning("a repository cannot be opened", problem=secret.problem)

    def _swap(self, known: Known) -> None:
        before, self._known = self._known, known
        self.listener(lambda url, project: not before.opens_alike(known, url, project))


class RepositoryConfigMaps:
    """A sink of the watch of the control plane's ConfigMaps, of which three say whom to believe."""

    def __init__(self, repositories: KnownRepositories) -> None:
        self._repositories = repositories
        self._data: dict[str, Mapping[str, str]] = {}

    def replaced(self, resource: ApiResource, objects: ObjectList) -> None:  # noqa: ARG002
        self._data = {}
        for item in objects.items:
            self._take(item)
        self._tell()

    def changed(self, resource: ApiResource, event: WatchEvent) -> None:  # noqa: ARG002
        if event.verb is WatchVerb.DELETED:
            self._data.pop(str(event.manifest["metadata"]["name"]), None)
        else:
            self._take(event.manifest)
        self._tell()

    def fares(self, resource: ApiResource, state: WatchState) -> None:
        """What is known stays good until the watch is back."""

    def _take(self, manifest: Manifest) -> None:
        name = str(manifest["metadata"]["name"])
        if name in (CERTIFICATES, KNOWN_HOSTS, KEYRING):
            self._data[name] = manifest.get("data") or {}

    def _tell(self) -> None:
        self._repositories.trust(
            certificates=by_host(self._data.get(CERTIFICATES, {})),
            known_hosts=self._data.get(KNOWN_HOSTS, {}).get(KNOWN_HOSTS_KEY, ""),
        )
        keys = sorted(self._data.get(KEYRING, {}).items())
        self._repositories.trust_keys(tuple(text for _, text in keys))
