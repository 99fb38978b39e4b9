"""Which Pods are meant."""

from __future__ import annotations

import pytest

from tiphys.core.pods.chosen import TreePart, Wanted, chosen_pods
from tiphys.model.resource import ResourceKey


def part(kind: str, name: str, *parents: str, group: str = "", space: str = "shop") -> TreePart:
    return TreePart(ResourceKey(group, kind, space, name), f"uid-{name}", parents)


TREE = (
    part("Deployment", "web", group="apps"),
    part("ReplicaSet", "web-1", "uid-web", "uid-gone", group="apps"),
    part("Pod", "web-1-a", "uid-web-1"),
    part("Pod", "alone", space="other"),
    # Two that name one another, as nothing could make them.
    part("Pod", "one", "uid-two"),
    part("Thing", "two", "uid-one"),
    TreePart(ResourceKey("", "Pod", "shop", "missing"), ""),
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["web-1-a", "alone", "one"]),
        (Wanted(kind="Deployment"), ["web-1-a"]),
        (Wanted(group="apps", kind="ReplicaSet", name="web-1"), ["web-1-a"]),
        (Wanted(kind="Pod", name="alone"), ["alone"]),
        (Wanted(namespace="other"), ["alone"]),
        (Wanted(kind="Pod", namespace="other", name="web-1-a"), []),
        (Wanted(kind="Thing"), ["one"]),
        (Wanted(name="missing"), []),
    ],
)
def test_pods_and_those_below(wanted: Wanted, found: list[str]) -> None:
    assert [key.name for key in chosen_pods(TREE, wanted)] == found
