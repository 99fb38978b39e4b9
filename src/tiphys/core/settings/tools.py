"""What the ConfigMaps say of the tools that render, and of what those may read.

Nothing here is an option of one source: a value that no source can use is told by the source that
asks for it, so that others go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tiphys.model.errors import SettingsError

Data = Mapping[str, str]

OCI_MEDIA_TYPES: Final = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
)
_VERSIONS = ("kustomize.path.", "kustomize.version.")


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """The keys of argocd-cm that concern tools, and the limits of the process that renders."""

    helm: bool = True
    """helm.enable: a source of a tool that is off is a plain folder."""

    kustomize: bool = True
    """kustomize.enable."""

    jsonnet: bool = True
    """jsonnet.enable: whether files of that kind are evaluated, or passed over."""

    kustomize_build_options: str = ""
    """kustomize.buildOptions, as written."""

    kustomize_versions: tuple[str, ...] = ()
    """The names that kustomize.path.<name> and kustomize.version.<name> register."""

    values_file_schemes: tuple[str, ...] = ("https", "http")
    """helm.valuesFileSchemes: of which URLs values are read; none where it is empty."""

    oci_media_types: tuple[str, ...] = OCI_MEDIA_TYPES
    """reposerver.oci.layer.media.types: which layers of an artefact hold manifests."""

    allow_oob_symlinks: bool = False
    """reposerver.allow.oob.symlinks: links that lead out of a tree are no error. Nobody follows
    them even so."""

    submodules: bool = True
    """reposerver.enable.git.submodule: whether submodules are part of a repository's tree."""

    plugin_tar_exclude: tuple[str, ...] = ()
    """reposerver.plugin.tar.exclusions: globs of what is not sent to a plugin."""

    plugin_use_generate_paths: bool = False
    """reposerver.plugin.use.manifest.generate.paths: a plugin gets only what its application's
    manifest-generate-paths name."""


def read_tools(general: Data, params: Data) -> ToolSettings:
    """`general` is argocd-cm's data, `params` argocd-cmd-params-cm's."""
    media_types = params.get("reposerver.oci.layer.media.types", "")
    excluded = params.get("reposerver.plugin.tar.exclusions", "")
    return ToolSettings(
        helm=_enabled(general, "helm.enable"),
        kustomize=_enabled(general, "kustomize.enable"),
        jsonnet=_enabled(general, "jsonnet.enable"),
        kustomize_build_options=general.get("kustomize.buildOptions", "").strip(),
        kustomize_versions=tuple(sorted(set(_versions(general).values()))),
        values_file_schemes=_schemes(general),
        oci_media_types=_list(media_types, ",") or OCI_MEDIA_TYPES,
        allow_oob_symlinks=params.get("reposerver.allow.oob.symlinks", "").strip() == "true",
        submodules=params.get("reposerver.enable.git.submodule", "").strip() != "false",
        plugin_tar_exclude=_list(excluded, ";"),
        plugin_use_generate_paths=params.get(
            "reposerver.plugin.use.manifest.generate.paths", ""
        ).strip()
        == "true",
    )


def duplicate_versions(general: Data) -> Iterator[SettingsError]:
    """Versions of Kustomize that both keys register."""
    known: set[str] = set()
    for key, version in _versions(general).items():
        if version in known:
            yield SettingsError(f"{key}: found duplicate kustomize version: {version}", key=key)
        known.add(version)


def _versions(general: Data) -> Mapping[str, str]:
    """Key -> the version that it registers."""
    return {
        key: key.removeprefix(prefix)
        for key in sorted(general)
        for prefix in _VERSIONS
        if key.startswith(prefix)
    }


def _enabled(general: Data, key: str) -> bool:
    return general.get(key, "") in ("", "true")


def _schemes(general: Data) -> tuple[str, ...]:
    """An empty value allows none, an absent one the usual."""
    text = general.get("helm.valuesFileSchemes")
    if text is None:
        return ToolSettings().values_file_schemes
    return tuple(scheme.lower() for scheme in _list(text, ","))


def _list(text: str, separator: str) -> tuple[str, ...]:
    parts = text.strip().removeprefix("[").removesuffix("]").split(separator)
    return tuple(word for part in parts if (word := part.strip()))
