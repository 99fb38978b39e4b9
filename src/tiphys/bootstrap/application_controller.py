"""`tiphys run` and `tiphys application-controller`: the controller as a process.

Both read the contract's flags and variables. `run` is everything in one process: it knows no flags
that are about other processes, and is content without its port for metrics.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tiphys.bootstrap.apiserverflags import EDGE_FLAGS
from tiphys.bootstrap.controllerflags import (
    CONTRACT_FLAGS,
    OTHER_PROCESSES,
    OWN_FLAGS,
    WITHOUT_EFFECT,
)
from tiphys.bootstrap.serverflags import Given, GoKind, ServerFlag, Where, read_flags
from tiphys.cli.errors import UsageError
from tiphys.core.settings.duration import parse_duration

if TYPE_CHECKING:
    from tiphys.bootstrap.options import ControllerOptions, RedisCache, RenderProcess
    from tiphys.cli.ports import KubeAccess

CONTROLLER_PROGRAM = "argocd-application-controller"
CONTROLLER_FLAGS = (*CONTRACT_FLAGS, *OWN_FLAGS)
_OF_CONTROLLER = tuple(
    flag
    for flag in CONTROLLER_FLAGS
    if flag.where is not Where.ONLY_DEFAULT and flag not in OTHER_PROCESSES
)
_NAMES = frozenset(flag.name for flag in _OF_CONTROLLER)
RUN_FLAGS = (*_OF_CONTROLLER, *(flag for flag in EDGE_FLAGS if flag.name not in _NAMES))
_ABOUT = "Compares, syncs and heals every Application, until it is told to stop."
_LIFETIME = 86_400.0
"""Seconds that a render stays on Redis, where nobody says otherwise."""
_CHOICES = {"logformat": ("json", "text"), "loglevel": ("debug", "info", "warn", "error")}


class _Command(click.Command):
    """Reads its line as the contract does, which is not how click does."""

    def __init__(
        self,
        name: str,
        flags: Sequence[ServerFlag],
        callback: Callable[[Given], None],
        text: str,
        about: str,
    ) -> None:
        super().__init__(name, callback=callback, short_help=text)
        self._flags = flags
        self._about = about

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = read_flags(self._flags, args, os.environ)
        if given.wants_help:
            click.echo(_help(ctx.command_path, self._flags, self._about))
            ctx.exit()
        for name, choices in _CHOICES.items():
            if name in given.texts and given.texts[name] not in choices:
                raise UsageError(
                    f"--{name}: {given.texts[name]} is not one of {', '.join(choices)}"
                )
        ctx.params["given"] = given
        return []


def _help(program: str, flags: Sequence[ServerFlag], about: str) -> str:
    formatter = click.HelpFormatter(width=100)
    formatter.write_usage(program, "[flags]")
    formatter.write_paragraph()
    formatter.write_text(about)
    with formatter.section("Flags"):
        formatter.write_dl([(_usage(flag), flag.help) for flag in flags if flag.help])
    return formatter.getvalue().rstrip()


def _usage(flag: ServerFlag) -> str:
    names = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    if flag.kind is GoKind.BOOL:
        return names
    return f"{names} {flag.kind.value}" + (f" ({flag.default})" if flag.default else "")


def _controller(given: Given) -> None:
    _refuse_shards(os.environ)
    _start(given, controller_options(given, os.environ))


def _everything(given: Given) -> None:
    from dataclasses import replace

    options = controller_options(given, os.environ)
    options = replace(
        options,
        namespace=options.namespace or "argocd",
        metrics_optional=True,
        api=given,
    )
    _start(given, options)


def _start(given: Given, options: ControllerOptions) -> None:
    from tiphys.bootstrap.controller import run_controller
    from tiphys.bootstrap.logs import configure_logs

    configure_logs(given.texts["loglevel"], form=given.texts["logformat"])
    say_without_effect(os.environ)
    asyncio.run(run_controller(options))


def process_command(
    name: str,
    flags: Sequence[ServerFlag],
    callback: Callable[[Given], None],
    text: str,
    about: str = _ABOUT,
) -> click.Command:
    """A command that reads its flags as the contract's programs do."""
    return _Command(name, flags, callback, text, about)


application_controller = process_command(
    "application-controller", CONTROLLER_FLAGS, _controller, "Run the application controller"
)
run = process_command("run", RUN_FLAGS, _everything, "Run Tiphys in one process")


def controller_options(given: Given, environment: Mapping[str, str]) -> ControllerOptions:
    from tiphys.bootstrap.options import Connection, ControllerOptions

    texts = given.texts
    connection = Connection(
        kubeconfig=texts["kubeconfig"], context=texts["context"], access=access_of(given)
    )
    return ControllerOptions(
        connection=connection,
        namespace=texts["namespace"],
        data=Path(texts["data"]) if texts["data"] else state_folder(environment),
        general=given.general,
        params=given.params,
        events=given.lists["enable-k8s-event"],
        **_only_of_controllers(given),
    )


def _only_of_controllers(given: Given) -> dict[str, Any]:
    """What a command that looks once has no flags for."""
    if "observe" not in given.texts:
        return {}
    return {
        "metrics_address": given.texts["metrics-address"],
        "metrics_port": given.number("metrics-port"),
        "observe": given.yes("observe"),
        "take_over": given.yes("take-over"),
        **(_other_processes(given) if "repo-server" in given.texts else {}),
    }


def _other_processes(given: Given) -> dict[str, Any]:
    return {
        "renders": render_process(given),
        "cache": _redis(given),
        "live_address": given.texts["live-address"],
        "live_port": given.number("live-port"),
    }


def render_process(given: Given) -> RenderProcess | None:
    from tiphys.bootstrap.options import RenderProcess

    texts = given.texts
    if "repo-server" not in given.said or not texts["repo-server"]:
        return None
    return RenderProcess(
        address=texts["repo-server"],
        plaintext=given.yes("repo-server-plaintext"),
        ca=texts["repo-server-ca-cert-path"],
        certificate=texts["repo-server-client-cert-path"],
        key=texts["repo-server-client-cert-key-path"],
        seconds=max(float(given.number("repo-server-timeout-seconds")), 1.0),
    )


def _redis(given: Given) -> RedisCache | None:
    from tiphys.bootstrap.options import RedisCache
    from tiphys.bootstrap.redisflags import compresses, redis_options

    redis = redis_options(given, os.environ)
    if redis is None:
        return None
    lifetime = parse_duration(os.environ.get("ARGOCD_REPO_CACHE_EXPIRATION", ""))
    return RedisCache(redis=redis, compress=compresses(given), lifetime=lifetime or _LIFETIME)


def state_folder(environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "tiphys"


def access_of(given: Given) -> KubeAccess:
    from tiphys.cli.ports import KubeAccess

    texts = given.texts
    timeout = texts["request-timeout"]
    return KubeAccess(
        cluster=texts["cluster"],
        user=texts["user"],
        server=texts["server"],
        token=texts["token"],
        username=texts["username"],
        password=texts["password"],
        proxy_url=texts["proxy-url"],
        tls_server_name=texts["tls-server-name"],
        certificate_authority=texts["certificate-authority"],
        client_certificate=texts["client-certificate"],
        client_key=texts["client-key"],
        insecure_skip_tls_verify=given.yes("insecure-skip-tls-verify"),
        disable_compression=given.yes("disable-compression"),
        request_timeout="" if timeout == "0" else timeout,
        act_as=texts["as"],
        act_as_group=given.lists["as-group"],
        act_as_uid=texts["as-uid"],
    )


def _refuse_shards(environment: Mapping[str, str]) -> None:
    """One process owns all applications."""
    replicas = environment.get("ARGOCD_CONTROLLER_REPLICAS", "")
    if replicas not in ("", "0", "1"):
        raise UsageError(
            f"ARGOCD_CONTROLLER_REPLICAS={replicas} is not supported by this version of Tiphys: "
            "one controller takes care of all applications"
        )


def say_without_effect(
    environment: Mapping[str, str], variables: Sequence[str] = WITHOUT_EFFECT
) -> None:
    import structlog

    for name in variables:
        if environment.get(name):
            structlog.get_logger().warning("variable has no effect in this version", variable=name)
