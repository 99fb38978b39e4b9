"""`app create`: from flags, from a file, or from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiphys.cli.app.session import run_core, write
from tiphys.cli.app.specapply import apply_flags, pairs
from tiphys.cli.app.specflags import SPEC_FLAGS
from tiphys.cli.app.specsource import literal_values
from tiphys.cli.command import Call, command
from tiphys.cli.documents import documents_of
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, texts, yes
from tiphys.cli.ports import CoreApi
from tiphys.cli.progress import CHECKING, busy
from tiphys.model.application import Application, encode
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.names import API_VERSION, FINALIZER_RESOURCES
from tiphys.services.applications import AppName

DESCRIBING_FLAGS = (
    *SPEC_FLAGS,
    texts("annotations", "An annotation of the application, as name=value; may be repeated"),
    text("file", "Read applications from a file, a URL or, for -, standard input", "f"),
    texts("label", "A label of the application, as name=value; may be repeated", "l"),
    text("name", "The same as APPNAME"),
    yes("set-finalizer", "Delete the objects with the application"),
)
_FLAGS = (
    *DESCRIBING_FLAGS,
    text("app-namespace", "The namespace of the application", "N"),
    yes("upsert", "Change the application if it is there already"),
    yes("validate", "Ask the repository first, and render", default=True),
)


@command("create", _FLAGS, usage="APPNAME [flags]", summary="Create an application.")
def create(call: Call) -> None:
    if len(call.words) > 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        for manifest in await described(call):
            await _create(call, api, manifest)

    run_core(call, verb)


async def _create(call: Call, api: CoreApi, manifest: Mapping[str, Any]) -> None:
    application = Application(manifest)
    if not application.name:
        call.help_and_fail()
    name = AppName(application.namespace, application.name)
    before = await _existing(api, name)
    async with busy(CHECKING):
        stored = await api.create(
            application, upsert=call.yes("upsert"), validate=call.yes("validate")
        )
    done = "created"
    if before is not None:
        done = "unchanged" if _same(before, stored) else "updated"
    write(f"application '{application.name}' {done}\n")


async def _existing(api: CoreApi, name: AppName) -> Application | None:
    try:
        return await api.get(name)
    except ApiError as error:
        if error.code in (ApiCode.NOT_FOUND, ApiCode.PERMISSION_DENIED):
            return None
        raise


def _same(before: Application, after: Application) -> bool:
    return encode(before.spec) == encode(after.spec) and all(
        getattr(before.metadata, part) == getattr(after.metadata, part)
        for part in ("labels", "annotations", "finalizers")
    )


async def described(call: Call) -> Sequence[Mapping[str, Any]]:
    """The manifests that flags, files, or both describe."""
    file = call.text("file")
    if file == "-":
        # As the contract has it, everything stands in the documents then.
        return await documents_of(call, file)
    if file:
        return [await _from_file(call, document) for document in await documents_of(call, file)]
    return [await _from_flags(call)]


async def _from_flags(call: Call) -> Mapping[str, Any]:
    name = call.words[0] if call.words else call.text("name")
    if call.given("name") and call.words and call.text("name") != name:
        raise FatalError(
            f"--name argument '{call.text('name')}' does not match app name {name}", code=1
        )
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": _metadata(call, _named(call, name)),
        "spec": apply_flags(call, {}, literal=await literal_values(call)),
    }


async def _from_file(call: Call, document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document.get("metadata") or {}
    if call.words and call.words[0] != metadata.get("name"):
        raise FatalError(
            f"app name '{call.words[0]}' does not match app spec metadata.name "
            f"'{metadata.get('name', '')}'"
        )
    if call.given("name"):
        metadata = {**metadata, "name": call.text("name")}
    if call.owns("app-namespace") and call.given("app-namespace"):
        metadata = {**metadata, "namespace": call.text("app-namespace")}
    return {
        **document,
        "metadata": _metadata(call, metadata),
        "spec": apply_flags(call, document.get("spec") or {}, literal=await literal_values(call)),
    }


def _named(call: Call, text: str) -> dict[str, str]:
    name = AppName.parse(text, call.text("app-namespace") if call.owns("app-namespace") else "")
    return {"name": name.name} | ({"namespace": name.namespace} if name.namespace else {})


def _metadata(call: Call, metadata: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(metadata)
    for flag, part, what in (
        ("label", "labels", "labels"),
        ("annotations", "annotations", "annotations"),
    ):
        if call.given(flag):
            changed[part] = {**(changed.get(part) or {}), **pairs(call.texts(flag), what)}
    finalizers = list(changed.get("finalizers") or ())
    if call.yes("set-finalizer") and FINALIZER_RESOURCES not in finalizers:
        changed["finalizers"] = [*finalizers, FINALIZER_RESOURCES]
    return changed
