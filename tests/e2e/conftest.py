import os
from collections.abc import Iterator

import pytest

from tests.e2e.apart import ThreeStack
from tests.e2e.stack import Stack
from tiphys.adapters.devcluster import DevCluster


@pytest.fixture(scope="session")
def stack(devcluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """TIPHYS_PROCESSES=three runs Tiphys as it is installed on clusters."""
    apart = os.environ.get("TIPHYS_PROCESSES") == "three"
    kind = ThreeStack if apart else Stack
    stack = kind(devcluster, tmp_path_factory.mktemp("stack"))
    stack.install()
    stack.start_git()
    stack.start_tiphys()
    yield stack
    stack.stop()


@pytest.fixture(scope="module", autouse=True)
def few_applications(stack: Stack) -> Iterator[None]:
    """What a file leaves behind is not compared and polled for all the files that follow."""
    yield
    stack.forget_applications()
