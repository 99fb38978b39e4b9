"""`app get-resource`: live objects field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tiphys.cli.app.session import app_in_project, app_name, check_output, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.globals import Flag, FlagKind, text, yes
from tiphys.cli.log import Level, log
from tiphys.cli.output import table, to_yaml
from tiphys.cli.ports import CoreApi
from tiphys.model.resource import Manifest

_INDENT = 4
_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    Flag("filter-fields", FlagKind.COMMAS, "Only these fields, such as spec.replicas,kind"),
    text("group", "The group of the object"),
    text("kind", "The kind of the object"),
    text("output", "wide, json or yaml", "o", "wide"),
    text("project", "The project that the application has to be in"),
    text("resource-name", "The name of the object"),
    yes("show-managed-fields", "Show who manages which field"),
)


@command("get-resource", _FLAGS, usage="APPNAME [flags]", summary="Show a live object.")
def get_resource(call: Call) -> None:
    call.require("kind")
    if len(call.words) != 1:
        call.help_and_fail()
    check_output(call.text("output"), ("wide", "json", "yaml", ""))

    async def verb(api: CoreApi) -> None:
        found = await _objects(call, api)
        write(_shown(call, found))
        names = ", ".join(str(one["metadata"]["name"]) for one in found)
        log(Level.INFO, f"Resources '{names}' fetched", form=call.text("logformat"))

    run_core(call, verb)


async def _objects(call: Call, api: CoreApi) -> Sequence[Manifest]:
    name = app_name(call, call.words[0])
    application = await app_in_project(api, name, call.text("project"))
    keys = [
        node.key
        for node in await api.tree(application)
        if node.kind == call.text("kind")
        and (not call.given("group") or node.group == call.text("group"))
        and call.text("resource-name") in ("", node.name)
    ]
    found = [await api.get_object(application, key) for key in keys]
    return found if call.yes("show-managed-fields") else [_unmanaged(one) for one in found]


def _unmanaged(manifest: Manifest) -> Manifest:
    metadata = {key: part for key, part in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def _shown(call: Call, objects: Sequence[Manifest]) -> str:
    fields = call.parts("filter-fields")
    # Whole objects say whose they are; a table has a column for that.
    named = call.text("output") in ("json", "yaml")
    asked = [*fields, "metadata.name"] if named else fields
    shown = [_filtered(one, asked) if fields else one for one in objects]
    match call.text("output"):
        case "json":
            return "---\n".join(
                json.dumps(one, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
                for one in shown
            )
        case "yaml":
            return "---\n".join(to_yaml(one, indent=_INDENT) + "\n" for one in shown)
        case _:
            return _table(objects, shown, named=not call.text("resource-name"))


def _table(objects: Sequence[Manifest], shown: Sequence[Manifest], *, named: bool) -> str:
    """One row for each leaf; the object's name where it was not asked for by name."""
    rows: list[tuple[str, ...]] = [("FIELD", *(("RESOURCE NAME",) if named else ()), "VALUE")]
    for whole, part in zip(objects, shown, strict=True):
        name = (str(whole["metadata"]["name"]),) if named else ()
        rows += [(field, *name, value) for field, value in _leaves("", part)]
    return table(rows)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _leaves(f"{path}.{key}" if path else str(key), item)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _leaves(f"{path}[{index}]", item)
        case bool():
            yield path, str(value).lower()
        case None:
            yield path, "<nil>"
        case _:
            yield path, str(value)


def _filtered(manifest: Manifest, fields: Sequence[str]) -> Manifest:
    """Only what the fields lead to; a field that is not there is left out."""
    found: dict[str, Any] = {}
    for field in fields:
        steps = field.split(".")
        value: Any = manifest
        for step in steps:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            at = found
            for step in steps[:-1]:
                at = at.setdefault(step, {})
            at[steps[-1]] = value
    return found
