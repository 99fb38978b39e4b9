"""The settings as a command needs them: read from the ConfigMaps once, when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.core.settings import Settings, parse_settings
from tiphys.model.errors import ObjectNotFoundError
from tiphys.model.resource import ApiResource
from tiphys.services.live.ports import KubeReader

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
_GENERAL = "argocd-cm"
_PARAMS = "argocd-cmd-params-cm"


class SettingsReader:
    """`namespace` is the control plane's. Raises KubeError and SettingsError."""

    def __init__(self, reader: KubeReader, namespace: str) -> None:
        self._reader = reader
        self.namespace = namespace
        self._data: dict[str, Mapping[str, str]] = {}
        self._present: Settings | None = None

    async def present(self) -> Settings:
        if self._present is None:
            self._present = parse_settings(await self._read(_GENERAL), await self._read(_PARAMS))
        return self._present

    async def namespaces(self) -> tuple[str, ...]:
        """Globs of the namespaces, besides the control plane's, that hold applications.

        What is wrong in the rest of the settings keeps nobody from looking at applications.
        """
        if self._present is not None:
            return self._present.application_namespaces
        return parse_settings({}, await self._read(_PARAMS)).application_namespaces

    async def general(self) -> Mapping[str, str]:
        """The data of argocd-cm as it is written."""
        return await self._read(_GENERAL)

    async def url(self) -> str:
        """Where the UI is, empty when the settings do not say."""
        return str((await self._read(_GENERAL)).get("url") or "").rstrip("/")

    async def _read(self, name: str) -> Mapping[str, str]:
        if name not in self._data:
            try:
                found = await self._reader.get(_CONFIG_MAPS, self.namespace, name)
            except ObjectNotFoundError:
                found = {}
            self._data[name] = found.get("data") or {}
        return self._data[name]
