"""`admin settings resource-overrides`: what is said of kinds, tried on the object of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tiphys.cli.admin.given import SETTINGS_FLAGS, admin_wiring, general_settings, one_object
from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command, group
from tiphys.cli.diffing import show_difference
from tiphys.cli.globals import Flag, FlagKind
from tiphys.core.settings.duration import parse_duration
from tiphys.core.settings.overrides import IgnoreRule, ResourceOverrides
from tiphys.core.settings.parse import parse_settings
from tiphys.core.settings.settings import Settings
from tiphys.model.resource import GroupKind, gvk_of
from tiphys.services.settings.trying import health_of, left_of

_TIMEOUT = "ignore-normalizer-jq-execution-timeout"
_JQ_FLAGS = (Flag(_TIMEOUT, FlagKind.DURATION, "The time for one jq expression", default="1s"),)

overrides = group(
    "resource-overrides",
    {
        "health": ("tiphys.cli.admin.overrides:health", "Judge the object of a file"),
        "ignore-differences": (
            "tiphys.cli.admin.overrides:ignore_differences",
            "Show the fields that no comparison looks at",
        ),
        "ignore-resource-updates": (
            "tiphys.cli.admin.overrides:ignore_resource_updates",
            "Show the fields whose changes wake nobody",
        ),
    },
    "Try what settings say of kinds on the object of a file.",
    later=("list-actions", "run-action"),
    flags=SETTINGS_FLAGS,
)


@command("health", SETTINGS_FLAGS, usage="RESOURCE_YAML_PATH", summary="Judge an object.")
def health(call: Call) -> None:
    async def main() -> None:
        manifest, settings = await _given(call)
        async with admin_wiring(call).evaluator() as evaluator:
            found = await health_of(manifest, settings.overrides, evaluator)
        if found is None:
            write(f"Health script is not configured for '{_kind(manifest)}'\n")
        else:
            write(f"STATUS: {found.status.value}\nMESSAGE: {found.message}\n")

    asyncio.run(main())


@command(
    "ignore-differences",
    SETTINGS_FLAGS,
    usage="RESOURCE_YAML_PATH",
    summary="Show the fields that no comparison looks at.",
)
def ignore_differences(call: Call) -> None:
    _show_ignored(call, lambda overrides: overrides.ignore_differences, within=_seconds("1s"))


@command(
    "ignore-resource-updates",
    (*SETTINGS_FLAGS, *_JQ_FLAGS),
    usage="RESOURCE_YAML_PATH",
    summary="Show the fields whose changes wake nobody.",
)
def ignore_resource_updates(call: Call) -> None:
    _show_ignored(
        call, lambda overrides: overrides.ignore_updates, within=_seconds(call.text(_TIMEOUT))
    )


def _show_ignored(
    call: Call, rules: Callable[[ResourceOverrides], Sequence[IgnoreRule]], *, within: float
) -> None:
    async def main() -> None:
        manifest, settings = await _given(call)
        async with admin_wiring(call).evaluator() as evaluator:
            left = await left_of(manifest, rules(settings.overrides), evaluator, within=within)
        if left is None:
            write(f"Ignore differences are not configured for '{_kind(manifest)}'\n")
            return
        for expression, reason in left.skipped:
            write(f"{expression}: {reason}\n")
        if left.manifest == manifest:
            write("No fields are ignored\n")
            return
        write("Following fields are ignored:\n\n")
        show_difference(manifest["metadata"]["name"], manifest, left.manifest)

    asyncio.run(main())


async def _given(call: Call) -> tuple[dict[str, Any], Settings]:
    if len(call.words) != 1:
        call.help_and_fail()
    manifest = await one_object(call, call.words[0])
    return dict(manifest), parse_settings(await general_settings(call, needed=False), {})


def _kind(manifest: dict[str, Any]) -> GroupKind:
    return gvk_of(manifest).group_kind


def _seconds(text: str) -> float:
    return parse_duration(text) or 1.0
