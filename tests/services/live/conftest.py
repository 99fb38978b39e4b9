"""Fixtures of the index's tests."""

from __future__ import annotations

import pytest

from tests.fakes.kube import FakeCluster


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()
