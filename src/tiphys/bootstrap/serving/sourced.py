"""Wires the methods that look into repositories, make links, or refuse what comes later."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.adapters.engine import EngineRenderer
from tiphys.api.handlers.contents import ContentHandlers
from tiphys.api.handlers.later import later
from tiphys.api.handlers.links import LinkHandlers
from tiphys.api.handlers.revisions import RevisionHandlers
from tiphys.bootstrap.fetching import Fetching
from tiphys.bootstrap.serving.live import tree_finder
from tiphys.bootstrap.serving.stored import deep_links
from tiphys.core.app.asking import Asking
from tiphys.core.manifest.images import container_images
from tiphys.core.source.environment import BuildContext
from tiphys.services.render.around import Around, SourceError
from tiphys.services.sources.contents import RepositoryContents

if TYPE_CHECKING:
    from tiphys.api.calls import Handlers
    from tiphys.bootstrap.serving.ground import ServerGround
    from tiphys.core.project import EffectiveProject
    from tiphys.model.source import ApplicationSource
    from tiphys.services.applications.access import AppAccess
    from tiphys.services.applications.ports import SourceCheck
    from tiphys.services.applications.service import Applications
    from tiphys.services.live.view import LiveView
    from tiphys.services.projects.rules import ProjectRules


def sourced_handlers(
    ground: ServerGround,
    view: LiveView,
    apps: AppAccess,
    applications: Applications,
    rules: ProjectRules,
    sources: SourceCheck,
) -> Handlers:
    """`applications` is the service over what the API server follows, `sources` renders."""
    contents = _contents(ground)

    async def images(source: ApplicationSource, project: EffectiveProject) -> Sequence[str]:
        asking = Asking((source,), (source.target_revision,), several=False)
        context = BuildContext(instance="", namespace="", project=project.name)
        around = Around(context, project, ground.settings().tools)
        try:
            looked = await sources.render(asking, around)
        except SourceError as error:
            raise error.error from None
        found = {image for one in looked.manifests for image in container_images(one, init=True)}
        return sorted(found)

    def url() -> str:
        data = (ground.config_maps.get("argocd-cm") or {}).get("data") or {}
        return str(data.get("url") or "")

    return {
        **later(),
        **LinkHandlers(
            apps,
            applications,
            tree_finder(view, applications, rules),
            rules,
            deep_links(ground),
            ground.projects.get,
            url,
        ).methods(),
        **ContentHandlers(
            contents,
            lambda: ground.repositories.known,
            ground.access,
            rules,
            ground.applications.get,
            ground.settings,
            images,
        ).methods(),
        **RevisionHandlers(apps, contents, lambda: ground.repositories).methods(),
    }


def _contents(ground: ServerGround) -> RepositoryContents:
    """What is fetched for callers is kept for as long as the process lives."""
    folder = tempfile.TemporaryDirectory(prefix="tiphys-")
    ground.stack.callback(folder.cleanup)
    fetching = Fetching(Path(folder.name), find=ground.repositories.find)
    ground.stack.push_async_callback(fetching.aclose)
    decoder = EngineRenderer()
    ground.stack.push_async_callback(decoder.close)
    return RepositoryContents(
        fetching.git,
        fetching.packages.charts,
        fetching.packages.artifacts,
        fetching.upstream,
        fetching.refs,
        decoder,
    )
