"""All that is known of repositories at one moment, and how a URL is looked up in it.

A change makes another Known; what was handed out stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tiphys.core.repositories.opening import host_of, kind_of, opened, place_of, template_of
from tiphys.core.repositories.record import Record, SecretType, inheriting
from tiphys.core.repositories.secret import AnySecret, BrokenSecret
from tiphys.core.source.url import normal_form, without_user
from tiphys.model.errors import RepositoryError
from tiphys.model.repository import CredentialTemplate, Repository, RepositoryKind

_REMEMBERED = 20_000
"""Answers that are kept: URLs may come from anyone."""


@dataclass(frozen=True)
class Known:
    """Answers as the port Repositories does. `secrets` are by name; `certificates` are PEM texts by
    host; `known_hosts` is a file's text.

    Answers are remembered, so that asking again costs nothing.
    """

    secrets: Mapping[str, AnySecret] = field(default_factory=dict)
    certificates: Mapping[str, str] = field(default_factory=dict)
    known_hosts: str = ""
    _found: dict[tuple[str, str], Repository | str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def find(self, url: str, project: str) -> Repository:
        """Raises RepositoryError naming the Secret that cannot be read, and its key."""
        asked = (url, project)
        answer = self._found.get(asked)
        if answer is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            answer = self._found[asked] = self._answer(url, project)
        if isinstance(answer, str):
            raise RepositoryError(answer, url=without_user(url))
        return answer

    @property
    def remembered(self) -> int:
        return len(self._found)

    def opens_alike(self, other: Known, url: str, project: str) -> bool:
        """Whether both open this repository in the same way, or fail to in the same way."""
        return self._told(url, project) == other._told(url, project)

    def usable(self, project: str) -> tuple[Repository, ...]:
        """One a URL, that of the project before that of all; those that cannot be read are not
        among them.
        """
        secrets = {
            place: one
            for place, one in self._repositories.items()
            if place[1] == "" or place[1] == project
        }
        mine = [
            one
            for (url, of), one in secrets.items()
            if of == project or (url, project) not in secrets
        ]
        found = (self._opened(one) for one in mine)
        return tuple(one for one in found if isinstance(one, Repository))

    def templates(self) -> tuple[CredentialTemplate, ...]:
        """By URL, longest first; those that cannot be read are not among them."""
        return self._usable_templates

    @cached_property
    def _usable_templates(self) -> tuple[CredentialTemplate, ...]:
        found = []
        for length in self._lengths:
            for url, secret in self._templates.items():
                if len(url) != length or isinstance(secret, BrokenSecret):
                    continue
                kind = kind_of(secret.record)
                if kind is not None:
                    found.append(
                        template_of(secret.record, kind, self.certificates, self.known_hosts)
                    )
        return tuple(found)

    def template(self, url: str, *, write: bool = False) -> AnySecret | None:
        """The one with the longest URL that this one begins with; no boundary is looked for."""
        form = normal_form(url)
        templates = self._write_templates if write else self._templates
        for length in self._write_lengths if write else self._lengths:
            found = templates.get(form[:length])
            if found is not None and len(form) >= length:
                return found
        return None

    def secret(
        self, url: str, project: str, *, fallback: bool = False, write: bool = False
    ) -> AnySecret | None:
        """The Secret of a repository of this very project, or with `fallback` of all projects."""
        secrets = self._write_repositories if write else self._repositories
        found = secrets.get(place_of(url, project))
        if found is None and fallback:
            found = secrets.get(place_of(url, ""))
        return found

    def open(self, record: Record) -> Repository:
        """A record as it would be opened, templates considered. Raises RepositoryError."""
        answer = self._filled(record, "")
        if isinstance(answer, str):
            raise RepositoryError(answer, url=without_user(record.url))
        return answer

    def filled(self, record: Record) -> Record:
        """With what its template adds, where that can be read."""
        template = self.template(record.url)
        return inheriting(record, template.record if template is not None else None)

    def write_repositories(self) -> tuple[AnySecret, ...]:
        """Credentials to write with, as data for whoever pushes."""
        return tuple(self._write_repositories.values())

    def changed(
        self,
        *,
        secrets: Mapping[str, AnySecret] | None = None,
        certificates: Mapping[str, str] | None = None,
        known_hosts: str | None = None,
    ) -> Known:
        return Known(
            self.secrets if secrets is None else secrets,
            self.certificates if certificates is None else certificates,
            self.known_hosts if known_hosts is None else known_hosts,
        )

    # -- lookup ---------------------------------------------------------------------------------

    def _told(self, url: str, project: str) -> Repository | str:
        try:
            return self.find(url, project)
        except RepositoryError as error:
            return str(error)

    def _answer(self, url: str, project: str) -> Repository | str:
        secret = self.secret(url, project, fallback=True)
        if secret is None:
            return self._filled(Record(url=url.strip()), "")
        return self._opened(secret)

    def _opened(self, secret: AnySecret) -> Repository | str:
        if isinstance(secret, BrokenSecret):
            return secret.problem
        return self._filled(secret.record, secret.name)

    def _filled(self, record: Record, secret: str) -> Repository | str:
        """The repository, or what is wrong with the Secret that it comes from."""
        template = self.template(record.url)
        filled = inheriting(record, template.record if template is not None else None)
        if template is not None and filled.inherited and isinstance(template, BrokenSecret):
            return template.problem
        kind = kind_of(filled)
        if kind is None:
            named = secret if record.type or template is None else template.name
            return _unknown_type(named)
        return self._open(filled, kind)

    def _open(self, record: Record, kind: RepositoryKind) -> Repository:
        return opened(record, kind, self.certificates, self.known_hosts)

    # -- indexes --------------------------------------------------------------------------------

    @cached_property
    def _repositories(self) -> Mapping[tuple[str, str], AnySecret]:
        return self._placed(SecretType.REPOSITORY)

    @cached_property
    def _write_repositories(self) -> Mapping[tuple[str, str], AnySecret]:
        return self._placed(SecretType.REPOSITORY_WRITE)

    @cached_property
    def _templates(self) -> Mapping[str, AnySecret]:
        return self._prefixes(SecretType.TEMPLATE)

    @cached_property
    def _write_templates(self) -> Mapping[str, AnySecret]:
        return self._prefixes(SecretType.TEMPLATE_WRITE)

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return _lengths(self._templates)

    @cached_property
    def _write_lengths(self) -> tuple[int, ...]:
        return _lengths(self._write_templates)

    def _placed(self, kind: SecretType) -> Mapping[tuple[str, str], AnySecret]:
        found: dict[tuple[str, str], AnySecret] = {}
        for secret in self._of(kind):
            found.setdefault(place_of(secret.url, secret.project), secret)
        return found

    def _prefixes(self, kind: SecretType) -> Mapping[str, AnySecret]:
        found: dict[str, AnySecret] = {}
        for secret in self._of(kind):
            found.setdefault(normal_form(secret.url), secret)
        return found

    def _of(self, kind: SecretType) -> Iterable[AnySecret]:
        """By name, so that of two for one URL it is always the same that counts."""
        return (
            secret
            for _, secret in sorted(self.secrets.items())
            if secret.type is kind and normal_form(secret.url)
        )


def _lengths(urls: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted({len(url) for url in urls}, reverse=True))


def _unknown_type(secret: str) -> str:
    where = f"Secret {secret}: key type" if secret else "its type"
    return f"{where} is none of git, helm and oci"


def by_host(data: Mapping[str, str]) -> dict[str, str]:
    """The ConfigMap of certificates, by lower-case host."""
    return {host_of(host): text for host, text in sorted(data.items()) if text.strip()}
