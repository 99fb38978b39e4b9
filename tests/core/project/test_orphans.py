"""Which objects count as orphaned."""

from typing import Any

import pytest

from tests.core.project.build import project
from tiphys.core.project import may_be_orphaned, warns_of_orphans
from tiphys.model.resource import ResourceKey

OBJECT = ResourceKey("", "ConfigMap", "demo", "left")
DEPLOYMENT = ResourceKey("apps", "Deployment", "demo", "left")


def orphaned(key: ResourceKey = OBJECT, *ignore: dict[str, str], **spec: Any) -> bool:
    return may_be_orphaned(project(orphanedResources={"ignore": list(ignore)}, **spec), key)


def test_only_where_asked_for() -> None:
    assert orphaned()
    assert not may_be_orphaned(project(), OBJECT)
    assert not orphaned(OBJECT, namespaceResourceBlacklist=[{"group": "", "kind": "ConfigMap"}])


def test_when_it_warns() -> None:
    assert warns_of_orphans(project(orphanedResources={"warn": True}))
    assert not warns_of_orphans(project(orphanedResources={"warn": False}))
    assert not warns_of_orphans(project(orphanedResources={}))
    assert not warns_of_orphans(project())


@pytest.mark.parametrize(
    ("key", "built_in"),
    [
        (ResourceKey("", "Service", "default", "kubernetes"), True),
        (ResourceKey("", "Service", "demo", "kubernetes"), False),
        (ResourceKey("", "ServiceAccount", "demo", "default"), True),
        (ResourceKey("", "ServiceAccount", "demo", "other"), False),
        (ResourceKey("", "ConfigMap", "demo", "kube-root-ca.crt"), True),
        (ResourceKey("x", "ConfigMap", "demo", "kube-root-ca.crt"), False),
        (ResourceKey("", "Secret", "demo", "default"), False),
    ],
)
def test_what_every_cluster_makes(key: ResourceKey, built_in: bool) -> None:
    assert orphaned(key) is not built_in


@pytest.mark.parametrize(
    "entry",
    [
        {"group": "apps"},
        {"group": "*", "kind": "Deploy*"},
        {"group": "apps", "kind": "Deployment", "name": "l*"},
    ],
)
def test_ignored(entry: dict[str, str]) -> None:
    assert not orphaned(DEPLOYMENT, entry)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"kind": "Deployment"},
        {"group": "apps", "kind": "StatefulSet"},
        {"group": "apps", "name": "other"},
    ],
)
def test_not_ignored(entry: dict[str, str]) -> None:
    assert orphaned(DEPLOYMENT, entry)
