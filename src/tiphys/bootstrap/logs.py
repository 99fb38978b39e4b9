"""How a process logs: one line an event on standard error, no secrets in it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


def configure_logs(level: str = "info", *, form: str = "json") -> None:
    """`level` is debug, info, warn or error; `form` is json or text, which is logfmt."""
    number = {"debug": logging.DEBUG, "warn": logging.WARNING, "error": logging.ERROR}.get(
        level, logging.INFO
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("msg"),
            _without_user_info,
            structlog.processors.JSONRenderer(serializer=_dumps) if form == "json" else _logfmt(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _without_user_info(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Credentials in a URL never reach a log, whoever put them into a text."""
    for key, value in event.items():
        if isinstance(value, str) and "://" in value:
            event[key] = _USER_INFO.sub("", value)
    return event


def _logfmt() -> Processor:
    return structlog.processors.LogfmtRenderer(
        key_order=["time", "level", "msg"], drop_missing=True, bool_as_flag=False
    )


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()
