"""What is to be rendered for an application: which sources, and each at which revision.

A pass asks for what the spec says, or stays with what was compared before; an operation may name
sources and revisions of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.core.app.spec import sources_of
from tiphys.core.source.revision import is_commit
from tiphys.model.appspec import ApplicationSpec
from tiphys.model.appstatus import ApplicationStatus
from tiphys.model.operation import SyncOperation, SyncOperationResult
from tiphys.model.source import ApplicationSource, no_source

_OCI = "oci://"
_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class Asking:
    """Sources in their order, with the revision of each as it is to be looked up.

    `several` says how the answer is stored: an application with a list of one source has several.
    """

    sources: tuple[ApplicationSource, ...]
    revisions: tuple[str, ...]
    several: bool

    @property
    def source(self) -> ApplicationSource:
        """The only one; the zero source where there may be several."""
        return no_source() if self.several else self.sources[0]

    @property
    def listed(self) -> tuple[ApplicationSource, ...]:
        """All where there may be several, else none: `source` says it then."""
        return self.sources if self.several else ()


def asked_by_spec(spec: ApplicationSpec) -> Asking:
    return _asking(sources_of(spec), (), several=bool(spec.sources))


def asked_before(spec: ApplicationSpec, status: ApplicationStatus) -> Asking:
    """The same sources where they were compared last; where that is not known, as they are now."""
    several = bool(spec.sources)
    sources = sources_of(spec)
    known = status.sync.revisions if several else (status.sync.revision,)
    if len(known) != len(sources):
        known = ()
    kept = tuple(
        revision if is_pinned(source, revision) else ""
        for source, revision in zip(sources, known, strict=False)
    )
    return _asking(sources, kept, several=several)


def asked_by_operation(
    spec: ApplicationSpec, sync: SyncOperation, result: SyncOperationResult | None
) -> Asking:
    """`result` is that of the attempt as far as it came: it stays with its revisions."""
    several = bool(sync.sources or (sync.source is None and spec.sources))
    sources = sync.sources or ((sync.source,) if sync.source else sources_of(spec))
    if several:
        return _asking(sources, (result and result.revisions) or sync.revisions, several=True)
    revision = (result and result.revision) or sync.revision
    return _asking(sources, (revision,), several=False)


def _asking(
    sources: tuple[ApplicationSource, ...], revisions: tuple[str, ...], *, several: bool
) -> Asking:
    named = dict(enumerate(revisions))
    asked = tuple(
        named.get(index) or source.target_revision for index, source in enumerate(sources)
    )
    return Asking(sources, asked, several)


def is_pinned(source: ApplicationSource, revision: str) -> bool:
    """Whether a revision that is known of a source needs no looking up."""
    if source.chart:
        return bool(revision)
    if source.repo_url.startswith(_OCI):
        return revision.startswith(_DIGEST)
    return is_commit(revision)


def is_rendered(source: ApplicationSource, *, several: bool) -> bool:
    """Of several, one without path and chart only lends its files to the others."""
    return not several or bool(source.path or source.chart)
