"""What the verbs on repositories and templates share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from tiphys.cli.app.session import check_output, run_on, wiring
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.log import Level, log
from tiphys.cli.output import table, to_json, to_yaml
from tiphys.cli.ports import RepositoryApi

if TYPE_CHECKING:
    from tiphys.services.repositories.catalogue import RepositoryAnswer

HARD = "hard"
OUTPUTS = ("json", "yaml", "url", "wide", "")
_HEADER = (
    "TYPE", "NAME", "REPO", "INSECURE", "OCI", "LFS", "CREDS", "STATUS", "MESSAGE", "PROJECT",
)  # fmt: skip


def run_repositories(call: Call, verb: Callable[[RepositoryApi], Awaitable[None]]) -> None:
    """Runs a verb on the repositories of a server, or of the cluster of the kube context."""
    run_on(call, verb, lambda server: server.repositories, wiring(call).repositories)


def wants_fresh(call: Call) -> bool:
    asked = call.text("refresh")
    if asked not in ("", HARD):
        raise FatalError(f"unknown refresh value: {asked}. Supported values: {HARD}")
    return asked == HARD


def shown(call: Call, answers: Sequence[RepositoryAnswer], *, single: bool = False) -> str:
    """As the flag --output wants it; what a Secret hides is said once, on standard error."""
    for answer in answers:
        if answer.problem:
            log(Level.WARN, answer.problem, form=call.text("logformat"))
    output = call.text("output")
    check_output(output, OUTPUTS)
    values = [answer.to_json() for answer in answers]
    body = values[0] if single else values
    match output:
        case "json":
            return to_json(body) + "\n"
        case "yaml":
            return to_yaml(body)
        case "url":
            return "".join(f"{value['repo']}\n" for value in values)
        case _:
            return table([_HEADER, *map(_row, answers)])


def _row(answer: RepositoryAnswer) -> tuple[str, ...]:
    from tiphys.core.repositories.writing import credentials_shown

    value = answer.to_json()
    return (
        str(value["type"]),
        answer.record.name,
        str(value["repo"]),
        _flag(value.get("insecure")),
        _flag(answer.record.oci),
        _flag(answer.record.lfs),
        credentials_shown(answer.record),
        str(answer.state.status),
        " ".join(answer.state.message.split()),
        answer.record.project,
    )


def _flag(value: object) -> str:
    return "true" if value else "false"
