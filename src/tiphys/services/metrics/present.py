"""In whose name a request is made: known to the task that makes it, and to those it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tiphys.model.metrics import AppLabels
from tiphys.model.traffic import KubeRequest
from tiphys.services.metrics.ports import Metrics

_PRESENT: ContextVar[AppLabels | None] = ContextVar("present application", default=None)


@contextmanager
def in_name_of(app: AppLabels) -> Iterator[None]:
    """Requests inside are counted as this application's."""
    token = _PRESENT.set(app)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def counting(metrics: Metrics) -> Callable[[KubeRequest], None]:
    """What an adapter calls for each request that it made."""
    return lambda request: metrics.requested(request, _PRESENT.get())
