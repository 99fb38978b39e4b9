"""`app logs`: what the Pods of an application say."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from tiphys.cli.app.session import app_name, run_core, write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, text, yes
from tiphys.cli.main import said
from tiphys.cli.ports import CoreApi
from tiphys.model.errors import ApiCode, ApiError, KubeUnreachableError, TiphysError

if TYPE_CHECKING:
    from tiphys.core.pods.chosen import Wanted
    from tiphys.core.pods.lines import Stamp
    from tiphys.services.applications import AppName
    from tiphys.services.pods.logs import LogQuery

_FLAGS = (
    text("app-namespace", "The namespace of the application", "N"),
    text("container", "The container; a Pod with one needs none", "c"),
    text("filter", "Only lines with this text; with ! before it, those without"),
    yes("follow", "Go on with what is said from now on", "f"),
    text("group", "The group of an object whose Pods are meant"),
    text("kind", "Its kind"),
    yes("match-case", "Tell large letters from small ones in --filter", "m"),
    text("name", "Its name"),
    text("namespace", "Its namespace"),
    yes("previous", "What was said before the last restart", "p"),
    Flag("since-seconds", FlagKind.INTEGER, "Only what was said within so many seconds"),
    Flag("tail", FlagKind.INTEGER, "So many lines from the end of each Pod"),
    text("until-time", "Only what was said until then, RFC 3339"),
)


@command("logs", _FLAGS, usage="APPNAME [flags]", summary="Show the logs of Pods.")
def logs(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    name, wanted, query = app_name(call, call.words[0]), _wanted(call), _query(call)

    async def verb(api: CoreApi) -> None:
        again = query
        while await _shown(api, name, wanted, again):
            again = replace(again, request=replace(query.request, since_seconds=1, tail_lines=None))

    run_core(call, verb)


async def _shown(api: CoreApi, name: AppName, wanted: Wanted, query: LogQuery) -> bool:
    """Whether to go on: where what is followed was away for a moment."""
    try:
        # What is read no further is closed.
        async with aclosing(api.logs(name, wanted, query)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                if entry.last:
                    return False
                write(f"{entry.line.content}\n")
    except TiphysError as error:
        if query.request.follow and _is_away(error):
            return True
        raise FatalError(f"stream read failed: {said(error)}", code=1) from None
    return False


def _is_away(error: TiphysError) -> bool:
    if isinstance(error, ApiError):
        return error.code is ApiCode.UNAVAILABLE
    return isinstance(error, KubeUnreachableError)


def _wanted(call: Call) -> Wanted:
    from tiphys.core.pods.chosen import Wanted

    return Wanted(call.text("group"), call.text("kind"), call.text("namespace"), call.text("name"))


def _query(call: Call) -> LogQuery:
    from tiphys.core.pods.lines import LineFilter
    from tiphys.services.pods.logs import LogQuery
    from tiphys.services.pods.ports import LogRequest

    request = LogRequest(
        container=call.text("container"),
        follow=call.yes("follow"),
        previous=call.yes("previous"),
        since_seconds=_positive(call.number("since-seconds")),
        tail_lines=_positive(call.number("tail")),
    )
    wanted = LineFilter(call.text("filter"), match_case=call.yes("match-case"))
    return LogQuery(request=request, filter=wanted, until=_until(call.text("until-time")))


def _until(value: str) -> Stamp | None:
    from tiphys.core.pods.lines import stamp

    found = stamp(value) if value else None
    if value and found is None:
        problem = f"invalid untilTime parameter value: {value!r}"
        error = ApiError(ApiCode.INVALID_ARGUMENT, problem)
        raise FatalError(f"stream read failed: {said(error)}", code=1)
    return found


def _positive(number: int) -> int | None:
    return number if number > 0 else None
