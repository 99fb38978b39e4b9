"""Which revision of which source is meant: `--revision`, or `--revisions` with their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, texts
from tiphys.model.application import Application

FLAGS = (
    texts("revisions", "A revision for each of the sources that are named; may be repeated"),
    texts("source-names", "The names of the sources that revisions are for; may be repeated"),
    Flag(
        "source-positions",
        FlagKind.INTEGERS,
        "The positions, from 1, of the sources that revisions are for",
        default=(),
    ),
)


def check_usage(call: Call, *, code: int, several: bool = False) -> None:
    """Raises FatalError with this code. `several`: the command was given other than one name."""
    revisions = call.texts("revisions")
    positions, names = call.numbers("source-positions"), call.texts("source-names")
    for given, what in ((positions, "source-positions"), (names, "source-names")):
        if several and revisions and given:
            raise FatalError(
                f"Cannot use --revisions and --{what} options when 0 or more than 1 application "
                "names are passed as argument(s)",
                code=code,
            )
    if positions and names:
        raise FatalError(
            "Only one of source-positions and source-names can be specified.", code=code
        )
    for given, what in ((positions, "source-positions"), (names, "source-names")):
        if given and len(given) != len(revisions):
            raise FatalError(
                f"While using --revisions and --{what}, length of values for both flags should "
                "be same.",
                code=code,
            )
    if any(position <= 0 for position in positions):
        raise FatalError(
            "source-position cannot be less than or equal to 0, Counting starts at 1", code=code
        )
    if revisions and not positions and not names:
        raise FatalError(
            "--revisions needs --source-positions or --source-names, to say what they are for",
            code=code,
        )


SEVERAL = (
    "argocd cli does not work on multi-source app with --revision flag. Use --revisions and "
    "--source-positions instead."
)


def revisions_of(call: Call, application: Application) -> Mapping[int, str]:
    """The revisions that are named, by the index of the source; empty where none is."""
    spec = application.spec
    revisions = call.texts("revisions")
    if not revisions:
        revision = call.text("revision")
        if revision and spec.sources:
            raise FatalError(SEVERAL)
        return {0: revision} if revision else {}
    sources = spec.sources or ((spec.source,) if spec.source else ())
    known = {source.name: index for index, source in enumerate(sources, 1) if source.name}
    positions: Sequence[int] = call.numbers("source-positions")
    for name in call.texts("source-names"):
        if name not in known:
            raise FatalError(f"Unknown source name '{name}'", code=1)
        positions = [*positions, known[name]]
    if any(position > len(sources) for position in positions):
        raise FatalError(
            "source-position cannot be less than 1 or more than number of sources in the app. "
            "Counting starts at 1.",
            code=1,
        )
    return {
        position - 1: revision
        for position, revision in zip(positions, revisions, strict=True)
        if revision
    }
