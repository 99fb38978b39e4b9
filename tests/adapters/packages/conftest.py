"""Chart servers, registries and adapters, each on folders and ports of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.authority import Authority
from tests.fixtures.chartserver import ChartServer
from tests.fixtures.registry import Registry
from tiphys.adapters.packages.charts.indexes import IndexLimits
from tiphys.adapters.packages.packages import Packages, PackageSettings
from tiphys.adapters.packages.web.pace import WebTiming

USER = "ada:s3cret-of-ada"


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def settings(tmp_path: Path) -> PackageSettings:
    """Every question is asked anew, and no test waits long."""
    return PackageSettings(
        folder=tmp_path / "kept",
        agent="tiphys/test",
        index=IndexLimits(shared=0.0),
        timing=WebTiming(connect=2.0, silence=2.0, whole=10.0, first_wait=0.01, longest_wait=0.2),
    )


@pytest.fixture
async def packages(settings: PackageSettings) -> AsyncIterator[Packages]:
    packages = Packages(settings)
    yield packages
    await packages.aclose()


@pytest.fixture
async def restarted(settings: PackageSettings) -> AsyncIterator[Packages]:
    """Another process on the same folder."""
    packages = Packages(replace(settings))
    yield packages
    await packages.aclose()


@pytest.fixture
async def server() -> AsyncIterator[ChartServer]:
    server = ChartServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def tls_server(authority: Authority, tmp_path: Path) -> AsyncIterator[ChartServer]:
    server = ChartServer(authority.server_context(tmp_path / "tls"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def registry() -> AsyncIterator[Registry]:
    """Open to all, without TLS; every test takes names of its own in it."""
    registry = Registry()
    await registry.start()
    yield registry
    await registry.stop()


@pytest.fixture(scope="session")
async def locked_registry(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registry]:
    """Over TLS, with USER."""
    folder = tmp_path_factory.mktemp("registry")
    issued = authority.issue()
    (folder / "tls.pem").write_text(issued.certificate)
    (folder / "tls.key").write_text(issued.key)
    registry = Registry(user=USER, tls=(str(folder / "tls.pem"), str(folder / "tls.key")))
    await registry.start()
    yield registry
    await registry.stop()
