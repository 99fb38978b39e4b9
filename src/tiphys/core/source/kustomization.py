"""spec.source.kustomize written into a kustomization, as `kustomize edit` would write it.

The contract runs that program once for each field, in the order below, and then adds the patches.
Here the same is done to the file's value, so that nothing has to be on disk to be edited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tiphys.core.source.environment import substitute
from tiphys.core.source.images import with_images
from tiphys.core.source.paths import application_path
from tiphys.model.errors import RenderError
from tiphys.model.source import ApplicationSourceKustomize, KustomizeReplica
from tiphys.model.structs import encode

Environment = Mapping[str, str]
Fields = dict[str, Any]
"""A kustomization's top level, in the spelling that Kustomize writes."""

_SPELLINGS = {
    name.lower(): name
    for name in (
        "namePrefix",
        "nameSuffix",
        "images",
        "imageTags",
        "replicas",
        "commonLabels",
        "labels",
        "commonAnnotations",
        "namespace",
        "patches",
        "patchesStrategicMerge",
        "components",
    )
}
_NO_EDITS = {"version", "kubeVersion", "apiVersions"}


def edits_key(block: ApplicationSourceKustomize, environment: Environment) -> str:
    """Equal for blocks that edit alike; empty where nothing is edited."""
    block = _substituted(block, environment)
    edits = {name: value for name, value in encode(block).items() if name not in _NO_EDITS}
    flags = {name for name, value in edits.items() if value is True}
    if not edits.keys() - flags:
        return ""
    return hashlib.sha256(msgspec.json.encode(edits, order="sorted")).hexdigest()


def component_path(path: str, component: str) -> str | None:
    """Where a component's entry leads in the tree of the application at `path`; None for one
    that is remote or leads out.
    """
    if "://" in component or component.startswith("/"):
        return None
    try:
        return application_path(f"{path}/{component}" if path else component)
    except RenderError:
        return None


def edited(
    kustomization: Any,
    block: ApplicationSourceKustomize,
    environment: Environment,
    *,
    found: Mapping[str, Sequence[str]] | None = None,
) -> Mapping[str, Any]:
    """`kustomization` is what the file holds, None where there is none; it stays as it is.

    `found` is what entries of `components` led to: nothing, or several where one is a glob.
    One that is not in it is taken as it is written. Raises RenderError.
    """
    if kustomization is None:
        raise RenderError("kustomization file not found in the path")
    if not isinstance(kustomization, Mapping):
        raise RenderError("the kustomization is not an object")
    block = _substituted(block, environment)
    fields = _fixed(kustomization)
    for edit in _EDITS:
        edit(fields, block)
    _add_components(fields, block, found or {})
    return fields


def _substituted(
    block: ApplicationSourceKustomize, environment: Environment
) -> ApplicationSourceKustomize:
    """Labels are always substituted, annotations only where that is asked for."""
    annotations = block.common_annotations
    if block.common_annotations_envsubst:
        annotations = _values(annotations, environment)
    return msgspec.structs.replace(
        block,
        images=tuple(substitute(image, environment) for image in block.images),
        common_labels=_values(block.common_labels, environment),
        common_annotations=annotations,
        common_annotations_envsubst=False,
    )


def _values(texts: Mapping[str, str], environment: Environment) -> Mapping[str, str]:
    return {name: substitute(value, environment) for name, value in texts.items()}


def _fixed(kustomization: Mapping[str, Any]) -> Fields:
    """Outdated spellings as Kustomize reads them; names count in any case."""
    fields = {_SPELLINGS.get(str(name).lower(), str(name)): v for name, v in kustomization.items()}
    if (tags := fields.pop("imageTags", None)) is not None:
        fields["images"] = [*_list(fields, "images"), *_list({"imageTags": tags}, "imageTags")]
    patches = fields.get("patches")
    if isinstance(patches, list) and patches and all(isinstance(one, str) for one in patches):
        merges = _list(fields, "patchesStrategicMerge")
        fields["patchesStrategicMerge"] = [*merges, *fields.pop("patches")]
    return fields


def _set_name_prefix(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if block.name_prefix:
        fields["namePrefix"] = block.name_prefix


def _set_name_suffix(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if block.name_suffix:
        fields["nameSuffix"] = block.name_suffix


def _set_images(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if block.images:
        fields["images"] = with_images(_objects(fields, "images"), block.images)


def _set_replicas(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if not block.replicas:
        return
    counts: dict[Any, Mapping[str, Any]] = {
        one.name: {"name": one.name, "count": _count(one)} for one in block.replicas
    }
    for entry in _objects(fields, "replicas"):
        counts.setdefault(entry.get("name", ""), entry)
    fields["replicas"] = [counts[name] for name in sorted(counts)]


def _count(replica: KustomizeReplica) -> int:
    if "=" in replica.name:
        raise RenderError("invalid format of replica, use the following format: <name>=<count>")
    try:
        return int(str(replica.count))
    except ValueError:
        raise RenderError(f"expected integer value for count. Received: {replica.count}") from None


def _add_labels(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if not block.common_labels:
        return
    templates, force = block.label_include_templates, block.force_common_labels
    if not block.label_without_selector:
        if templates:
            raise RenderError(
                "--without-selector flag must be specified for --include-templates to work"
            )
        fields["commonLabels"] = _added(
            "label", _object(fields, "commonLabels"), block.common_labels, force=force
        )
        return
    labels = _objects(fields, "labels")
    fits = next(
        (index for index, one in enumerate(labels) if _alike(one, templates=templates)), None
    )
    if fits is None:
        added = {"pairs": _added("label", {}, block.common_labels, force=force)}
        fields["labels"] = [*labels, added | ({"includeTemplates": True} if templates else {})]
        return
    pairs = _added("label", _object(labels[fits], "pairs"), block.common_labels, force=force)
    labels[fits] = {**labels[fits], "pairs": pairs}
    fields["labels"] = labels


def _alike(label: Mapping[str, Any], *, templates: bool) -> bool:
    return not label.get("includeSelectors") and bool(label.get("includeTemplates")) is templates


def _add_annotations(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if block.common_annotations:
        fields["commonAnnotations"] = _added(
            "annotation",
            _object(fields, "commonAnnotations"),
            block.common_annotations,
            force=block.force_common_annotations,
        )


def _added(
    what: str, present: Mapping[str, Any], texts: Mapping[str, str], *, force: bool
) -> Mapping[str, Any]:
    added = dict(_pairs(what, texts))
    for name in added:
        if name in present and not force:
            raise RenderError(
                f"{what} {name} already in kustomization file. Use --force to override."
            )
    return {**present, **added}


def _pairs(what: str, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each is one argument `name:value` for the tool, which takes double quotes off."""
    for text in sorted(f"{name}:{value}" for name, value in texts.items()):
        name, _, value = text.partition(":")
        if not name:
            raise RenderError(f"invalid {what}: '{text}' (need k:v pair where v may be quoted)")
        quoted = len(value) > 1 and value[0] == value[-1] == '"'
        yield name, value[1:-1] if quoted else value


def _set_namespace(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if block.namespace:
        fields["namespace"] = block.namespace


def _add_patches(fields: Fields, block: ApplicationSourceKustomize) -> None:
    if not block.patches:
        return
    present = fields.get("patches")
    if present is not None and not isinstance(present, list):
        raise RenderError(
            "expected 'patches' field in kustomization.yaml to be a slice, "
            f"but got {type(present).__name__}"
        )
    fields["patches"] = [*(present or ()), *(encode(patch) for patch in block.patches)]


def _add_components(
    fields: Fields, block: ApplicationSourceKustomize, found: Mapping[str, Sequence[str]]
) -> None:
    components = list(_list(fields, "components"))
    for written in block.components:
        paths = found.get(written, (written,))
        if not paths and not block.ignore_missing_components:
            raise RenderError(f"kustomize edit add component: {written} has no match")
        components += [path for path in paths if path not in components]
    if block.components:
        fields["components"] = components


_EDITS: Sequence[Callable[[Fields, ApplicationSourceKustomize], None]] = (
    _set_name_prefix,
    _set_name_suffix,
    _set_images,
    _set_replicas,
    _add_labels,
    _add_annotations,
    _set_namespace,
    _add_patches,
)


def _list(fields: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = fields.get(name)
    if value is not None and not isinstance(value, list):
        raise RenderError(f"invalid Kustomization: {name} is not a list")
    return value or []


def _objects(fields: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    entries = _list(fields, name)
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise RenderError(f"invalid Kustomization: an entry of {name} is not an object")
    return list(entries)


def _object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise RenderError(f"invalid Kustomization: {name} is not an object")
    return value or {}
