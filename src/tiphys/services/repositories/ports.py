"""What services need to know of repositories: which there are, and what opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tiphys.model.openpgp import PublicKey
from tiphys.model.repository import CredentialTemplate, Repository


class Repositories(Protocol):
    """The repositories that the control plane knows, as immutable values of this moment."""

    def find(self, url: str, project: str) -> Repository:
        """The repository as an application of the project reads it: its project's own Secret, or
        that of all projects, with the credentials of the longest template where it has none. A URL
        that no Secret knows is a repository too. Raises RepositoryError naming the Secret that
        cannot be read, and its key.
        """
        ...

    def usable(self, project: str) -> tuple[Repository, ...]:
        """All that applications of a project may use beside their own: the project's, and those of
        all projects. Those that cannot be read are left out.
        """
        ...

    def templates(self) -> tuple[CredentialTemplate, ...]: ...

    @property
    def certificates(self) -> Mapping[str, str]:
        """PEM texts by host: whom to believe where no Secret speaks of the repository."""
        ...

    @property
    def known_hosts(self) -> str:
        """The same for SSH, as lines in the form of OpenSSH's file."""
        ...

    def keyring(self) -> tuple[str, ...]:
        """The armoured keys that signatures are checked with."""
        ...


class Probed(Protocol):
    """Indexes and registries of charts, and registries of artefacts. Raises RepositoryError."""

    async def probe(self, repository: Repository) -> None:
        """Whether it answers, and takes the login that the repository has."""
        ...


class Listed(Protocol):
    """Git repositories. Raises RepositoryError."""

    async def refs(self, repository: Repository) -> Mapping[str, str]: ...


class Connections(Protocol):
    """Tries repositories. Raises RepositoryError that names the step which failed."""

    async def test(self, repository: Repository) -> None: ...


class KeyReader(Protocol):
    """Reads OpenPGP public keys."""

    async def read(self, text: str) -> Sequence[PublicKey]:
        """The keys in an armoured text, each on its own. Raises SettingsError for what is none."""
        ...
