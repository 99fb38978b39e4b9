"""`admin export` and `admin import`: all that a control plane manages, as documents and back."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.cli.app.session import cluster_choice, wiring, write
from tiphys.cli.command import Call, command
from tiphys.cli.documents import decoded, read
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import ADMIN_KUBE_FLAGS, commas, text, yes
from tiphys.cli.output import to_yaml
from tiphys.cli.prompts import confirmed
from tiphys.core.settings.duration import format_duration

if TYPE_CHECKING:
    from tiphys.services.backup.service import Namespaces

_NAMESPACES = (
    commas("application-namespaces", "Globs of the namespaces with Applications, besides ours"),
    commas("applicationset-namespaces", "Globs of the namespaces with ApplicationSets"),
)


@command(
    "export",
    (
        *_NAMESPACES,
        text("out", "The file to write; - is standard output", "o", "-"),
        *ADMIN_KUBE_FLAGS,
    ),
    usage="[flags]",
    summary="Write settings, credentials, projects and applications as YAML.",
)
def export(call: Call) -> None:
    asyncio.run(_export(call))


async def _export(call: Call) -> None:
    async with wiring(call).backups(cluster_choice(call)) as backups:
        found = await backups.export(_namespaces(call))
    made = "".join(f"{to_yaml(one)}---\n" for one in found)
    if call.text("out") == "-":
        write(made)
        return
    _write_private(Path(call.text("out")), made)


def _write_private(path: Path, content: str) -> None:
    """It holds passwords: nobody else may read it."""
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
    except OSError as error:
        raise FatalError(f"open {path}: {error.strerror}", code=1) from None


@command(
    "import",
    (
        *_NAMESPACES,
        yes("dry-run", "Only say what would be done"),
        yes("ignore-tracking", "Leave what tracks the live objects as it is"),
        yes("override-on-conflict", "Write again what changed meanwhile"),
        yes("prompts-enabled", "Ask before something is pruned"),
        yes("prune", "Delete what is not in the backup"),
        text("skip-resources-with-label", "Leave objects with this label alone: key=value"),
        yes("stop-operation", "Start no operation that the backup holds"),
        yes("verbose", "Say as well what is unchanged"),
        *ADMIN_KUBE_FLAGS,
    ),
    usage="SOURCE [flags]",
    summary="Restore what `admin export` wrote, from a file or, for -, from standard input.",
)
def import_command(call: Call) -> None:
    if len(call.words) != 1:
        call.help_and_fail()
    asyncio.run(_import(call))


async def _import(call: Call) -> None:
    from tiphys.services.backup.service import Restoring

    began = time.monotonic()
    documents = await decoded(call, read(call.words[0]))
    how = Restoring(
        dry_run=call.yes("dry-run"),
        prune=call.yes("prune"),
        stop_operation=call.yes("stop-operation"),
        ignore_tracking=call.yes("ignore-tracking"),
        override_on_conflict=call.yes("override-on-conflict"),
        verbose=call.yes("verbose"),
        skipped_label=call.text("skip-resources-with-label"),
    )
    if how.skipped_label and "=" not in how.skipped_label:
        raise FatalError(f"expected a label as key=value, but got: {how.skipped_label}", code=1)
    _say(f"import process started {call.text('namespace')}".rstrip())
    async with wiring(call).backups(cluster_choice(call)) as backups:
        await backups.restore(
            documents, _namespaces(call), how, _say, lambda question: confirmed(call, question)
        )
        namespace = backups.namespace
    duration = format_duration(round(time.monotonic() - began, 3))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _say(
        f"Import process completed successfully in namespace {namespace} at {now}, "
        f"duration: {duration}"
    )


def _say(line: str) -> None:
    write(line + "\n")
    sys.stdout.flush()


def _namespaces(call: Call) -> Namespaces:
    from tiphys.services.backup.service import Namespaces

    def named(flag: str) -> Sequence[str] | None:
        return call.parts(flag) if call.given(flag) else None

    return Namespaces(
        applications=named("application-namespaces"), sets=named("applicationset-namespaces")
    )
