"""Container images of pods, workloads and cron jobs."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.manifest.images import container_images

SPEC = {
    "initContainers": [{"image": "init:1"}],
    "containers": [{"image": "web:1"}, {"image": "side:2"}, {"name": "none"}, "text"],
}


@pytest.mark.parametrize(
    "manifest",
    [
        {"spec": SPEC},
        {"spec": {"template": {"spec": SPEC}}},
        {"spec": {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}}},
    ],
)
def test_images(manifest: dict[str, Any]) -> None:
    assert container_images(manifest) == ("web:1", "side:2")
    assert container_images(manifest, init=True) == ("init:1", "web:1", "side:2")


@pytest.mark.parametrize(
    "manifest", [{}, {"spec": None}, {"spec": "x"}, {"spec": {"containers": {"image": "a"}}}]
)
def test_no_images(manifest: dict[str, Any]) -> None:
    assert container_images(manifest) == ()
