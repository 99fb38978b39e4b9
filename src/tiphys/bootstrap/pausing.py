"""ARGOCD_PAUSE_GEN_*: when a source that cannot be rendered is left alone for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from tiphys.services.render.failures import Pause

_ATTEMPTS: Final = "ARGOCD_PAUSE_GEN_AFTER_FAILED_ATTEMPTS"
_MINUTES: Final = "ARGOCD_PAUSE_GEN_MINUTES"
_REQUESTS: Final = "ARGOCD_PAUSE_GEN_REQUESTS"
_MOST: Final = 1_000_000

log = structlog.get_logger()


def read_pause(environment: Mapping[str, str]) -> Pause:
    """What cannot be read is as if it were not there, and said so."""
    usual = Pause()
    return Pause(
        attempts=_number(environment, _ATTEMPTS, usual.attempts),
        minutes=float(_number(environment, _MINUTES, int(usual.minutes))),
        requests=_number(environment, _REQUESTS, usual.requests),
    )


def _number(environment: Mapping[str, str], name: str, usual: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return usual
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= _MOST:
        return int(text)
    log.warning("a variable is not a number of its range", variable=name, used=usual)
    return usual
