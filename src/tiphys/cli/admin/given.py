"""The settings and objects that an admin command is given, as files or by the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from tiphys.cli.admin.ports import AdminWiring
from tiphys.cli.app.session import cluster_choice
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import text, yes

SETTINGS_FLAGS = (
    text("argocd-cm-path", "A file with the ConfigMap argocd-cm"),
    text("argocd-secret-path", "A file with the Secret argocd-secret"),
    yes("load-cluster-settings", "Read the settings of the cluster"),
)
_MISSING = "either --argocd-cm-path must be provided or --load-cluster-settings must be set to true"


def admin_wiring(call: Call) -> AdminWiring:
    return cast("AdminWiring", call.wiring)


async def general_settings(call: Call, *, needed: bool) -> Mapping[str, str]:
    """The data of argocd-cm; none where nothing is named and nothing is needed."""
    path = call.text("argocd-cm-path")
    if secret := call.text("argocd-secret-path"):
        await one_object(call, secret, kind="Secret")
    if path:
        found = await one_object(call, path, kind="ConfigMap")
        data = found.get("data") or {}
        if not isinstance(data, Mapping) or not all(isinstance(one, str) for one in data.values()):
            raise FatalError(f"{path}: data holds something else than texts")
        return data
    if call.yes("load-cluster-settings"):
        return await admin_wiring(call).general_settings(cluster_choice(call))
    if needed:
        raise FatalError(_MISSING)
    return {}


async def one_object(call: Call, path: str, *, kind: str = "") -> Mapping[str, Any]:
    """The object of a file, of this kind where it is named."""
    data = _read(path)
    async with admin_wiring(call).documents() as documents:
        found = await documents.decode(data)
    if len(found) != 1:
        raise FatalError(f"{path}: holds {len(found)} objects, not one")
    if kind and found[0].get("kind") != kind:
        raise FatalError(f"{path}: is no {kind}")
    return found[0]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FatalError(f"open {path}: {(error.strerror or '').lower()}") from None
