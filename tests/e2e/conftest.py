from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack
from tiphys.adapters.devcluster import DevCluster


@pytest.fixture(scope="session")
def stack(devcluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(devcluster, tmp_path_factory.mktemp("stack"))
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
