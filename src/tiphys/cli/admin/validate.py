"""`admin settings validate`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tiphys.cli.admin.given import SETTINGS_FLAGS, general_settings
from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import texts
from tiphys.core.settings.validation import Group, check

_FLAGS = (
    *SETTINGS_FLAGS,
    texts("group", "Only this group: accounts, general, kustomize or resource-overrides"),
)


@command("validate", _FLAGS, usage="[flags]", summary="Check settings.")
def validate(call: Call) -> None:
    groups = [_group(name) for name in call.texts("group")] or list(Group)
    data = asyncio.run(general_settings(call, needed=True))
    write("\n".join(_shown(group, data) for group in groups))


def _group(name: str) -> Group:
    try:
        return Group(name)
    except ValueError:
        known = ", ".join(group.value for group in Group)
        raise FatalError(f"unknown group {name}: there are {known}") from None


def _shown(group: Group, data: Mapping[str, str]) -> str:
    found = check(group, data)
    lines = [f"{'✅' if found.good else '❌'} {group.value}", found.summary, *found.notes]
    return "".join(f"{line}\n" for line in lines)
