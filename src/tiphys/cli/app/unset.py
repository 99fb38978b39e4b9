"""`app unset`: takes out of a source what `app set` put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.cli.app.session import app_name, run_core, write
from tiphys.cli.app.specapply import image_name
from tiphys.cli.app.specsource import NAME_FLAG, POSITION_FLAG, source_index
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text, texts, yes
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import CHECKING, busy
from tiphys.cli.prompts import confirmed

_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    yes("ignore-missing-components", "Miss Kustomize components again"),
    yes("ignore-missing-value-files", "Miss value files again"),
    texts("kustomize-image", "A Kustomize image, by its name; may be repeated"),
    yes("kustomize-namespace", "The Kustomize namespace"),
    texts("kustomize-replica", "A number of replicas, by its name; may be repeated"),
    yes("kustomize-version", "The version of Kustomize"),
    yes("nameprefix", "The Kustomize prefix"),
    yes("namesuffix", "The Kustomize suffix"),
    texts("parameter", "A Helm parameter, by its name; may be repeated", "p"),
    yes("pass-credentials", "Keep credentials to the repository's host"),
    texts("plugin-env", "A plugin's environment variable, by its name; may be repeated"),
    yes("ref", "The name by which other sources refer to it"),
    NAME_FLAG,
    POSITION_FLAG,
    texts("values", "A Helm value file; may be repeated"),
    yes("values-literal", "The Helm values in the spec"),
)
# (flag, block of the source or none, field)
_FIELDS = (
    ("ignore-missing-components", "kustomize", "ignoreMissingComponents"),
    ("kustomize-namespace", "kustomize", "namespace"),
    ("kustomize-version", "kustomize", "version"),
    ("nameprefix", "kustomize", "namePrefix"),
    ("namesuffix", "kustomize", "nameSuffix"),
    ("ignore-missing-value-files", "helm", "ignoreMissingValueFiles"),
    ("pass-credentials", "helm", "passCredentials"),
    ("values-literal", "helm", "values"),
    ("values-literal", "helm", "valuesObject"),
    ("ref", "", "ref"),
)
_ITEMS = (
    ("parameter", "helm", "parameters"),
    ("values", "helm", "valueFiles"),
    ("kustomize-image", "kustomize", "images"),
    ("kustomize-replica", "kustomize", "replicas"),
    ("plugin-env", "plugin", "env"),
)
"""(flag, block, list): items are taken out by name, texts by themselves, images by their names."""


@command(
    "unset", _FLAGS, usage="APPNAME parameters [flags]", summary="Take out of a spec what was set."
)
def unset(call: Call) -> None:
    asked = any(call.given(flag) for flag, _, _ in (*_FIELDS, *_ITEMS))
    if len(call.words) != 1 or not asked:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        name = app_name(call, call.words[0])
        spec = (await api.get(name)).to_manifest().get("spec") or {}
        changed = _unset(call, spec)
        if changed == spec:
            return
        if not confirmed(call, "Are you sure you want to unset the parameters? [y/n] "):
            write("The command to unset the parameters has been cancelled.\n")
            return
        async with busy(CHECKING):
            await api.update_spec(name, changed, validate=True)

    run_core(call, verb)


def _unset(call: Call, spec: Mapping[str, Any]) -> dict[str, Any]:
    index = source_index(call, spec)
    if spec.get("sources"):
        sources = list(spec["sources"])
        sources[index] = _without(call, sources[index])
        return {**spec, "sources": sources}
    if spec.get("source"):
        return {**spec, "source": _without(call, spec["source"])}
    return dict(spec)


def _without(call: Call, source: Mapping[str, Any]) -> dict[str, Any]:
    left: dict[str, Any] = dict(source)
    for flag, block, field in _FIELDS:
        if not call.yes(flag):
            continue
        if not block:
            left.pop(field, None)
        elif left.get(block):
            left[block] = {key: value for key, value in left[block].items() if key != field}
    for flag, block, field in _ITEMS:
        if call.given(flag) and (left.get(block) or {}).get(field):
            left[block] = _kept(
                left[block], field, {_named(item, field) for item in call.texts(flag)}
            )
    return left


def _kept(block: Mapping[str, Any], field: str, gone: set[str]) -> dict[str, Any]:
    left = [item for item in block[field] if _named(item, field) not in gone]
    rest = {key: value for key, value in block.items() if key != field}
    return {**rest, field: left} if left else rest


def _named(item: Any, field: str) -> str:
    if isinstance(item, Mapping):
        return str(item.get("name"))
    return image_name(item) if field == "images" else str(item)
