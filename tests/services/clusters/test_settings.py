"""Settings that say whose an object is, changed while clusters are connected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.services.clusters.test_registry import FAR, clusters, secret, until
from tiphys.core.settings import Settings
from tiphys.core.settings.settings import TrackingMethod

LABELLED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "x", "labels": {"app.kubernetes.io/instance": "shop"}},
}


async def test_another_method_reads_all_objects_anew() -> None:
    async with clusters() as here:
        here.add(secret())
        before = here.registry.view(here.far())
        await here.registry.ready(here.far())
        here.clusters[FAR].seed(LABELLED)
        assert before.index.tracked("shop") == []
        connection = here.connections[FAR][-1]
        here.told.clear()
        here.settings = Settings(tracking=TrackingMethod.LABEL)
        here.registry.settings_changed()
        # Its users hear of it, and what was read before counts for nothing.
        assert [name for name, _ in here.told] == ["far"]
        after = here.registry.view(here.far())
        assert after is not before
        await here.registry.ready(here.far())
        await until(lambda: after.index.tracked("shop"))
        await until(lambda: connection.closed)


async def test_other_settings_leave_the_connection_alone() -> None:
    async with clusters() as here:
        here.add(secret())
        before = here.registry.view(here.far())
        here.settings = replace(here.settings, wave_delay=0.0)
        here.registry.settings_changed()
        assert here.registry.view(here.far()) is before
