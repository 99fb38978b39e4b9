"""The present settings: read from the ConfigMaps, and again when those change.

What the process was given by flags and variables is laid over them.

Of a key that cannot be read the last good value stays, and that is said; the others take effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from tiphys.core.settings import ReadSettings, Settings, read_settings, unsupported_settings
from tiphys.model.errors import SettingsError
from tiphys.services.reconcile.named import NamedObjects

log = structlog.get_logger()

GENERAL = "argocd-cm"
PARAMS = "argocd-cmd-params-cm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What flags and variables say, by key of each ConfigMap.

    `wave_delay` is ARGOCD_SYNC_WAVE_DELAY as the process was given it.
    """

    general: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    wave_delay: str = ""


class SettingsSource:
    """`listener` is called when the settings are others than before."""

    def __init__(self, objects: NamedObjects, overlay: Overlay | None = None) -> None:
        self._objects = objects
        self._overlay = overlay or Overlay()
        self._read = ReadSettings()
        self._said: frozenset[str] = frozenset()
        self.listener: Callable[[], None] = lambda: None

    def present(self) -> Settings:
        return self._read.settings

    def load(self) -> Settings:
        """Reads for the first time. Raises SettingsError: there are no good ones yet."""
        if self._objects.get(GENERAL) is None:
            raise SettingsError(
                f"ConfigMap {GENERAL} with the label app.kubernetes.io/part-of: argocd "
                "is missing; `tiphys install` creates it",
                key=GENERAL,
            )
        read = self._fresh()
        if read.problems:
            raise read.problems[0]
        self._read = read
        self._objects.listener = self._changed
        for name in (GENERAL, PARAMS):
            for key in unsupported_settings(self._data(name)):
                log.warning("setting has no effect in this version", configmap=name, key=key)
        return self.present()

    def _changed(self, name: str) -> None:
        if name not in (GENERAL, PARAMS):
            return
        if self._objects.get(GENERAL) is None:
            # Without it everything would be managed otherwise than somebody has ordered.
            log.error("settings are gone, the last good ones stay", configmap=GENERAL)
            return
        fresh = self._fresh(self._read)
        self._say(fresh.problems)
        changed = fresh.settings != self._read.settings
        self._read = fresh
        if changed:
            log.info("settings changed", configmap=name)
            self.listener()

    def _say(self, problems: Sequence[SettingsError]) -> None:
        """Each problem once, however often the ConfigMaps change while it is there."""
        texts = frozenset(str(problem) for problem in problems)
        for text in sorted(texts - self._said):
            log.error("setting cannot be read, the last good one stays", error=text)
        self._said = texts

    def _fresh(self, last: ReadSettings | None = None) -> ReadSettings:
        return read_settings(
            self._data(GENERAL), self._data(PARAMS), wave_delay=self._overlay.wave_delay, last=last
        )

    def params(self) -> Mapping[str, str]:
        """argocd-cmd-params-cm as it counts now, for what is no setting of the controller."""
        return self._data(PARAMS)

    def _data(self, name: str) -> Mapping[str, str]:
        stored = (self._objects.get(name) or {}).get("data") or {}
        over = self._overlay.general if name == GENERAL else self._overlay.params
        return {**stored, **over}
