"""The API server's flags against the contract's facts, and what they make of a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tiphys.bootstrap.apiserverflags import FLAGS
from tiphys.bootstrap.serverflags import Given, Where, read_flags
from tiphys.cli.errors import UsageError

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "server.json").read_text())
BY_NAME = {flag.name: flag for flag in FLAGS}


def read(*line: str, **environment: str) -> Given:
    return read_flags(FLAGS, line, environment)


@pytest.mark.parametrize("fact", FACTS["flags"], ids=lambda fact: fact["name"])
def test_every_flag_of_the_contract_is_there(fact: dict[str, Any]) -> None:
    if fact["name"] == "help":
        assert read("--help").wants_help
        return
    flag = BY_NAME[fact["name"]]
    assert (flag.kind.value, flag.default, flag.short) == (
        fact["type"],
        fact["default"] or "",
        fact["short"] or "",
    )


def test_there_is_no_other_flag_but_our_own() -> None:
    ours = {"application-controller", "data"}
    assert set(BY_NAME) == {fact["name"] for fact in FACTS["flags"]} - {"help"} | ours
    assert len(BY_NAME) == len(FLAGS)


@pytest.mark.parametrize(
    "flag", [one for one in FLAGS if one.where is Where.ONLY_DEFAULT], ids=lambda one: one.name
)
def test_what_comes_later_is_refused_by_name(flag: Any) -> None:
    read(f"--{flag.name}={flag.usual}")
    other = {"bool": "false" if flag.default == "true" else "true", "int": "7", "float": "0.5"}
    value = other.get(flag.kind.value, "7m" if flag.kind.value == "duration" else "a=b")
    with pytest.raises(UsageError, match=f"--{flag.name}"):
        read(f"--{flag.name}={value}")


def test_variables_stand_for_flags() -> None:
    given = read(
        ARGOCD_SERVER_INSECURE="true", ARGOCD_SERVER_ROOTPATH="/argo", ARGOCD_TLS_MIN_VERSION="1.3"
    )
    assert given.yes("insecure")
    assert (given.texts["rootpath"], given.texts["tlsminversion"]) == ("/argo", "1.3")
