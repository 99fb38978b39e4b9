"""What services need to know of repositories: which there are, and what opens them."""

from __future__ import annotations

from typing import Protocol

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
