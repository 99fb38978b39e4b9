"""`app history`: what was deployed, newest last."""

from __future__ import annotations

from collections.abc import Iterator

from tiphys.cli.app.session import app_name, check_output, run_core, write
from tiphys.cli.app.summary import local_time
from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.ports import CoreApi
from tiphys.model.application import Application, ApplicationSource, RevisionHistory

_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    text("output", "wide or id", "o", "wide"),
)
_SHORT = 7
_GAP = 2


@command("history", _FLAGS, usage="APPNAME [flags]", summary="Show what was deployed.")
def history(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()

    async def verb(api: CoreApi) -> None:
        application = await api.get(app_name(call, call.words[0]))
        if call.text("output") == "id":
            write("".join(f"{past.id}\n" for past in application.status.history))
            return
        check_output(call.text("output"), ("wide", ""))
        write(_blocks(application))

    run_core(call, verb)


def _blocks(application: Application) -> str:
    """One table for each repository, in the order in which they appear."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for past in application.status.history:
        for source, revision in _deployed(past):
            row = (str(past.id), local_time(past.deployed_at), _revision(source, revision))
            found.setdefault(source.repo_url, []).append(row)
    return "\n".join(_block(url, rows) for url, rows in found.items())


def _block(url: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [("ID", "DATE", "REVISION"), *rows]
    first = max(len("SOURCE"), *(len(line[0]) for line in lines)) + _GAP
    second = max(len(line[1]) for line in lines) + _GAP
    shown = "SOURCE".ljust(first) + url + "\n"
    return shown + "".join(
        f"{entry.ljust(first)}{date.ljust(second)}{revision}\n" for entry, date, revision in lines
    )


def _deployed(past: RevisionHistory) -> Iterator[tuple[ApplicationSource, str]]:
    if not past.sources:
        yield past.source, past.revision
        return
    for index, source in enumerate(past.sources):
        yield source, past.revisions[index] if index < len(past.revisions) else ""


def _revision(source: ApplicationSource, revision: str) -> str:
    short = f" ({revision[:_SHORT]})" if len(revision) >= _SHORT else ""
    return source.target_revision + short
