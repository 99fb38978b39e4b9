"""`render`: what a source would give, without a cluster."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cli.app.session import wiring, write
from tiphys.cli.app.specapply import apply_source_flags, asked
from tiphys.cli.app.specflags import SPEC_FLAGS
from tiphys.cli.app.specsource import literal_values
from tiphys.cli.command import Call, command
from tiphys.cli.documents import documents_of
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, texts, yes
from tiphys.cli.output import to_yaml
from tiphys.cli.progress import RENDERING, busy
from tiphys.cli.rendered import read_sets, write_files
from tiphys.model.application import Application
from tiphys.model.names import API_VERSION

if TYPE_CHECKING:
    from tiphys.core.app.asking import Asking
    from tiphys.services.applications import SourceCheck
    from tiphys.services.applications.values import LocalFiles
    from tiphys.services.render.around import Around, Looked

_OF_NO_SOURCE = re.compile(
    r"(allow-empty|auto-prune|self-heal|sync-|dest-|project|revision-history|dry-source|hydrate|env)"
)
_FLAGS = (
    *(flag for flag in SPEC_FLAGS if not _OF_NO_SOURCE.match(flag.name)),
    texts("api-versions", "An API version of the cluster that it is for; may be repeated"),
    text("chart", "The chart in the repository, the same as --helm-chart"),
    text("file", "Render the Applications in a file, a URL or, for -, standard input", "f"),
    text("kube-version", "The version of the cluster that it is for"),
    text(
        "local-repo-root", "What stands for the repository's root, that of a Git checkout if unset"
    ),
    text("name", "The application's name"),
    text("namespace", "The namespace that it goes to", default="default"),
    text("output-dir", "Write the manifests into this folder, each into a file of its own"),
    yes("reads", "Show what was read; without --output-dir, in place of the manifests"),
)


@command(
    "render",
    _FLAGS,
    usage="FOLDER | --repo URL --path PATH | --repo URL --chart CHART | -f FILE [FOLDER] [flags]",
    summary="Show what a source would give. No cluster is asked, and no credentials are known.",
)
def render(call: Call) -> None:
    given = (call.given("repo"), call.given("file"), bool(call.words))
    if len(call.words) > 1 or given not in _FORMS:
        call.help_and_fail()
    asyncio.run(_main(call))


_FORMS = ((True, False, False), (False, True, False), (False, False, True), (False, True, True))
"""--repo, --file, FOLDER: a folder stands for the repository of an Application, too."""


async def _main(call: Call) -> None:
    found = await _applications(call)
    async with wiring(call).sources() as sources:
        for application in found:
            async with busy(RENDERING):
                looked = await _render(call, sources, application)
            for warning in looked.warnings:
                print(f"Warning: {warning}", file=sys.stderr)
            _show(call, looked, application.name if len(found) > 1 else "")


async def _render(call: Call, sources: SourceCheck, application: Application) -> Looked:
    from tiphys.core.app.asking import asked_by_spec
    from tiphys.services.render.around import SourceError, named

    asking = asked_by_spec(application.spec)
    try:
        return await sources.render(asking, _around(call, application), _files(call, asking))
    except SourceError as error:
        raise named(asking, error) from None


def _around(call: Call, application: Application) -> Around:
    """Everything is permitted: nobody is asked what the project permits."""
    from tiphys.core.app.spec import project_name
    from tiphys.core.project import EffectiveProject
    from tiphys.core.source.environment import BuildContext
    from tiphys.model.appproject import AppProjectSpec
    from tiphys.model.names import ANNOTATION_GENERATE_PATHS
    from tiphys.services.render.around import Around

    project = project_name(application.spec)
    context = BuildContext(
        instance=application.name,
        namespace=application.spec.destination.namespace,
        project=project,
        kube_version=call.text("kube-version"),
        api_versions=call.texts("api-versions"),
    )
    open_to_all = EffectiveProject(project, AppProjectSpec(source_repos=("*",)))
    paths = application.metadata.annotations.get(ANNOTATION_GENERATE_PATHS, "")
    return Around(context, open_to_all, paths=paths)


def _files(call: Call, asking: Asking) -> LocalFiles | None:
    from tiphys.services.applications.values import LocalFiles

    if not call.words:
        return None
    folder = Path(call.words[0]).resolve()
    if not folder.is_dir():
        raise FatalError(f"{call.words[0]}: is not a folder")
    if call.given("file"):
        # It stands for a checkout, in which the Application says where it is.
        return LocalFiles(folder=str(folder), root=str(folder), include=("*",))
    path = asking.sources[0].path
    root = call.text("local-repo-root")
    return LocalFiles(
        folder=str(folder / path), root=str(Path(root).resolve() if root else _root(folder))
    )


def _root(folder: Path) -> Path:
    """The Git checkout around a folder; the folder itself where there is none."""
    around = (one for one in (folder, *folder.parents) if (one / ".git").exists())
    return next(around, folder)


async def _applications(call: Call) -> Sequence[Application]:
    literal = await literal_values(call)
    if not call.given("file"):
        return [Application(_described(call, literal))]
    place = call.text("file")
    documents = await documents_of(call, place)
    found = [Application(one) for one in documents if one.get("kind") == "Application"]
    if not found or not all(one.name for one in found):
        raise FatalError(f"{place}: holds no Application with a name")
    return [_changed(call, one, literal) for one in found]


def _described(call: Call, literal: Mapping[str, Any] | None) -> Mapping[str, Any]:
    source = apply_source_flags(call, {}, literal=literal)
    if call.given("chart"):
        source["chart"] = call.text("chart")
    name = Path(source.get("chart") or source.get("path") or "").name
    if call.words:
        folder = Path(call.words[0]).resolve()
        name = name or folder.name
        source["repoURL"] = folder.as_uri()
    source.setdefault("path", "" if source.get("chart") else ".")
    destination = {"namespace": call.text("namespace")}
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": {"name": call.text("name") or name or "app"},
        "spec": {"project": "default", "source": source, "destination": destination},
    }


def _changed(
    call: Call, application: Application, literal: Mapping[str, Any] | None
) -> Application:
    """Flags change the only source of an Application."""
    if not asked(call) and not call.given("chart"):
        return application
    if application.spec.sources:
        raise FatalError(
            f"application {application.name} has several sources: flags cannot change them"
        )
    manifest = application.to_manifest()
    source = apply_source_flags(call, manifest["spec"].get("source") or {}, literal=literal)
    if call.given("chart"):
        source["chart"] = call.text("chart")
    return Application({**manifest, "spec": {**manifest["spec"], "source": source}})


def _show(call: Call, looked: Looked, application: str) -> None:
    folder = call.text("output-dir")
    if folder:
        write_files(Path(folder) / application, looked.manifests)
    if call.yes("reads"):
        write(to_yaml(read_sets(looked)))
    elif not folder:
        for manifest in looked.manifests:
            write(f"---\n{to_yaml(manifest)}")
