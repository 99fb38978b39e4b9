"""Charts and artefacts kept in memory: the fakes of two ports, run through the same tests as the
real adapters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from tests.fakes.git import FakeTree
from tiphys.core.source.semver import Constraint, Version
from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.repository import Repository


class FakeCharts:
    """Charts by repository and name. `failure` is raised by everything."""

    def __init__(self) -> None:
        self._charts: dict[tuple[str, str], dict[str, FakeTree]] = {}
        self.failure: Exception | None = None
        self.requests: Counter[str] = Counter()

    def publish(self, url: str, chart: str, version: str, files: Mapping[str, str]) -> str:
        """Gives the digest."""
        text = repr((url, chart, version, sorted(files.items())))
        digest = f"sha256:{sha256(text.encode()).hexdigest()}"
        versions = self._charts.setdefault((url, chart), {})
        versions[version] = FakeTree(digest, files)
        return digest

    async def versions(self, repository: Repository, chart: str) -> Sequence[str] | None:
        self.requests["versions"] += 1
        if self.failure is not None:
            raise self.failure
        found = self._charts.get((repository.url, chart))
        return None if found is None else tuple(found)

    async def tree(self, repository: Repository, chart: str, version: str) -> FakeTree:
        self.requests["tree"] += 1
        if self.failure is not None:
            raise self.failure
        found = self._charts.get((repository.url, chart), {})
        chosen = version if version in found else _greatest(found, version)
        if chosen is None:
            text = f"chart '{chart}' {version} not found"
            raise RevisionNotFoundError(text, url=repository.url)
        return found[chosen]


def _greatest(versions: Collection[str], asked: str) -> str | None:
    constraint = Constraint.parse(asked)
    parsed = [(Version.parse(text), text) for text in versions]
    allowed = [
        (one, text)
        for one, text in parsed
        if one is not None and constraint is not None and constraint.allows(one)
    ]
    return max(allowed)[1] if allowed else None


class FakeArtifacts:
    """Artefacts by repository and tag. `failure` is raised by everything."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}
        self._trees: dict[tuple[str, str], tuple[FakeTree, str]] = {}
        self.failure: Exception | None = None
        self.requests: Counter[str] = Counter()

    def push(self, url: str, tag: str, files: Mapping[str, str], media_type: str) -> str:
        """Gives the digest."""
        text = repr((url, tag, sorted(files.items()), media_type))
        digest = f"sha256:{sha256(text.encode()).hexdigest()}"
        self._tags.setdefault(url, {})[tag] = digest
        self._trees[url, digest] = (FakeTree(digest, files), media_type)
        return digest

    async def tags(self, repository: Repository) -> Sequence[str]:
        self.requests["tags"] += 1
        if self.failure is not None:
            raise self.failure
        if repository.url not in self._tags:
            raise RevisionNotFoundError("there is no such repository", url=repository.url)
        return tuple(self._tags[repository.url])

    async def digest(self, repository: Repository, reference: str) -> str | None:
        self.requests["digest"] += 1
        if self.failure is not None:
            raise self.failure
        if (repository.url, reference) in self._trees:
            return reference
        return self._tags.get(repository.url, {}).get(reference)

    async def tree(
        self, repository: Repository, digest: str, media_types: Collection[str]
    ) -> FakeTree:
        self.requests["tree"] += 1
        if self.failure is not None:
            raise self.failure
        if (repository.url, digest) not in self._trees:
            raise RevisionNotFoundError(f"there is no {digest}", url=repository.url)
        tree, media_type = self._trees[repository.url, digest]
        if media_types and media_type not in media_types:
            raise RepositoryError(
                f"oci layer media type {media_type} is not in the list of allowed media types",
                url=repository.url,
            )
        return tree
