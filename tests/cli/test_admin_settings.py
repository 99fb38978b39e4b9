"""`admin settings`: on files, without a cluster, with and without argocd-cm."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.fakes.evaluator import FakeEvaluator
from tiphys.cli.main import run
from tiphys.cli.ports import ClusterChoice
from tiphys.model.status import HealthCode, HealthStatus

WIDGET = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "one", "namespace": "shop"},
    "spec": {"size": 1, "colour": "red"},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"replicas": 1, "paused": True},
}
CUSTOM = "resource.customizations"


class YamlDocuments:
    async def decode(self, data: bytes) -> Sequence[Mapping[str, Any]]:
        return list(yaml.safe_load_all(data))


class Desk:
    """A command line with a folder of files."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture
        self.in_cluster: dict[str, str] = {}
        self.choices: list[ClusterChoice] = []

    def file(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    def config_map(self, data: Mapping[str, str]) -> str:
        return "--argocd-cm-path=" + self.file(
            "cm.yaml", {"kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": dict(data)}
        )

    def run(self, *line: str) -> tuple[int, str]:
        code = run("argocd", ["admin", "settings", *line], self)  # type: ignore[arg-type]
        captured = self._capture.readouterr()
        said = captured.out
        if captured.err:
            said += str(json.loads(captured.err)["msg"])
        return code, said

    @asynccontextmanager
    async def documents(self) -> AsyncIterator[YamlDocuments]:
        yield YamlDocuments()

    @asynccontextmanager
    async def evaluator(self) -> AsyncIterator[FakeEvaluator]:
        yield FakeEvaluator({"it is bad": lambda _: HealthStatus(HealthCode.DEGRADED, "bad")})

    async def general_settings(self, choice: ClusterChoice) -> Mapping[str, str]:
        self.choices.append(choice)
        return self.in_cluster


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@proves("admin settings resource-overrides health", "--argocd-cm-path")
def test_health_by_a_script(desk: Desk) -> None:
    widget = desk.file("widget.yaml", WIDGET)
    settings = desk.config_map({f"{CUSTOM}.health.example.com_Widget": "it is bad"})
    code, said = desk.run("resource-overrides", "health", widget, settings)
    assert (code, said) == (0, "STATUS: Degraded\nMESSAGE: bad\n")


def test_health_by_our_own_rules_needs_no_settings(desk: Desk) -> None:
    code, said = desk.run("resource-overrides", "health", desk.file("d.yaml", DEPLOYMENT))
    assert (code, said) == (0, "STATUS: Suspended\nMESSAGE: Deployment is paused\n")


def test_a_kind_without_a_judgement(desk: Desk) -> None:
    code, said = desk.run("resource-overrides", "health", desk.file("w.yaml", WIDGET))
    assert (code, said) == (0, "Health script is not configured for 'example.com/Widget'\n")


@pytest.mark.parametrize(
    ("command", "aspect"),
    [
        ("ignore-differences", "ignoreDifferences"),
        ("ignore-resource-updates", "ignoreResourceUpdates"),
    ],
)
def test_ignored_fields_are_shown(desk: Desk, command: str, aspect: str) -> None:
    widget = desk.file("w.yaml", WIDGET)
    rule = "jsonPointers: [/spec/size]\njqPathExpressions: ['.spec.none', '.[']\n"
    settings = desk.config_map({f"{CUSTOM}.{aspect}.example.com_Widget": rule})
    code, said = desk.run("resource-overrides", command, widget, settings)
    assert code == 0
    assert said == (".[: is no jq expression\nFollowing fields are ignored:\n\n8d7\n<   size: 1\n")


@proves(
    "admin settings resource-overrides ignore-resource-updates",
    "--ignore-normalizer-jq-execution-timeout",
)
@pytest.mark.parametrize(
    ("flags", "within"),
    [((), 1.0), (("--ignore-normalizer-jq-execution-timeout", "2500ms"), 2.5)],
)
def test_how_long_an_expression_may_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], within: float
) -> None:
    waited: list[float] = []
    usual = FakeEvaluator.without_paths

    async def recorded(self: FakeEvaluator, *words: Any, **options: Any) -> Any:
        waited.append(options["within"])
        return await usual(self, *words, **options)

    monkeypatch.setattr(FakeEvaluator, "without_paths", recorded)
    rule = "jqPathExpressions: ['.spec.none']\n"
    settings = desk.config_map({f"{CUSTOM}.ignoreResourceUpdates.example.com_Widget": rule})
    widget = desk.file("w.yaml", WIDGET)
    command = ("resource-overrides", "ignore-resource-updates")
    assert desk.run(*command, widget, settings, *flags)[0] == 0
    assert waited == [within]


def test_rules_that_hide_nothing_and_no_rules(desk: Desk) -> None:
    widget = desk.file("w.yaml", WIDGET)
    settings = desk.config_map({f"{CUSTOM}.ignoreDifferences.all": "jsonPointers: [/status]"})
    command = ("resource-overrides", "ignore-differences", widget)
    assert desk.run(*command, settings) == (0, "No fields are ignored\n")
    said = "Ignore differences are not configured for 'example.com/Widget'\n"
    assert desk.run(*command) == (0, said)


@proves("admin settings resource-overrides health", "--load-cluster-settings")
def test_settings_of_the_cluster(desk: Desk) -> None:
    desk.in_cluster = {f"{CUSTOM}.health.example.com_Widget": "it is bad"}
    code, said = desk.run(
        "resource-overrides", "health", desk.file("w.yaml", WIDGET),
        "--load-cluster-settings", "--namespace", "cd", "--kube-context", "far",
    )  # fmt: skip
    assert (code, said) == (0, "STATUS: Degraded\nMESSAGE: bad\n")
    assert desk.choices == [ClusterChoice(context="far", namespace="cd")]


def test_without_a_file_there_is_help(desk: Desk) -> None:
    code, said = desk.run("resource-overrides", "health")
    assert code == 1
    assert "RESOURCE_YAML_PATH" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: 1\n---\nb: 2\n", "holds 2 objects, not one"),
        ("", "holds 0 objects"),
        (None, "open "),
    ],
)
def test_files_that_are_of_no_use(desk: Desk, content: str | None, said: str) -> None:
    path = str(desk.folder / "none") if content is None else desk.file("x.yaml", content)
    code, told = desk.run("resource-overrides", "health", path)
    assert code == 20
    assert said in told


@proves("admin settings validate", "--argocd-secret-path")
def test_settings_that_are_no_config_map(desk: Desk) -> None:
    widget = desk.file("w.yaml", WIDGET)
    flag = "--argocd-cm-path=" + widget
    code, said = desk.run("resource-overrides", "health", widget, flag)
    assert (code, said.endswith("is no ConfigMap")) == (20, True)
    odd = desk.file("odd.yaml", {"kind": "ConfigMap", "data": {"a": 1}})
    code, said = desk.run("validate", f"--argocd-cm-path={odd}")
    assert (code, "something else than texts" in said) == (20, True)
    code, said = desk.run("validate", desk.config_map({}), f"--argocd-secret-path={widget}")
    assert (code, said.endswith("is no Secret")) == (20, True)


def test_all_groups_are_validated(desk: Desk) -> None:
    settings = desk.config_map(
        {
            "accounts.alice": "login, cook",
            "timeout.reconciliation": "soon",
            f"{CUSTOM}.health.a_B": "x",
        }
    )
    code, said = desk.run("validate", settings)
    assert code == 0
    assert said == (
        "✅ accounts\n2 accounts\naccounts.alice: not a capability: cook\n"
        '\n❌ general\ntimeout.reconciliation: "soon" is not a duration such as 120s or 3m\n'
        "\n✅ kustomize\ndefault options\n"
        "\n✅ resource-overrides\n1 resource overrides\n"
    )


@proves("admin settings validate", "--group")
def test_one_group_is_validated(desk: Desk) -> None:
    settings = desk.config_map({})
    assert desk.run("validate", settings, "--group", "kustomize") == (
        0,
        "✅ kustomize\ndefault options\n",
    )
    code, said = desk.run("validate", settings, "--group", "shoes")
    assert (code, "unknown group shoes" in said) == (20, True)


def test_validation_needs_settings(desk: Desk) -> None:
    code, said = desk.run("validate")
    assert code == 20
    assert said == (
        "either --argocd-cm-path must be provided or --load-cluster-settings must be set to true"
    )


def test_the_flags_may_stand_before_the_command(desk: Desk) -> None:
    settings = desk.config_map({})
    code, said = desk.run(settings, "validate", "--group", "kustomize")
    assert (code, said) == (0, "✅ kustomize\ndefault options\n")
    widget = desk.file("d.yaml", DEPLOYMENT)
    code, said = desk.run("resource-overrides", settings, "health", widget)
    assert (code, said.splitlines()[0]) == (0, "STATUS: Suspended")


@pytest.mark.parametrize("line", [("resource-overrides", "run-action", "x", "restart")])
def test_what_comes_later_is_refused_by_name(desk: Desk, line: tuple[str, ...]) -> None:
    code, said = desk.run(*line)
    assert code == 1
    assert "is not supported by this version of Tiphys" in said
