"""The sources of an application as jobs: with the trees of one another, and what surrounds them.

Whoever renders for the cluster, for a command, or for nobody but a look, asks for the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from tiphys.core.app.asking import Asking, is_rendered
from tiphys.core.project import EffectiveProject, source_permitted
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.generatepaths import generate_paths
from tiphys.core.source.refs import RefTree, ref_sources
from tiphys.model.errors import RenderError, RepositoryError
from tiphys.model.repository import Place
from tiphys.services.render.around import SourceError
from tiphys.services.render.job import RenderJob, Signed, Surroundings, ToolSettings
from tiphys.services.render.service import Rendered
from tiphys.services.repositories.ports import Repositories

T = TypeVar("T")

_PATTERN = re.compile(r"[!*?\[{\\]")


def jobs_of(
    asking: Asking,
    places: Sequence[Place],
    revisions: Sequence[str],
    context: BuildContext,
    surroundings: Surroundings,
    *,
    paths: str = "",
) -> list[RenderJob | None]:
    """In the order of the sources, None for those of which nothing is rendered.

    `revisions` are resolved; `paths` is the annotation manifest-generate-paths. Raises RenderError
    for names of sources that are of no use.
    """
    refs = _refs(asking, places, revisions) if asking.several else {}
    return [
        RenderJob(
            source,
            place.repository,
            revision,
            context,
            refs,
            surroundings,
            generate_paths(paths, source.path) if paths else (),
        )
        if is_rendered(source, several=asking.several)
        else None
        for source, place, revision in zip(asking.sources, places, revisions, strict=True)
    ]


def surroundings_of(
    project: EffectiveProject, tools: ToolSettings, repositories: Repositories
) -> Surroundings:
    """Only repositories that the project permits. A template is only the beginning of URLs: what it
    opens is judged when it is named.
    """
    return Surroundings(
        tools,
        repositories=tuple(
            one for one in repositories.usable(project.name) if source_permitted(project, one.url)
        ),
        templates=tuple(
            one for one in repositories.templates() if one.like.project in ("", project.name)
        ),
        # A URL that looks like a pattern would permit more than itself.
        source_repos=(
            *project.spec.source_repos,
            *sorted(url for url in project.repositories if not _PATTERN.search(url)),
        ),
        certificates=repositories.certificates,
        known_hosts=repositories.known_hosts,
        signed=_signed(project, repositories),
    )


def _signed(project: EffectiveProject, repositories: Repositories) -> Signed:
    """The keys go along only where signatures are asked for."""
    keys, policies = project.spec.signature_keys, project.spec.source_integrity
    if not keys and policies is None:
        return Signed()
    return Signed(keys, policies, repositories.keyring())


async def side_by_side(works: Sequence[Awaitable[T]]) -> Sequence[T]:
    """What is asked of each source. Raises SourceError for the first that failed, in order."""
    if len(works) == 1:
        try:
            return (await works[0],)
        except (RepositoryError, RenderError) as error:
            raise SourceError(1, error) from None
    found = await asyncio.gather(*works, return_exceptions=True)
    done: list[T] = []
    for number, one in enumerate(found, 1):
        if isinstance(one, RepositoryError | RenderError):
            raise SourceError(number, one)
        if isinstance(one, BaseException):
            raise one
        done.append(one)
    return done


def warnings_of(rendered: Sequence[Rendered | None]) -> tuple[str, ...]:
    """Each once; of several sources with the number of the one that told it."""
    count = len(rendered)
    found = [
        f"source {number} of {count}: {text}" if count > 1 else text
        for number, one in enumerate(rendered, 1)
        for text in (one.warnings if one else ())
    ]
    return tuple(dict.fromkeys(found))


def problems_of(rendered: Sequence[Rendered | None]) -> tuple[str, ...]:
    """What speaks against the revisions, each once."""
    return tuple(dict.fromkeys(text for one in rendered if one for text in one.problems))


def _refs(
    asking: Asking, places: Sequence[Place], revisions: Sequence[str]
) -> Mapping[str, RefTree]:
    names = ref_sources(asking.sources)
    return {
        source.ref: RefTree(place.repository, revision, source.target_revision, source.chart)
        for source, place, revision in zip(asking.sources, places, revisions, strict=True)
        if source.ref in names
    }
