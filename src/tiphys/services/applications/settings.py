"""The settings as a command needs them: read from the ConfigMaps once, when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tiphys.core.settings import Settings, parse_settings
from tiphys.model.errors import ObjectNotFoundError
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.applications.values import SyncRules
from tiphys.services.live.ports import KubeReader

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
_CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, _VERBS)
REQUIRES_OVERRIDE = "application.sync.requireOverridePrivilegeForRevisionSync"
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

    async def sync_rules(self) -> SyncRules:
        """A command stands behind no API server: only what is stored counts for it."""
        data = await self._read(_GENERAL)
        return SyncRules(override_for_revision=data.get(REQUIRES_OVERRIDE) == "true")

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


class FollowedSettings(SettingsReader):
    """The same for a process that follows the ConfigMaps: each answer is the present one.

    `replace_allowed` is what the process was told of syncs that replace.
    """

    def __init__(
        self,
        reader: KubeReader,
        namespace: str,
        settings: Callable[[], Settings],
        config_map: Callable[[str], Manifest | None],
        *,
        replace_allowed: bool = True,
    ) -> None:
        super().__init__(reader, namespace)
        self._followed = settings
        self._config_map = config_map
        self._replace_allowed = replace_allowed

    async def present(self) -> Settings:
        return self._followed()

    async def namespaces(self) -> tuple[str, ...]:
        return self._followed().application_namespaces

    async def sync_rules(self) -> SyncRules:
        return replace(await super().sync_rules(), replace_allowed=self._replace_allowed)

    async def _read(self, name: str) -> Mapping[str, str]:
        return (self._config_map(name) or {}).get("data") or {}
