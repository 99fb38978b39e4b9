"""Manifests of images and artefacts (OCI image specification 1.1), as far as they are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from tiphys.adapters.packages.errors import Step, failed, shown
from tiphys.adapters.packages.oci.reference import is_digest
from tiphys.model.errors import RepositoryError

_IMAGES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
ACCEPTED: Final = ", ".join((*_IMAGES, *_INDEXES))
HELM_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
HELM_LAYERS: Final = (
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    "application/tar+gzip",  # of charts that were pushed before Helm 3.7
)
DEFAULT_LAYERS: Final = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
)
_MOST_LAYERS: Final = 10


class Layer(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    digest: str = ""
    size: int = 0


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    artifact_type: str = ""
    config: Layer = Layer()
    layers: list[Layer] | None = None
    manifests: list[Layer] | None = None
    annotations: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """`digest` is its own. `is_index`: it lists other manifests instead of layers."""

    digest: str
    config: Layer
    layers: tuple[Layer, ...]
    annotations: Mapping[str, str]
    is_index: bool

    @property
    def is_chart(self) -> bool:
        return self.config.media_type == HELM_CONFIG


def read_manifest(data: bytes, digest: str, media_type: str, url: str) -> Manifest:
    try:
        read = msgspec.json.decode(data, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise failed(Step.ANSWER, "its manifest cannot be read", url) from None
    is_index = (read.media_type or media_type) in _INDEXES or read.manifests is not None
    layers = tuple(read.layers or ())
    return Manifest(digest, read.config, layers, read.annotations or {}, is_index)


def chart_layer(manifest: Manifest, url: str) -> Layer:
    """The chart in a manifest. Raises RepositoryError."""
    found = [layer for layer in manifest.layers if layer.media_type in HELM_LAYERS]
    if not manifest.is_chart or len(found) != 1:
        raise RepositoryError(f"{shown(url)} is no Helm chart", url=shown(url))
    return _usable(found[0], url)


def content_layer(manifest: Manifest, media_types: Collection[str], url: str) -> Layer:
    """The one layer that holds the content. Raises RepositoryError with the contract's texts."""
    if len(manifest.layers) > _MOST_LAYERS:
        text = f"expected no more than {_MOST_LAYERS} oci layers, got {len(manifest.layers)}"
        raise RepositoryError(text, url=shown(url))
    content = [layer for layer in manifest.layers if _is_content(layer, manifest)]
    if len(content) != 1:
        text = f"expected only a single oci content layer, got {len(content)}"
        if manifest.is_index:
            text += ": it is an image index; name one of its manifests by digest"
        raise RepositoryError(text, url=shown(url))
    layer = content[0]
    if layer.media_type not in (media_types or DEFAULT_LAYERS):
        kind = layer.media_type
        text = f"oci layer media type {kind} is not in the list of allowed media types"
        raise RepositoryError(text, url=shown(url))
    return _usable(layer, url)


def _is_content(layer: Layer, manifest: Manifest) -> bool:
    if manifest.is_chart:
        return layer.media_type == HELM_LAYERS[0]
    return layer.media_type.endswith(("tar", "tar+gzip", "tar.gzip"))


def _usable(layer: Layer, url: str) -> Layer:
    if not is_digest(layer.digest) or layer.size <= 0:
        raise failed(Step.ANSWER, "a layer in its manifest has no digest or no size", url)
    return layer
