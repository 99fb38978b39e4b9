"""Namespaces of desired objects, and objects that are desired twice."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.manifest.keys import Desired, Repeated, deduplicate, desired_key, place
from tiphys.model.resource import ResourceKey


def service(name: str = "web", **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, **meta}}


@pytest.mark.parametrize(
    ("namespace", "namespaced", "destination", "expected"),
    [
        (None, True, "prod", "prod"),
        ("", True, "prod", "prod"),
        ("own", True, "prod", "own"),
        (None, None, "prod", "prod"),
        ("own", None, "prod", "own"),
        (None, True, "", None),
        (None, False, "prod", None),
        ("own", False, "prod", None),
        ("", False, "prod", None),
    ],
)
def test_place(
    namespace: str | None, namespaced: bool | None, destination: str, expected: str | None
) -> None:
    manifest = service() if namespace is None else service(namespace=namespace)
    placed = place(manifest, namespaced=namespaced, destination=destination)
    assert placed["metadata"] == (
        {"name": "web"} if expected is None else {"name": "web", "namespace": expected}
    )
    assert (placed is manifest) is (placed == manifest)


def test_place_without_metadata() -> None:
    assert place({"kind": "X"}, namespaced=True, destination="a") == {
        "kind": "X",
        "metadata": {"namespace": "a"},
    }


def test_the_last_of_equal_keys_counts() -> None:
    first, last = service(labels={"v": "1"}), {**service(labels={"v": "2"}), "apiVersion": "v1"}
    other = service("other")
    desired, repeated = deduplicate([first, other, last])
    key = ResourceKey("", "Service", "", "web")
    assert desired == (Desired(key, last), Desired(key._replace(name="other"), other))
    assert repeated == (Repeated(key, 2),)
    assert repeated[0].message == (
        "Resource /Service//web appeared 2 times among application resources."
    )


def test_the_version_is_no_part_of_the_key() -> None:
    one = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
           "metadata": {"name": "a"}}  # fmt: skip
    desired, _ = deduplicate([one, {**one, "apiVersion": "autoscaling/v2"}])
    assert [d.manifest["apiVersion"] for d in desired] == ["autoscaling/v2"]


def test_generated_names_are_never_repeated() -> None:
    hook = {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"generateName": "up-"}}
    desired, repeated = deduplicate([hook, hook])
    assert [d.key.name for d in desired] == ["up-0", "up-1"]
    assert repeated == ()


def test_a_name_wins_over_a_generated_one() -> None:
    assert desired_key(service("web", generateName="x-"), 3).name == "web"
    assert desired_key({"kind": "Service"}, 3).name == ""
