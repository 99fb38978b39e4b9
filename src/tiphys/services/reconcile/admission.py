"""Whether an application may be compared and synced at all, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from tiphys.core.app.conditions import Condition
from tiphys.core.app.operation import misasked
from tiphys.core.app.spec import project_name, sources_of
from tiphys.core.app.validate import Place, invalid
from tiphys.model.application import Application, SyncOperation
from tiphys.model.errors import ManifestDecodeError
from tiphys.model.status import ConditionType
from tiphys.services.projects.rules import ProjectRules


class Admission:
    """`repositories` says what the Secrets of a repository ask for that this version does not
    do, by URL and project.
    """

    def __init__(self, rules: ProjectRules, repositories: Callable[[str, str], list[str]]) -> None:
        self._rules = rules
        self._repositories = repositories

    def refused(self, app: Application, sync: SyncOperation | None = None) -> list[Condition]:
        """Empty where nothing speaks against it; `sync` is the operation to be run, if any."""
        spec = app.spec
        if sync is not None:
            if problems := misasked(spec, sync):
                return [_error(problem) for problem in problems]
            if sync.sources or sync.source is not None:
                # What is deployed may be what the history says, and that has to be permitted.
                spec = replace(spec, source=sync.source, sources=sync.sources)
        try:
            project = self._rules.of(app)
        except ManifestDecodeError as error:
            name = project_name(spec)
            text = f"project '{name}' cannot be read: {error}"
            return [Condition(ConditionType.UNKNOWN_ERROR, text)]
        place = Place(app.name, app.namespace, self._rules.control_plane)
        found = invalid(spec, project, place, self._rules.resolved(spec.destination))
        if found:
            return found
        urls = dict.fromkeys(source.repo_url for source in sources_of(spec))
        project_of = project_name(spec)
        return [_error(text) for url in urls for text in self._repositories(url, project_of)]


def _error(message: str) -> Condition:
    return Condition(ConditionType.INVALID_SPEC_ERROR, message)
