"""`app get` under our own name says why an application is OutOfSync."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.world import World, app
from tiphys.core.diff.explain import FieldDifference
from tiphys.model.resource import ResourceKey


def config_map(name: str, color: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "demo"},
        "data": {"color": color},
    }


def late(kind: str, name: str) -> dict[str, str]:
    return {
        "version": "v1",
        "kind": kind,
        "namespace": "demo",
        "name": name,
        "status": "OutOfSync",
    }


def own(manifest: dict[str, Any]) -> dict[str, Any]:
    """As the application applies it: with the mark of whose it is."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    tracking = f"guestbook:/{kind}:{metadata['namespace']}/{metadata['name']}"
    annotations = {"argocd.argoproj.io/tracking-id": tracking}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


@pytest.fixture
def drifted(world: World) -> World:
    """Three objects that are OutOfSync, each for another reason."""
    resources = [late("ConfigMap", name) for name in ("changed", "extra", "gone")]
    status = {"sync": {"status": "OutOfSync", "revision": "a" * 40}, "resources": resources}
    world.sources.manifests = [config_map("changed", "blue"), config_map("gone", "blue")]
    tracked = own(config_map("changed", "red"))
    return world.seed(app("guestbook", status=status), tracked, config_map("extra", "blue"))


def test_each_object_says_why(drifted: World) -> None:
    ran = drifted.run("app", "get", "guestbook", program="tiphys", core=False)
    assert ran.code == 0
    assert ran.out.endswith(
        "\nOutOfSync, because:\n"
        "  ConfigMap demo/changed differs:\n"
        '    data.color: desired "blue", live "red"\n'
        "  ConfigMap demo/extra is not in Git\n"
        "  ConfigMap demo/gone is not in the cluster\n"
    )


def test_the_contracts_name_prints_what_the_contract_prints(drifted: World) -> None:
    ran = drifted.run("app", "get", "guestbook")
    assert "because" not in ran.out
    assert drifted.sources.asked == []


def test_nothing_is_rendered_for_what_is_in_order(world: World) -> None:
    world.seed(app("guestbook", status={"sync": {"status": "Synced", "revision": "a" * 40}}))
    ran = world.run("app", "get", "guestbook", program="tiphys", core=False)
    assert "because" not in ran.out
    assert world.sources.asked == []


def test_secrets_are_masked(world: World) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": "demo"},
    }
    world.sources.manifests = [{**secret, "data": {"password": "aHVudGVyMg=="}}]
    status = {
        "sync": {"status": "OutOfSync", "revision": "a" * 40},
        "resources": [late("Secret", "token")],
    }
    live = own({**secret, "data": {"password": "b3RoZXI="}})
    world.seed(app("guestbook", status=status), live)
    ran = world.run("app", "get", "guestbook", program="tiphys", core=False)
    assert 'data.password: desired "++++++++", live "++++++++++++"' in ran.out
    assert "aHVudGVyMg" not in ran.out
    assert "b3RoZXI" not in ran.out


def test_a_source_that_does_not_render_is_a_warning(world: World) -> None:
    status = {
        "sync": {"status": "OutOfSync", "revision": "a" * 40},
        "resources": [late("ConfigMap", "one")],
    }
    broken = app("guestbook", status=status)
    broken["spec"]["source"]["path"] = "nowhere"
    ran = world.seed(broken).run("app", "get", "guestbook", program="tiphys", core=False)
    assert ran.code == 0
    assert "cannot tell why: nowhere: app path does not exist" in ran.err


def test_long_values_and_lists_are_cut() -> None:
    from tiphys.cli.app.reasons import reasons
    from tiphys.services.applications.explain import Cause, Explained

    many = tuple(FieldDifference(("data", f"k{n}"), "x" * 100, None) for n in range(12))
    key = ResourceKey("apps", "Deployment", "", "web")
    shown = reasons([Explained(key, Cause.DIFFERS, many)], 0.0)
    assert "  apps/Deployment web differs:\n" in shown
    assert f'data.k0: desired "{"x" * 56}..., live none' in shown
    assert shown.endswith("    and 2 more fields\n")


def test_the_writer_of_the_live_value_is_named() -> None:
    from tiphys.cli.app.reasons import reasons
    from tiphys.services.applications.explain import Cause, Explained

    difference = FieldDifference(
        ("spec", "replicas"), 2, 3, manager="kubectl-edit", time="1970-01-01T00:00:10Z"
    )
    key = ResourceKey("apps", "Deployment", "demo", "web")
    shown = reasons([Explained(key, Cause.DIFFERS, (difference,))], 40.0)
    assert "    spec.replicas: desired 2, live 3 (written by kubectl-edit, 30s ago)\n" in shown
