"""What a later version brings is refused by name: nothing is asked for in vain, unheard."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack

LATER = "is not supported by this version of Tiphys"


@dataclass(frozen=True)
class Case:
    """What is changed of a good spec, and the field that has to be named."""

    named: str
    spec: dict[str, Any] = field(default_factory=dict)


CASES = {
    "hydrator": Case(
        "spec.sourceHydrator",
        {
            "sourceHydrator": {
                "drySource": {"repoURL": "{url}", "path": "app", "targetRevision": "main"},
                "syncSource": {"path": "app", "targetBranch": "live"},
            }
        },
    ),
}


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("refused.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    for name, case in CASES.items():
        stack.apply(f"no-{name}", repo, "app", **_spec(case, repo))
    return repo


def _spec(case: Case, repo: Repo) -> dict[str, Any]:
    spec: dict[str, Any] = {
        key: _filled(value, repo.url) for key, value in case.spec.items() if key != "syncPolicy"
    }
    spec["syncPolicy"] = {"automated": {}, **case.spec.get("syncPolicy", {})}
    return spec


def _filled(value: Any, url: str) -> Any:
    match value:
        case str():
            return value.replace("{url}", url)
        case dict():
            return {key: _filled(item, url) for key, item in value.items()}
        case list():
            return [_filled(item, url) for item in value]
        case _:
            return value


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("repo")
def test_a_field_is_refused_by_name(stack: Stack, name: str) -> None:
    app = f"no-{name}"
    said = stack.until(
        "it is refused", lambda: stack.conditions(app).get("InvalidSpecError"), seconds=20
    )
    assert CASES[name].named in said
    assert LATER in said
    # Nothing is claimed of what was not compared, and nothing is done.
    assert stack.status(app) == ("Unknown", "Unknown")
    assert not stack.operation(app)
    assert stack.kube.get("Namespace", "", app) is None


def test_a_refused_application_recovers(stack: Stack, repo: Repo) -> None:
    hydrated = _spec(CASES["hydrator"], repo)
    stack.apply("recovers", repo, "app", **hydrated)
    stack.until("it is refused", lambda: "InvalidSpecError" in stack.conditions("recovers"))
    stack.kube.merge("Application", NAMESPACE, "recovers", {"spec": {"sourceHydrator": None}})
    stack.until_status("recovers", "Synced", "Healthy")
    assert stack.conditions("recovers") == {}


def test_an_option_that_nobody_knows_means_nothing(stack: Stack, repo: Repo) -> None:
    policy: dict[str, Any] = {
        "automated": {},
        "syncOptions": ["NoSuchOption=true", "PruneLast=True"],
    }
    stack.apply("unknown-option", repo, "app", syncPolicy=policy)
    stack.until_status("unknown-option", "Synced", "Healthy")
    assert stack.conditions("unknown-option") == {}


def test_the_command_line_refuses_it_before_anything_is_stored(
    stack: Stack, repo: Repo, tmp_path: Path
) -> None:
    file = tmp_path / "early.json"
    spec = {
        "project": "default",
        "source": {"repoURL": repo.url, "path": "app"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "early"},
        **_spec(CASES["hydrator"], repo),
    }
    meta = {"name": "early", "namespace": NAMESPACE}
    app = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": meta}
    file.write_text(json.dumps({**app, "spec": spec}))
    ran = stack.cli("app", "create", "-f", str(file))
    assert ran.code == 20
    assert "application spec for early is invalid: InvalidSpecError: " in ran.err
    assert "sourceHydrator" in ran.err
    assert stack.kube.get("Application", NAMESPACE, "early") is None


OPEN: dict[str, Any] = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


def project(stack: Stack, name: str, spec: dict[str, Any]) -> None:
    stack.kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": spec,
        }
    )


def test_a_project_that_comes_after_its_application(stack: Stack, repo: Repo) -> None:
    stack.apply("early-bird", repo, "app", project="late", syncPolicy={"automated": {}})
    stack.until(
        "it says what is missing",
        lambda: (
            stack.conditions("early-bird").get("InvalidSpecError")
            == "Application referencing project late which does not exist"
        ),
    )
    assert stack.status("early-bird") == ("Unknown", "Unknown")
    project(stack, "late", OPEN)
    stack.until_status("early-bird", "Synced", "Healthy")
    assert stack.conditions("early-bird") == {}


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        (
            {"server": "https://kubernetes.default.svc", "name": "in-cluster"},
            "application destination can't have both name and server defined: "
            "in-cluster https://kubernetes.default.svc",
        ),
        ({"name": "elsewhere"}, "there are no clusters with this name: elsewhere"),
        ({"server": "https://none"}, 'error getting cluster by server "https://none": '),
        ({}, "Destination server missing from app spec"),
    ],
)
def test_a_destination_that_is_not_known(
    stack: Stack, repo: Repo, destination: dict[str, str], said: str
) -> None:
    name = "dest-" + ("-".join(destination) or "none")
    if destination.get("name") == "elsewhere":
        name = "dest-elsewhere"
    stack.apply(name, repo, "app", destination={**destination, "namespace": name})
    found = stack.until("it is refused", lambda: stack.conditions(name).get("InvalidSpecError"))
    assert found.startswith(said)
    assert stack.status(name) == ("Unknown", "Unknown")


@pytest.mark.parametrize(
    "flags",
    [
        ("app", "wait", "x", "--hydrated"),
    ],
)
def test_a_flag_is_refused_by_name(stack: Stack, flags: tuple[str, ...]) -> None:
    ran = stack.cli(*flags)
    named = next(word for word in flags if word.startswith("--"))
    assert ran.code == 1
    assert ran.out == f"Error: {named} {LATER}\n"


def test_a_setting_that_is_wrong_is_said_by_its_name(stack: Stack) -> None:
    keys = ("kustomize.path.v4", "kustomize.version.v4")
    data = {"data": dict.fromkeys(keys, "/usr/bin/kustomize")}
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", data)
    said = f"{keys[1]}: found duplicate kustomize version: v4"
    try:
        stack.until("it is said", lambda: said in stack.log_tail(200))
    finally:
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": dict.fromkeys(keys)})
