"""Runs a command line to its end and turns what went wrong into lines and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from tiphys.cli.command import LazyGroup
from tiphys.cli.defaults import default_flags
from tiphys.cli.errors import Ended, FatalError, UsageError
from tiphys.cli.log import Level, log

if TYPE_CHECKING:
    from tiphys.cli.ports import Wiring
    from tiphys.model.errors import TiphysError

COMMANDS = {
    "account": ("tiphys.cli.account:account", "Manage accounts"),
    "admin": ("tiphys.cli.admin:admin", "Administration by direct access to the cluster"),
    "app": ("tiphys.cli.app:app", "Manage applications"),
    "cert": ("tiphys.cli.cert:cert", "Manage certificates and SSH keys of servers"),
    "__complete": ("tiphys.cli.completion:complete", ""),
    "completion": ("tiphys.cli.completion:completion", "Let a shell complete commands"),
    "configure": ("tiphys.cli.configure:configure", "Change settings of this client"),
    "context": ("tiphys.cli.context:context", "Show contexts, or choose one"),
    "cluster": ("tiphys.cli.cluster:cluster", "Manage clusters"),
    "devcluster": ("tiphys.cli.devcluster:devcluster", "A control plane of one's own, to try"),
    "gpg": ("tiphys.cli.gpg:gpg", "Manage keys that signatures are checked with"),
    "install": ("tiphys.cli.install:install", "Put into a cluster what Tiphys needs there"),
    "login": ("tiphys.cli.login:login", "Log in to a server"),
    "logout": ("tiphys.cli.logout:logout", "Log out from a server"),
    "proj": ("tiphys.cli.proj:proj", "Manage projects"),
    "relogin": ("tiphys.cli.login:relogin", "Log in once more"),
    "render": ("tiphys.cli.render:render", "Show what a source would give, without a cluster"),
    "repo": ("tiphys.cli.repo:repo", "Manage repositories"),
    "repocreds": ("tiphys.cli.repocreds:repocreds", "Manage credentials for repositories"),
    "version": ("tiphys.cli.version:version", "Show the version"),
}
_LATER = ("appset",)
_INTERRUPTED = 130
_FAILED = 20


def run(
    program: str,
    line: Sequence[str],
    wiring: Wiring,
    processes: Mapping[str, tuple[str, str]] | None = None,
) -> int:
    """The exit code. `processes` are further commands, as `module:attribute` and summary."""
    root = LazyGroup(
        program,
        {**COMMANDS, **(processes or {})},
        later=_LATER,
        help="GitOps continuous delivery for Kubernetes: what is in Git is what runs.",
        subcommand_metavar="[command]",
        options_metavar="[flags]",
    )
    try:
        ended = root.main(list(line), prog_name=program, standalone_mode=False, obj=wiring)
        # click answers the code of a context that was left early.
        return ended if isinstance(ended, int) else 0
    except UsageError as error:
        print(f"Error: {error}")
        if error.hint:
            print(error.hint)
        return 1
    except FatalError as error:
        return _fatal(line, str(error), error.code)
    except Ended as error:
        return error.code
    except click.ClickException as error:
        print(f"Error: {error.format_message()}")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except Exception as error:
        # The tree of errors is imported only when there is one: help has to be fast.
        from tiphys.model.errors import TiphysError

        if not isinstance(error, TiphysError):
            raise
        return _fatal(line, said(error), _FAILED)


def said(error: TiphysError) -> str:
    """A failed call in the words that scripts look for."""
    from tiphys.model import errors

    match error:
        case errors.ApiError():
            code = error.code
        case errors.ObjectNotFoundError() | errors.KindNotFoundError():
            code = errors.ApiCode.NOT_FOUND
        case errors.ForbiddenError():
            code = errors.ApiCode.PERMISSION_DENIED
        case errors.InvalidObjectError():
            code = errors.ApiCode.INVALID_ARGUMENT
        case errors.KubeUnreachableError():
            code = errors.ApiCode.UNAVAILABLE
        case errors.KubeError() if error.status:
            code = errors.ApiCode.UNKNOWN
        case _:
            return str(error)
    return f"rpc error: code = {code} desc = {error}"


def _fatal(line: Sequence[str], message: str, code: int) -> int:
    log(Level.FATAL, message, form="text" if _wants_text(line) else "json")
    return code


def _wants_text(line: Sequence[str]) -> bool:
    """Read from the words themselves, for the command may not have got as far as its flags."""
    asked = [
        word.partition("=")[2] or after
        for word, after in zip(line, [*line[1:], ""], strict=True)
        if word.partition("=")[0] == "--logformat"
    ]
    if asked:
        return asked[-1] == "text"
    try:
        return ("logformat", "text") in default_flags(os.environ)
    except FatalError:
        return False


def flush() -> None:
    """What could not be written because the reader went away is nobody's loss."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
