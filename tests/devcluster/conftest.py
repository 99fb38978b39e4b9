"""A client of the session's control plane, and a namespace of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.devcluster.api import Api
from tiphys.adapters.devcluster import DevCluster

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def api(devcluster: DevCluster) -> Api:
    return Api(devcluster)


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    name = f"devcluster-{next(_numbers)}"
    api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    api.delete(f"/api/v1/namespaces/{name}")
