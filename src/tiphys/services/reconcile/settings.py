"""The present settings: read from the ConfigMaps, and again when those change.

A value that cannot be read is said, and the last good settings stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from tiphys.core.settings import Settings, parse_settings, unsupported_settings
from tiphys.model.errors import SettingsError
from tiphys.services.reconcile.named import NamedObjects

log = structlog.get_logger()

GENERAL = "argocd-cm"
PARAMS = "argocd-cmd-params-cm"


class SettingsSource:
    """`wave_delay` is ARGOCD_SYNC_WAVE_DELAY as the process was given it."""

    def __init__(self, objects: NamedObjects, *, wave_delay: str = "") -> None:
        self._objects = objects
        self._wave_delay = wave_delay
        self._present = Settings()
        self.listener: Callable[[], None] = lambda: None

    def present(self) -> Settings:
        return self._present

    def load(self) -> Settings:
        """Reads for the first time. Raises SettingsError: there are no good ones yet."""
        if self._objects.get(GENERAL) is None:
            raise SettingsError(
                f"ConfigMap {GENERAL} with the label app.kubernetes.io/part-of: argocd "
                "is missing; `tiphys install` creates it",
                key=GENERAL,
            )
        self._present = self._read()
        self._objects.listener = self._changed
        for name in (GENERAL, PARAMS):
            for key in unsupported_settings(self._data(name)):
                log.warning("setting has no effect in this version", configmap=name, key=key)
        return self._present

    def _changed(self, name: str) -> None:
        if name not in (GENERAL, PARAMS):
            return
        try:
            fresh = self._read()
        except SettingsError as error:
            log.error("setting cannot be read, the last good one stays", error=str(error))
            return
        if fresh != self._present:
            self._present = fresh
            log.info("settings changed", configmap=name)
            self.listener()

    def _read(self) -> Settings:
        return parse_settings(self._data(GENERAL), self._data(PARAMS), wave_delay=self._wave_delay)

    def _data(self, name: str) -> Mapping[str, str]:
        return (self._objects.get(name) or {}).get("data") or {}
