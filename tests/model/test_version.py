"""What clients are told of the program."""

import pytest

from tiphys.model.version import platform_of


@pytest.mark.parametrize(
    ("machine", "named"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")]
)
def test_platforms_have_the_contract_s_names(machine: str, named: str) -> None:
    assert platform_of("linux", machine) == f"linux/{named}"
