"""Entries of a kustomization's `images`, as `kustomize edit set image` writes them.

The text is `[name=]newName[:tag][@digest]`. An asterisk stands for what the kustomization says
already; of an image that it does not know yet, for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tiphys.model.errors import RenderError

_KEPT = "*"
_OVERRIDES = ("newName", "newTag", "digest")


def with_images(
    present: Sequence[Mapping[str, Any]], texts: Iterable[str]
) -> list[Mapping[str, Any]]:
    """The entries sorted by name; an image that is named twice has its last text."""
    images: dict[Any, Mapping[str, Any]] = {image["name"]: image for image in map(_parse, texts)}
    for entry in present:
        name = entry.get("name", "")
        images[name] = _filled(images[name], entry) if name in images else entry
    return [_without_blanks(_filled(images[name], {})) for name in sorted(images)]


def _filled(image: Mapping[str, Any], present: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {field: present.get(field, "") for field in _OVERRIDES if image.get(field) == _KEPT}
    return {**image, **kept}


def _without_blanks(image: Mapping[str, Any]) -> Mapping[str, Any]:
    return {field: value for field, value in image.items() if value != ""}


def _parse(text: str) -> dict[str, str]:
    """Raises RenderError with the tool's own words."""
    name, equals, value = text.partition("=")
    image, tag, digest = split(value if equals else text)
    if image == text:
        raise RenderError(
            f"kustomize edit set image: invalid format of image '{text}', use one of: "
            "<image>=<newimage>[:<newtag>][@<digest>], <image>:<newtag>[@<digest>], "
            "<image>@<digest>"
        )
    if not equals:
        return {"name": image, "newTag": tag, "digest": digest}
    return {"name": name, "newName": image, "newTag": tag, "digest": digest}


def split(text: str) -> tuple[str, str, str]:
    """Name, tag and digest; a colon before the first slash is a port's."""
    slash = max(text.find("/"), 0)
    at, colon = text.find("@", slash), text.find(":", slash)
    if at >= 0 and (colon < 0 or at < colon):
        return text[:at], "", text[at + 1 :]
    if colon < 0:
        return text, "", ""
    if at >= 0:
        return text[:colon], text[colon + 1 : at], text[at + 1 :]
    return text[:colon], text[colon + 1 :], ""
