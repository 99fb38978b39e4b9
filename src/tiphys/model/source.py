"""Where manifests come from: spec.source and everything in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import field

from tiphys.model.structs import Struct


class EnvEntry(Struct, frozen=True, kw_only=True):
    """An environment variable of a plugin."""

    name: str
    value: str


class HelmParameter(Struct, frozen=True, kw_only=True):
    name: str = ""
    value: str = ""
    force_string: bool = False


class HelmFileParameter(Struct, frozen=True, kw_only=True):
    name: str = ""
    path: str = ""


class ApplicationSourceHelm(Struct, frozen=True, kw_only=True):
    value_files: tuple[str, ...] = ()
    parameters: tuple[HelmParameter, ...] = ()
    release_name: str = ""
    values: str = ""
    file_parameters: tuple[HelmFileParameter, ...] = ()
    version: str = ""
    pass_credentials: bool = False
    ignore_missing_value_files: bool = False
    skip_crds: bool = False
    values_object: Mapping[str, Any] | None = None
    namespace: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    skip_tests: bool = False
    skip_schema_validation: bool = False


class KustomizeReplica(Struct, frozen=True, kw_only=True):
    name: str
    count: int | str


class KustomizeSelector(Struct, frozen=True, kw_only=True):
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    annotation_selector: str = ""
    label_selector: str = ""


class KustomizePatch(Struct, frozen=True, kw_only=True):
    path: str = ""
    patch: str = ""
    target: KustomizeSelector | None = None
    options: Mapping[str, bool] = field(default_factory=dict)


class ApplicationSourceKustomize(Struct, frozen=True, kw_only=True):
    name_prefix: str = ""
    name_suffix: str = ""
    images: tuple[str, ...] = ()
    common_labels: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    force_common_labels: bool = False
    force_common_annotations: bool = False
    namespace: str = ""
    common_annotations_envsubst: bool = False
    replicas: tuple[KustomizeReplica, ...] = ()
    patches: tuple[KustomizePatch, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    label_without_selector: bool = False
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    label_include_templates: bool = False


class JsonnetVar(Struct, frozen=True, kw_only=True):
    name: str
    value: str
    code: bool = False


class ApplicationSourceJsonnet(Struct, frozen=True, kw_only=True):
    ext_vars: tuple[JsonnetVar, ...] = ()
    tlas: tuple[JsonnetVar, ...] = ()
    libs: tuple[str, ...] = ()


class ApplicationSourceDirectory(Struct, frozen=True, kw_only=True):
    recurse: bool = False
    jsonnet: ApplicationSourceJsonnet = field(default_factory=ApplicationSourceJsonnet)
    exclude: str = ""
    include: str = ""
    disable_extension_filter: bool = False


class ApplicationSourcePluginParameter(Struct, frozen=True, kw_only=True):
    """One of `string`, `array` and `map`; an empty one is not an absent one."""

    name: str = ""
    string: str | None = None
    array: tuple[str, ...] | None = None
    map: Mapping[str, str] | None = None


class ApplicationSourcePlugin(Struct, frozen=True, kw_only=True):
    name: str = ""
    env: tuple[EnvEntry, ...] = ()
    parameters: tuple[ApplicationSourcePluginParameter, ...] = ()


class ApplicationSource(Struct, frozen=True, kw_only=True):
    repo_url: str = field(name="repoURL")
    path: str = ""
    target_revision: str = ""
    helm: ApplicationSourceHelm | None = None
    kustomize: ApplicationSourceKustomize | None = None
    directory: ApplicationSourceDirectory | None = None
    plugin: ApplicationSourcePlugin | None = None
    chart: str = ""
    ref: str = ""
    name: str = ""
    tag_prefix: str = ""


class DrySource(Struct, frozen=True, kw_only=True):
    """Where the manifests to hydrate come from."""

    repo_url: str = field(name="repoURL")
    target_revision: str
    path: str
    helm: ApplicationSourceHelm | None = None
    kustomize: ApplicationSourceKustomize | None = None
    directory: ApplicationSourceDirectory | None = None
    plugin: ApplicationSourcePlugin | None = None


class SyncSource(Struct, frozen=True, kw_only=True):
    """Where hydrated manifests are synced from."""

    target_branch: str
    path: str
    repo_url: str = field(name="repoURL", default="")


class HydrateTo(Struct, frozen=True, kw_only=True):
    target_branch: str


class SourceHydrator(Struct, frozen=True, kw_only=True):
    dry_source: DrySource
    sync_source: SyncSource
    hydrate_to: HydrateTo | None = None


def no_source() -> ApplicationSource:
    """The contract's zero source, as it stands in statuses of applications with several."""
    return ApplicationSource(repo_url="")
