"""What goes into a renderer and what comes out of it, with what it read on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tiphys.model.resource import Manifest


class ToolKind(StrEnum):
    """The tool that turns a source into manifests. Values are status.sourceType's."""

    DIRECTORY = "Directory"
    KUSTOMIZE = "Kustomize"
    HELM = "Helm"


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """spec.source.directory."""

    recurse: bool = False
    include: str = ""
    exclude: str = ""
    disable_extension_filter: bool = False


@dataclass(frozen=True, slots=True)
class KustomizeOptions:
    """A plain `kustomize build`; spec.source.kustomize in its plain form says nothing more."""


@dataclass(frozen=True, slots=True)
class HelmParameter:
    name: str
    value: str
    force_string: bool = False


@dataclass(frozen=True, slots=True)
class HelmOptions:
    """spec.source.helm with everything resolved that is not in the repository.

    `values` is YAML text, from values or valuesObject, and beats `value_files`; `parameters`
    beat both. Paths are relative to the application's path, or to the repository's root when
    they begin with `/`.
    """

    release_name: str
    namespace: str
    value_files: tuple[str, ...] = ()
    ignore_missing_value_files: bool = False
    values: str = ""
    parameters: tuple[HelmParameter, ...] = ()
    file_parameters: tuple[tuple[str, str], ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


ToolOptions = DirectoryOptions | KustomizeOptions | HelmOptions


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One source at one commit. `path` is relative to the tree's root, `` for the root itself.

    `application` names the application for logs only: it never changes what is rendered.
    """

    path: str
    options: ToolOptions
    application: str = ""
    deadline_seconds: float = 90.0

    @property
    def tool(self) -> ToolKind:
        match self.options:
            case DirectoryOptions():
                return ToolKind.DIRECTORY
            case KustomizeOptions():
                return ToolKind.KUSTOMIZE
            case HelmOptions():
                return ToolKind.HELM


@dataclass(frozen=True, slots=True)
class ReadSet:
    """Everything that a render looked at. Paths are relative to the tree's root, `` is the root.

    A render is still right for another commit when every file has the same blob, every listed
    folder the same tree, every absent path is still absent, and what was read of the cluster's
    capabilities is equal. `api_versions` holds the names that were asked for; None means that
    all of them were read.
    """

    files: frozenset[str] = frozenset()
    listings: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    kube_version: bool = False
    api_versions: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class RenderResult:
    """Manifests in the tool's order, Lists expanded, tracking not yet stamped."""

    manifests: tuple[Manifest, ...]
    reads: ReadSet = field(default_factory=ReadSet)


class EntryKind(StrEnum):
    FILE = "file"
    LINK = "link"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a Git tree, links not followed.

    `data` is the content of a file, or the target of a link; `children` the names and kinds
    in a folder. `oid` is Git's: of the blob, or of the tree.
    """

    kind: EntryKind
    oid: str
    data: bytes = b""
    executable: bool = False
    children: Mapping[str, EntryKind] = field(default_factory=dict)
