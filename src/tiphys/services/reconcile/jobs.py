"""What is asked of renderers for an application: a job for each source, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tiphys.core.app.asking import Asking
from tiphys.core.app.spec import project_name
from tiphys.core.manifest.tracking import instance_name
from tiphys.core.project import EffectiveProject
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.integrity import policy_for
from tiphys.core.source.places import place_of
from tiphys.model.application import Application
from tiphys.model.integrity import IntegrityMode
from tiphys.model.names import ANNOTATION_GENERATE_PATHS
from tiphys.model.repository import Place
from tiphys.model.source import ApplicationSource
from tiphys.services.clusters.ports import Clusters, ClusterView
from tiphys.services.clusters.reaching import view_of
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.render.job import RenderJob, Surroundings, ToolSettings
from tiphys.services.render.several import jobs_of, surroundings_of
from tiphys.services.repositories.ports import Repositories


class RenderJobs:
    """`tools` are the present settings of tools. What surrounds the sources of a project is put
    together once, until its rules or the settings change.
    """

    def __init__(
        self,
        repositories: Repositories,
        rules: ProjectRules,
        clusters: Clusters,
        tools: Callable[[], ToolSettings],
        *,
        namespace: str,
    ) -> None:
        self._repositories = repositories
        self._rules = rules
        self._clusters = clusters
        self._tools = tools
        self._namespace = namespace
        self._known: dict[str, tuple[EffectiveProject, ToolSettings, Surroundings]] = {}

    def instance(self, app: Application) -> str:
        return instance_name(app.namespace, app.name, self._namespace)

    def place(self, app: Application, source: ApplicationSource) -> Place:
        """Raises RepositoryError."""
        repository = self._repositories.find(source.repo_url, project_name(app.spec))
        return place_of(source, repository)

    def jobs(
        self,
        app: Application,
        asking: Asking,
        places: Sequence[Place],
        revisions: Sequence[str],
    ) -> list[RenderJob | None]:
        """As jobs_of. Raises DestinationError and ManifestDecodeError, too."""
        return jobs_of(
            asking,
            places,
            revisions,
            self._context(app),
            self._surroundings(app),
            paths=app.metadata.annotations.get(ANNOTATION_GENERATE_PATHS, ""),
        )

    def signed(self, app: Application, asking: Asking) -> bool:
        """Whether the project asks for signatures of any source. Raises RepositoryError."""
        project = self._rules.of(app)
        if project is None:
            return False
        policies = (policy_for(project.spec, source.repo_url) for source in asking.sources)
        return any(one is not None and one.mode is not IntegrityMode.NONE for one in policies)

    def view(self, app: Application) -> ClusterView:
        return view_of(self._clusters, app.spec.destination)

    def _context(self, app: Application) -> BuildContext:
        discovery = self.view(app).discovery
        return BuildContext(
            instance=self.instance(app),
            namespace=app.spec.destination.namespace,
            project=project_name(app.spec),
            kube_version=discovery.server_version,
            api_versions=tuple(discovery.versions()),
        )

    def _surroundings(self, app: Application) -> Surroundings:
        tools, project = self._tools(), self._rules.of(app)
        if project is None:
            return Surroundings(tools, source_repos=())
        known = self._known.get(project.name)
        if known is None or known[0] is not project or known[1] != tools:
            found = surroundings_of(project, tools, self._repositories)
            known = self._known[project.name] = (project, tools, found)
        return known[2]


def own_repositories(repositories: Repositories, project: str) -> Iterator[str]:
    """URLs of the repositories that belong to a project alone."""
    return (one.url for one in repositories.usable(project) if one.project == project)
