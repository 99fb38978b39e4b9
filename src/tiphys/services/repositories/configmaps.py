"""Reads and changes the data of ConfigMaps, whoever else changes them meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tiphys.model.errors import ConflictError, ObjectExistsError, ObjectNotFoundError
from tiphys.model.names import LABEL_NAME, LABEL_PART_OF
from tiphys.model.resource import ApiResource
from tiphys.services.live.ports import KubeReader, KubeWriter

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
_MANAGER = "argocd"
_ATTEMPTS = 5

Change = Callable[[Mapping[str, str]], Mapping[str, str]]


class ConfigMapEditor:
    """All methods raise KubeError, and whatever a change raises."""

    def __init__(self, reader: KubeReader, writer: KubeWriter, namespace: str) -> None:
        self._reader = reader
        self._writer = writer
        self._namespace = namespace

    async def read(self, name: str) -> Mapping[str, str]:
        """The data; empty where there is no such ConfigMap."""
        try:
            found = await self._reader.get(_CONFIG_MAPS, self._namespace, name)
        except ObjectNotFoundError:
            return {}
        return found.get("data") or {}

    async def change(self, name: str, change: Change) -> None:
        """Applies a change to the latest data; nothing is written where it changes nothing."""
        for _ in range(_ATTEMPTS):
            try:
                await self._once(name, change)
                return
            except (ConflictError, ObjectExistsError):
                continue
        raise ConflictError(f"ConfigMap {name} changes all the time", status=409)

    async def _once(self, name: str, change: Change) -> None:
        try:
            live = await self._reader.get(_CONFIG_MAPS, self._namespace, name)
        except ObjectNotFoundError:
            if data := dict(change({})):
                labels = {LABEL_NAME: name, LABEL_PART_OF: "argocd"}
                metadata = {"name": name, "namespace": self._namespace, "labels": labels}
                body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
                await self._writer.create(_CONFIG_MAPS, body, manager=_MANAGER)
            return
        before = live.get("data") or {}
        data = dict(change(before))
        if data != before:
            await self._writer.replace(_CONFIG_MAPS, {**live, "data": data}, manager=_MANAGER)
