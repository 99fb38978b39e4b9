"""Which Applications are ours, as the setting changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.fakes.kube import FakeCluster
from tests.services.reconcile.world import APPLICATIONS, NAMESPACE, application
from tiphys.core.settings import Settings
from tiphys.model.live import ObjectList, WatchEvent, WatchVerb
from tiphys.services.reconcile.scope import ApplicationScope
from tiphys.services.reconcile.store import ApplicationStore


class Here:
    def __init__(self, *globs: str) -> None:
        self.settings = Settings(application_namespaces=globs)
        self.store = ApplicationStore(FakeCluster(), APPLICATIONS, NAMESPACE)
        self.scope = ApplicationScope(self.store, lambda: self.settings)

    def list(self, *namespaces: str) -> None:
        items = tuple(made(namespace) for namespace in namespaces)
        self.scope.replaced(APPLICATIONS, ObjectList(items, "1"))

    def set(self, *globs: str) -> None:
        self.settings = replace(self.settings, application_namespaces=globs)
        self.scope.settings_changed()


def made(namespace: str) -> dict[str, Any]:
    return application("web", uid=f"u-{namespace}", resourceVersion="1") | {
        "metadata": {
            "name": "web",
            "namespace": namespace,
            "uid": f"u-{namespace}",
            "resourceVersion": "1",
        }
    }


def test_without_the_setting_only_our_own_namespace_is_watched() -> None:
    here = Here()
    assert here.scope.watched == NAMESPACE
    assert not here.scope.listed.is_set()
    here.list(NAMESPACE, "team-a")
    assert list(here.store.names()) == ["web"]
    assert here.scope.listed.is_set()


def test_globs_and_expressions_name_other_namespaces() -> None:
    here = Here("team-*", "/^shop-[0-9]+$/")
    assert here.scope.watched == ""
    here.list(NAMESPACE, "team-a", "shop-7", "shop-x", "other")
    assert sorted(here.store.names()) == ["shop-7_web", "team-a_web", "web"]
    for verb in (WatchVerb.ADDED, WatchVerb.MODIFIED):
        here.scope.changed(APPLICATIONS, WatchEvent(verb, made("other")))
    here.scope.changed(APPLICATIONS, WatchEvent(WatchVerb.ADDED, made("team-b")))
    assert sorted(here.store.names()) == ["shop-7_web", "team-a_web", "team-b_web", "web"]


def test_a_change_of_the_setting_begins_the_watch_anew() -> None:
    here = Here()
    here.set()
    assert not here.scope.outdated.is_set()
    here.set("team-*")
    assert here.scope.outdated.is_set()
    assert here.scope.watched == ""
    here.list(NAMESPACE, "team-a")
    here.scope.outdated.clear()
    here.set()
    assert here.scope.outdated.is_set()
    assert here.scope.watched == NAMESPACE
    here.list(NAMESPACE)
    assert list(here.store.names()) == ["web"]
