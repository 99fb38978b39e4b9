"""What goes into a renderer and what comes out of it, with what it read on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tiphys.model.repository import Repository
from tiphys.model.resource import Manifest

_USER: Final = re.compile(r"//[^/@\s]*@")
"""A user and a password in a URL."""


class ToolKind(StrEnum):
    """The tool that turns a source into manifests. Values are status.sourceType's."""

    DIRECTORY = "Directory"
    KUSTOMIZE = "Kustomize"
    HELM = "Helm"
    PLUGIN = "Plugin"


MOUNT: Final = "\x01"
"""Begins the name of a tree that stands beside the main one: `\\x01values/envs/prod.yaml` is a
file of the tree `values`. No path in a repository begins so.
"""


@dataclass(frozen=True, slots=True)
class JsonnetVariable:
    """`code`: the value is evaluated, otherwise it is a string."""

    name: str
    value: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """spec.source.directory. `libs` are import paths from the tree's root; `jsonnet` says whether
    files of that kind are evaluated at all.
    """

    recurse: bool = False
    include: str = ""
    exclude: str = ""
    disable_extension_filter: bool = False
    jsonnet: bool = True
    ext_vars: tuple[JsonnetVariable, ...] = ()
    tlas: tuple[JsonnetVariable, ...] = ()
    libs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KustomizeOptions:
    """A `kustomize build`. The edits of spec.source.kustomize are no part of it: they are made to
    the kustomization before, and reach the renderer as `RenderRequest.overlay`.

    `edits` is a hash of them, for two renders with other edits are two renders. `enable_helm`,
    `unrestricted_files` (`--load-restrictor LoadRestrictionsNone`) and `reorder` (`legacy`,
    `none`) are what is allowed of `kustomize.buildOptions`. `kube_version` and `api_versions` are
    what charts in it see.
    """

    edits: str = ""
    enable_helm: bool = False
    unrestricted_files: bool = False
    reorder: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HelmParameter:
    name: str
    value: str
    force_string: bool = False


@dataclass(frozen=True, slots=True)
class HelmOptions:
    """spec.source.helm with everything resolved that is not in the repository.

    `values` is YAML text, from values or valuesObject, and beats `value_files`; `parameters`
    beat both. Paths are relative to the application's path, to the repository's root when they
    begin with `/`, or to a tree beside it when they begin with MOUNT. One with a scheme is remote.
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


@dataclass(frozen=True, slots=True)
class PluginOptions:
    """spec.source.plugin, or, without a `name`, a plugin that is discovered. `environment` is all
    that its commands see of the application, in the contract's order and names. `root` is the
    folder that is sent to it, without what the globs of `exclude` match there.
    """

    name: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    root: str = ""
    exclude: tuple[str, ...] = ()


ToolOptions = DirectoryOptions | KustomizeOptions | HelmOptions | PluginOptions


class RemoteKind(StrEnum):
    """What lies outside of the trees of a source and is named in them."""

    TREE = "tree"
    """A folder in a Git repository, as a kustomization names it."""
    FILE = "file"
    """A file behind an http or https URL."""
    CHART = "chart"
    """A chart of a chart repository or registry: a dependency, or one that is inflated."""


@dataclass(frozen=True, slots=True)
class Remote:
    """`url` as it was written: of a chart it may also be `@name` or `alias:name`, and empty.

    `revision` is a Git revision, or the version or range of the chart `name`.
    """

    kind: RemoteKind
    url: str
    revision: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One source at one commit. `path` is relative to the tree's root, `` for the root itself.

    `application` names the application for logs only: it never changes what is rendered.
    `overlay` are files that stand in for those of the tree, by path. `mounts` says which tree
    beside the main one (its name, without MOUNT) is what a remote led to; the root of a file's
    tree holds just that file, under the name `content`. `repository` is where the source comes
    from: only plugins that ask for its credentials look at it.
    """

    path: str
    options: ToolOptions
    application: str = ""
    deadline_seconds: float = 90.0
    overlay: Mapping[str, bytes] = field(default_factory=dict)
    mounts: Mapping[Remote, str] = field(default_factory=dict)
    repository: Repository | None = None

    @property
    def tool(self) -> ToolKind:
        match self.options:
            case DirectoryOptions():
                return ToolKind.DIRECTORY
            case KustomizeOptions():
                return ToolKind.KUSTOMIZE
            case HelmOptions():
                return ToolKind.HELM
            case PluginOptions():
                return ToolKind.PLUGIN


@dataclass(frozen=True, slots=True)
class ReadSet:
    """Everything that a render looked at. Paths are relative to the tree's root, `` is the root.

    A render is still right for another commit when every file has the same blob, every listed
    folder the same tree, every absent path is still absent, and what was read of the cluster's
    capabilities is equal. `api_versions` holds the names that were asked for; None means that
    all of them were read. Paths in trees beside the main one begin with MOUNT; of what a remote
    led to nothing is listed here, since its digest stands for all of it.
    """

    files: frozenset[str] = frozenset()
    listings: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    kube_version: bool = False
    api_versions: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class RenderResult:
    """Manifests in the tool's order, Lists expanded, tracking not yet stamped.

    `warnings` are what their user should know: that a template asks for the time, for chance, or
    for what is live, and so never gives the same twice.
    """

    manifests: tuple[Manifest, ...]
    reads: ReadSet = field(default_factory=ReadSet)
    warnings: tuple[str, ...] = ()


class RemotesNeededError(Exception):
    """Not a failure: the source names what is not mounted yet. Whoever asked fetches it and asks
    again, with all that was mounted before.
    """

    def __init__(self, remotes: tuple[Remote, ...]) -> None:
        named = ", ".join(f"{one.kind} {one.name or one.url}" for one in remotes)
        super().__init__(_USER.sub("//", named))
        self.remotes = remotes


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
