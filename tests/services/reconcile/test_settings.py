"""Settings, projects and Secrets of the control plane's namespace as they change."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.kube import CONFIG_MAPS
from tiphys.model.errors import SettingsError
from tiphys.model.live import ObjectList, WatchEvent, WatchVerb
from tiphys.services.reconcile.named import NamedObjects, Projects
from tiphys.services.reconcile.settings import Overlay, SettingsSource

URL = "https://git.example.com/apps"


def config(name: str = "argocd-cm", **data: str) -> dict[str, Any]:
    named = {key.replace("_", "."): value for key, value in data.items()}
    return {"metadata": {"name": name}, "data": named}


def loaded(*manifests: dict[str, Any]) -> NamedObjects:
    objects = NamedObjects()
    objects.replaced(CONFIG_MAPS, ObjectList(tuple(manifests), "1"))
    return objects


def test_without_their_config_map_nothing_starts() -> None:
    with pytest.raises(SettingsError, match="tiphys install"):
        SettingsSource(loaded()).load()


def test_a_change_is_heard_of_once() -> None:
    objects = loaded(config(timeout_reconciliation="10s"))
    source = SettingsSource(objects)
    heard = []
    source.listener = lambda: heard.append(source.present().reconciliation)
    assert source.load().reconciliation == 10.0
    for verb in (WatchVerb.MODIFIED, WatchVerb.MODIFIED):
        objects.changed(CONFIG_MAPS, WatchEvent(verb, config(timeout_reconciliation="20s")))
    objects.changed(CONFIG_MAPS, WatchEvent(WatchVerb.ADDED, config("other")))
    assert heard == [20.0]


def test_what_cannot_be_read_keeps_its_last_good_value_and_is_said_once() -> None:
    objects = loaded(config(timeout_reconciliation="10s"))
    source = SettingsSource(objects)
    source.load()
    with capture_logs() as logs:
        for installation in ("one", "two"):
            bad = config(timeout_reconciliation="soon", installationID=installation)
            objects.changed(CONFIG_MAPS, WatchEvent(WatchVerb.MODIFIED, bad))
    assert source.present().reconciliation == 10.0
    assert source.present().installation_id == "two"
    said = [entry["error"] for entry in logs if entry["log_level"] == "error"]
    assert [text.partition(":")[0] for text in said] == ["timeout.reconciliation"]


def test_a_first_value_that_cannot_be_read_ends_the_start() -> None:
    with pytest.raises(SettingsError, match="soon"):
        SettingsSource(loaded(config(timeout_reconciliation="soon"))).load()


def test_projects_come_and_go() -> None:
    objects = loaded(config("default"), config("old"))
    projects = Projects(objects)
    heard: list[str] = []
    objects.listener = heard.append
    objects.changed(CONFIG_MAPS, WatchEvent(WatchVerb.DELETED, config("default")))
    assert projects.find("default") is None
    objects.replaced(CONFIG_MAPS, ObjectList((config("new"),), "2"))
    assert heard[0] == "default"
    assert sorted(heard[1:]) == ["new", "old"]
    assert projects.find("new") is not None
    assert objects.listed


def test_what_the_process_was_given_beats_the_config_maps() -> None:
    objects = loaded(
        config(timeout_reconciliation="10s", installationID="one"),
        config("argocd-cmd-params-cm", controller_status_processors="3"),
    )
    overlay = Overlay(
        general={"timeout.reconciliation": "30s"},
        params={"controller.sync.timeout.seconds": "60"},
        wave_delay="7",
    )
    source = SettingsSource(objects, overlay)
    settings = source.load()
    assert (settings.reconciliation, settings.installation_id) == (30.0, "one")
    assert (settings.status_processors, settings.sync_timeout) == (3, 60.0)
    assert settings.wave_delay == 7.0
    assert source.params()["controller.sync.timeout.seconds"] == "60"
    heard: list[float] = []
    source.listener = lambda: heard.append(source.present().reconciliation)
    changed = config(timeout_reconciliation="99s", installationID="two")
    objects.changed(CONFIG_MAPS, WatchEvent(WatchVerb.MODIFIED, changed))
    assert heard == [30.0]


def test_when_their_config_map_goes_the_last_settings_stay() -> None:
    objects = loaded(config(timeout_reconciliation="10s", installationID="one"))
    source = SettingsSource(objects)
    source.load()
    with capture_logs() as logs:
        objects.changed(CONFIG_MAPS, WatchEvent(WatchVerb.DELETED, config()))
    assert source.present().installation_id == "one"
    assert logs[0]["log_level"] == "error"
    back = config(timeout_reconciliation="20s", installationID="one")
    objects.changed(CONFIG_MAPS, WatchEvent(WatchVerb.ADDED, back))
    assert source.present().reconciliation == 20.0
