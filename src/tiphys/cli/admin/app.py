"""`admin app`: specs from flags, and what comparing all applications would say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tiphys.cli.admin.generated import OUTPUT_FLAGS, put_out
from tiphys.cli.app.create import DESCRIBING_FLAGS, described
from tiphys.cli.app.session import check_output, cluster_choice, wiring, write
from tiphys.cli.command import Call, command, group
from tiphys.cli.diffing import show_difference
from tiphys.cli.documents import documents_of
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import ADMIN_KUBE_FLAGS, Flag, FlagKind, later, text, yes
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.ports import CoreAdminApi
from tiphys.cli.progress import RENDERING, busy
from tiphys.core.settings.duration import parse_duration
from tiphys.model.application import Application, encode
from tiphys.model.names import API_VERSION
from tiphys.services.applications.values import Looking
from tiphys.services.applications.writing import normal_spec

_HERE = "tiphys.cli.admin.app"

app = group(
    "app",
    {
        "diff-reconcile-results": (
            f"{_HERE}:diff_reconcile_results",
            "Show how two files of results differ",
        ),
        "generate-spec": (f"{_HERE}:generate_spec", "Print an application's manifest"),
        "get-reconcile-results": (
            f"{_HERE}:get_reconcile_results",
            "Write what comparing all applications says",
        ),
    },
    "Work on applications",
)
_REACHING = (*ADMIN_KUBE_FLAGS, later("repo-server"))


@command(
    "generate-spec",
    (
        *DESCRIBING_FLAGS,
        *OUTPUT_FLAGS,
        yes("validate", "Read the spec as it is read later", default=True),
    ),
    usage="APPNAME [flags]",
    summary="Print the manifest of an application that flags and perhaps a file describe.",
)
def generate_spec(call: Call) -> None:
    if len(call.words) > 1:
        call.help_and_fail()

    async def main() -> None:
        found = await described(call)
        if len(found) != 1:
            raise FatalError(f"failed to generate spec: {len(found)} applications, not one")
        put_out(call, _manifest(call, found[0]))

    asyncio.run(main())


def _manifest(call: Call, given: Mapping[str, Any]) -> Mapping[str, Any]:
    application = Application({**given, "spec": normal_spec(given.get("spec") or {})})
    if not application.name:
        call.help_and_fail()
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": given["metadata"],
        "spec": encode(application.spec) if call.yes("validate") else application.raw["spec"],
    }


@command(
    "get-reconcile-results",
    (
        *_REACHING,
        Flag(
            "ignore-normalizer-jq-execution-timeout",
            FlagKind.DURATION,
            "How long one jq expression of the ignore rules may take",
            default="1s",
        ),
        text("l", "Only applications with these labels"),
        text("o", "json or yaml", default="yaml"),
        yes("refresh", "Compare now, in place of reading the statuses"),
        yes("server-side-diff", "With --refresh, ask the API server what applying would give"),
    ),
    usage="PATH [flags]",
    summary="Write what comparing all applications says into a file.",
)
def get_reconcile_results(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    check_output(call.text("o"), ("json", "yaml"))

    async def main() -> None:
        async with wiring(call).core(cluster_choice(call)) as api:
            found = await api.list(selector=call.text("l"))
            results = {"applications": [await _result(call, api, one) for one in found]}
        printed = to_json(results) + "\n" if call.text("o") == "json" else to_yaml(results)
        try:
            await asyncio.to_thread(Path(call.words[0]).write_text, printed)
        except OSError as error:
            raise FatalError(f"write {call.words[0]}: {error.strerror}") from None

    asyncio.run(main())


async def _result(call: Call, api: CoreAdminApi, application: Application) -> dict[str, Any]:
    if call.yes("refresh"):
        return await _compared(call, api, application)
    status = application.status
    return {
        "name": application.name,
        "health": status.health.status,
        "sync": encode(status.sync),
        "conditions": [encode(condition) for condition in status.conditions],
    }


async def _compared(call: Call, api: CoreAdminApi, application: Application) -> dict[str, Any]:
    looking = Looking(
        server_side=call.yes("server-side-diff") if call.given("server-side-diff") else None,
        jq_timeout=parse_duration(call.text("ignore-normalizer-jq-execution-timeout")),
    )
    async with busy(RENDERING):
        found = await api.result(application, looking)
    spec = encode(application.spec)
    compared_to = {
        name: spec[name] for name in ("source", "sources", "destination") if name in spec
    }
    sync: dict[str, Any] = {"status": found.sync.value, "comparedTo": compared_to}
    if found.revisions and application.spec.sources:
        sync["revisions"] = list(found.revisions)
    elif found.revisions:
        sync["revision"] = found.revisions[0]
    return {
        "name": application.name,
        "health": found.health.value,
        "sync": sync,
        "conditions": [
            {"type": condition.type.value, "message": condition.message}
            for condition in found.conditions
        ],
    }


@command(
    "diff-reconcile-results",
    (),
    usage="PATH1 PATH2 [flags]",
    summary="Show how two files of results differ, application by application.",
)
def diff_reconcile_results(call: Call) -> None:
    if len(call.words) != 2:
        call.help_and_fail()

    async def main() -> None:
        first, second = [await _results(call, path) for path in call.words]
        for name in sorted({*first, *second}):
            write(f"{name}\n")
            show_difference(name, first.get(name, {}), second.get(name, {}))

    asyncio.run(main())


async def _results(call: Call, path: str) -> dict[str, Mapping[str, Any]]:
    documents = await documents_of(call, path)
    listed: Sequence[Mapping[str, Any]] = (
        documents[0].get("applications") or () if documents else ()
    )
    try:
        return {str(one["name"]): one for one in listed}
    except (KeyError, TypeError):
        raise FatalError(f"{path}: holds no results") from None
