"""The controller's flags against the contract's facts, and what they make of a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tiphys.bootstrap.application_controller import (
    CONTROLLER_FLAGS,
    RUN_FLAGS,
    controller_options,
)
from tiphys.bootstrap.controllerflags import CONTRACT_FLAGS, OWN_FLAGS, WITHOUT_EFFECT
from tiphys.bootstrap.serverflags import Given, Where, read_flags
from tiphys.cli.errors import UsageError

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "application_controller.json").read_text()
)
FLAGS = {flag.name: flag for flag in CONTRACT_FLAGS}
HONOURED = {"ARGOCD_SYNC_WAVE_DELAY", "ARGOCD_K8S_CLIENT_QPS", "ARGOCD_K8S_CLIENT_BURST"}
"""Variables without a flag that are read elsewhere."""


def read(*line: str, **environment: str) -> Given:
    return read_flags(CONTROLLER_FLAGS, line, environment)


@pytest.mark.parametrize("fact", FACTS["flags"], ids=lambda fact: fact["name"])
def test_every_flag_of_the_contract_is_there(fact: dict[str, Any]) -> None:
    if fact["name"] == "help":
        assert read("--help").wants_help
        assert read("-h").wants_help
        return
    flag = FLAGS[fact["name"]]
    assert flag.kind.value == fact["type"]
    assert flag.default == (fact["default"] or "")
    assert flag.short == (fact["short"] or "")


def test_there_is_no_other_flag() -> None:
    named = {fact["name"] for fact in FACTS["flags"]}
    assert set(FLAGS) == named - {"help"}
    assert {flag.name for flag in OWN_FLAGS} == {
        "data",
        "live-address",
        "live-port",
        "metrics-address",
        "observe",
        "take-over",
    }


def test_every_variable_of_the_contract_is_read_or_said_to_have_no_effect() -> None:
    read_by_flags = {flag.env for flag in CONTRACT_FLAGS if flag.env}
    known = read_by_flags | set(WITHOUT_EFFECT) | HONOURED
    assert set(FACTS["environment"]) <= known
    assert not read_by_flags & set(WITHOUT_EFFECT)


def test_without_flags_everything_is_as_the_contract_has_it() -> None:
    given = read()
    assert given.general == {}
    assert given.params == {}
    assert given.lists["enable-k8s-event"] == ("all",)
    assert given.number("metrics-port") == 8082
    assert given.texts["loglevel"] == "info"
    assert not given.wants_help


def test_a_flag_beats_its_variable_which_is_laid_over_the_config_map() -> None:
    variable = {"ARGOCD_APPLICATION_CONTROLLER_STATUS_PROCESSORS": "7"}
    assert read(**variable).params == {"controller.status.processors": "7"}
    given = read("--status-processors=9", **variable)
    assert given.params == {"controller.status.processors": "9"}
    assert read(ARGOCD_APPLICATION_CONTROLLER_STATUS_PROCESSORS="").params == {}


def test_resync_is_seconds_as_a_flag_and_a_duration_as_a_variable() -> None:
    assert read("--app-resync", "90").general == {"timeout.reconciliation": "90s"}
    given = read(ARGOCD_RECONCILIATION_TIMEOUT="3m")
    assert given.general == {"timeout.reconciliation": "3m"}
    with pytest.raises(UsageError, match='"90s" for "--app-resync" flag: not a number'):
        read("--app-resync=90s")
    with pytest.raises(UsageError, match="ARGOCD_RECONCILIATION_TIMEOUT: not a duration"):
        read(ARGOCD_RECONCILIATION_TIMEOUT="soon")


def test_lists_are_joined_by_commas_or_by_being_given_again() -> None:
    given = read("--application-namespaces=team-*,apps", "--application-namespaces", "more")
    assert given.params == {"application.namespaces": "team-*,apps,more"}
    assert given.lists["application-namespaces"] == ("team-*", "apps", "more")
    assert read("--enable-k8s-event=none").lists["enable-k8s-event"] == ("none",)
    given = read(ARGOCD_ENABLE_K8S_EVENT="StatusRefreshed,OperationStarted")
    assert given.lists["enable-k8s-event"] == ("StatusRefreshed", "OperationStarted")


LATER = [flag for flag in CONTRACT_FLAGS if flag.where is Where.ONLY_DEFAULT]


@pytest.mark.parametrize("flag", LATER, ids=lambda flag: flag.name)
def test_what_is_not_supported_is_accepted_as_its_default_and_refused_by_name(
    flag: Any,
) -> None:
    read(f"--{flag.name}={flag.usual}")
    other = {"bool": "true", "int": "17", "float": "0.5", "duration": "17s"}
    value = other.get(flag.kind.value, "a=b")
    if flag.usual == "true":
        value = "false"
    with pytest.raises(UsageError, match=f"--{flag.name} .*not supported"):
        read(f"--{flag.name}={value}")
    if flag.env:
        with pytest.raises(UsageError, match=flag.env):
            read(**{flag.env: value})
        read(**{flag.env: flag.usual})


def test_a_default_may_be_written_otherwise() -> None:
    read("--app-state-cache-expiration=60m", "--wq-basedelay-ns=1000us", "--redisdb=0")
    read("--otlp-insecure=TRUE", REDIS_SERVER="argocd-redis:6379")


def test_what_is_no_flag_or_no_value_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown flag: --colour"):
        read("--colour=red")
    with pytest.raises(UsageError, match="unknown argument: now"):
        read("now")
    with pytest.raises(UsageError, match='"x" for "--metrics-port" flag: not a number'):
        read("--metrics-port=x")
    with pytest.raises(UsageError, match="not a boolean"):
        read("--server-side-diff-enabled=perhaps")
    with pytest.raises(UsageError, match="flag needs an argument"):
        read("--kubeconfig")


def test_the_single_process_knows_no_flags_of_other_processes() -> None:
    names = {flag.name for flag in RUN_FLAGS}
    assert {"status-processors", "kubeconfig", "observe"} <= names
    assert not names & {"redis", "repo-server", "sharding-method"}


def test_options_are_made_of_what_was_given(tmp_path: Path) -> None:
    given = read(
        "-n", "apps", "--kubeconfig=/k", "--token=secret", "--metrics-port=0", "--observe",
        f"--data={tmp_path}", "--request-timeout=5", "--sync-timeout=60",
    )  # fmt: skip
    options = controller_options(given, {})
    assert options.namespace == "apps"
    assert options.connection.kubeconfig == "/k"
    assert options.connection.access.request_timeout == "5"
    assert "secret" not in repr(options)
    assert options.params == {"controller.sync.timeout.seconds": "60"}
    assert (options.metrics_port, options.observe, options.take_over) == (0, True, False)
    assert options.data == tmp_path
