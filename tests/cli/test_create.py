"""`app create`: from flags, from files, over what is there, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proofs import proves
from tests.cli.world import REPO, World, app, guestbook, project, settings

SERVER = "https://kubernetes.default.svc"
BASE = ["--repo", REPO, "--path", "guestbook", "--dest-server", SERVER, "--dest-namespace", "demo"]


def create(world: World, name: str, *flags: str) -> dict[str, Any]:
    ran = world.run("app", "create", name, *BASE, *flags)
    assert (ran.code, ran.out) == (0, f"application '{name}' created\n"), ran.err
    return dict(world.app(name))


@proves("app create", "--repo", "--path", "--dest-server", "--dest-namespace")
def test_from_flags(world: World) -> None:
    stored = create(world, "guestbook")
    assert stored["spec"] == {
        "destination": {"server": SERVER, "namespace": "demo"},
        "source": {"repoURL": REPO, "path": "guestbook"},
        "project": "default",
    }
    assert world.sources.asked == ["reachable", "render"]


def test_the_same_again_is_unchanged(world: World) -> None:
    create(world, "guestbook")
    ran = world.run("app", "create", "guestbook", *BASE)
    assert (ran.code, ran.out) == (0, "application 'guestbook' unchanged\n")


@proves("app create", "--upsert")
def test_another_spec_needs_upsert(world: World) -> None:
    world.seed(guestbook())
    other = ["app", "create", "guestbook", *BASE, "--path", "helm"]
    ran = world.run(*other)
    assert ran.code == 20
    assert ran.fatal == (
        "rpc error: code = InvalidArgument desc = existing application spec is different, "
        "use upsert flag to force update"
    )
    ran = world.run(*other, "--upsert", "--label", "a=b")
    assert (ran.code, ran.out) == (0, "application 'guestbook' updated\n")
    stored = world.app("guestbook")
    assert stored["spec"]["source"]["path"] == "helm"
    assert stored["metadata"]["labels"] == {"a": "b"}
    assert stored["status"] == guestbook()["status"]


@proves(
    "app create",
    "--revision",
    "--helm-set",
    "--parameter",
    "--helm-set-string",
    "--helm-set-file",
    "--values",
    "--ignore-missing-value-files",
    "--release-name",
    "--helm-version",
    "--helm-namespace",
    "--helm-kube-version",
    "--helm-api-versions",
    "--helm-skip-crds",
    "--helm-skip-tests",
    "--helm-skip-schema-validation",
    "--helm-pass-credentials",
    "--directory-recurse",
    "--directory-include",
    "--directory-exclude",
    "--directory-disable-extension-filter",
    "--ref",
    "--tag-prefix",
    "--source-name",
    "--jsonnet-tla-str",
    "--jsonnet-tla-code",
    "--jsonnet-ext-var-str",
    "--jsonnet-ext-var-code",
    "--jsonnet-libs",
    "--nameprefix",
    "--namesuffix",
    "--kustomize-image",
    "--kustomize-replica",
    "--kustomize-common-label",
    "--kustomize-common-annotation",
    "--kustomize-namespace",
    "--kustomize-version",
    "--kustomize-kube-version",
    "--kustomize-api-versions",
    "--kustomize-force-common-label",
    "--kustomize-force-common-annotation",
    "--kustomize-label-without-selector",
    "--kustomize-label-include-templates",
    "--ignore-missing-components",
)
@pytest.mark.parametrize(
    ("flags", "source"),
    [
        (["--revision", "main"], {"targetRevision": "main"}),
        (["--helm-set", "a=1,2", "-p", "b=x=y"],
         {"helm": {"parameters": [{"name": "b", "value": "x=y"},
                                  {"name": "a", "value": "1\\,2"}]}}),
        (["--helm-set-string", "a=1"],
         {"helm": {"parameters": [{"name": "a", "value": "1", "forceString": True}]}}),
        (["--helm-set-file", "a=f.txt"],
         {"helm": {"fileParameters": [{"name": "a", "path": "f.txt"}]}}),
        (["--values", "a.yaml", "--values", "b.yaml", "--ignore-missing-value-files"],
         {"helm": {"valueFiles": ["a.yaml", "b.yaml"], "ignoreMissingValueFiles": True}}),
        (["--release-name", "r", "--helm-version", "v3", "--helm-namespace", "n",
          "--helm-kube-version", "1.30", "--helm-api-versions", "v1", "--helm-skip-crds",
          "--helm-skip-tests", "--helm-skip-schema-validation", "--helm-pass-credentials"],
         {"helm": {"releaseName": "r", "version": "v3", "namespace": "n", "kubeVersion": "1.30",
                   "apiVersions": ["v1"], "skipCrds": True, "skipTests": True,
                   "skipSchemaValidation": True, "passCredentials": True}}),
        (["--directory-recurse", "--directory-include", "*.yaml", "--directory-exclude", "x*",
          "--directory-disable-extension-filter"],
         {"directory": {"recurse": True, "include": "*.yaml", "exclude": "x*",
                        "disableExtensionFilter": True}}),
        (["--ref", "values", "--tag-prefix", "web-", "--source-name", "main"],
         {"ref": "values", "tagPrefix": "web-", "name": "main"}),
        (["--jsonnet-tla-str", "a=1", "--jsonnet-tla-code", "b=2", "--jsonnet-ext-var-str", "c=3",
          "--jsonnet-ext-var-code", "d=4", "--jsonnet-libs", "vendor"],
         {"directory": {"jsonnet": {
             "tlas": [{"name": "a", "value": "1"}, {"name": "b", "value": "2", "code": True}],
             "extVars": [{"name": "c", "value": "3"}, {"name": "d", "value": "4", "code": True}],
             "libs": ["vendor"]}}}),
        (["--nameprefix", "p-", "--namesuffix", "-s", "--kustomize-image", "a=b:1",
          "--kustomize-image", "a=b:2", "--kustomize-replica", "web=3",
          "--kustomize-common-label", "a=b", "--kustomize-common-annotation", "c=d",
          "--kustomize-namespace", "n", "--kustomize-version", "v5",
          "--kustomize-kube-version", "1.30", "--kustomize-api-versions", "v1",
          "--kustomize-force-common-label", "--kustomize-force-common-annotation",
          "--kustomize-label-without-selector", "--kustomize-label-include-templates",
          "--ignore-missing-components"],
         {"kustomize": {"namePrefix": "p-", "nameSuffix": "-s", "images": ["a=b:2"],
                        "replicas": [{"name": "web", "count": 3}], "commonLabels": {"a": "b"},
                        "commonAnnotations": {"c": "d"}, "namespace": "n", "version": "v5",
                        "kubeVersion": "1.30", "apiVersions": ["v1"],
                        "forceCommonLabels": True, "forceCommonAnnotations": True,
                        "labelWithoutSelector": True, "labelIncludeTemplates": True,
                        "ignoreMissingComponents": True}}),
    ],
)  # fmt: skip
def test_source_flags(world: World, flags: list[str], source: dict[str, Any]) -> None:
    stored = create(world, "a", *flags)
    assert stored["spec"]["source"] == {"repoURL": REPO, "path": "guestbook", **source}


@proves(
    "app create",
    "--sync-policy",
    "--auto-prune",
    "--self-heal",
    "--allow-empty",
    "--sync-option",
    "--sync-retry-limit",
    "--sync-retry-backoff-duration",
    "--sync-retry-refresh",
)
@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        (["--sync-policy", "none"], None),
        (["--sync-policy", "manual"], None),
        (["--sync-policy", "auto", "--auto-prune", "--self-heal"],
         {"automated": {"prune": True, "selfHeal": True}}),
        (["--sync-policy=automatic", "--allow-empty"], {"automated": {"allowEmpty": True}}),
        (["--auto-prune"], {"automated": {"enabled": False, "prune": True}}),
        (["--sync-option", "CreateNamespace=true", "--sync-option", "PruneLast=true",
          "--sync-option", "!PruneLast=true"], {"syncOptions": ["CreateNamespace=true"]}),
        (["--sync-retry-limit", "3", "--sync-retry-backoff-duration", "90s",
          "--sync-retry-refresh"],
         {"retry": {"limit": 3, "refresh": True, "backoff": {
             "duration": "1m30s", "factor": 2, "maxDuration": "3m0s"}}}),
        (["--sync-retry-limit", "0"], None),
    ],
)  # fmt: skip
def test_policy_flags(world: World, flags: list[str], policy: dict[str, Any] | None) -> None:
    assert create(world, "a", *flags)["spec"].get("syncPolicy") == policy


@proves(
    "app create",
    "--label",
    "--annotations",
    "--set-finalizer",
    "--revision-history-limit",
    "--dest-name",
)
def test_metadata_flags(world: World) -> None:
    stored = create(
        world, "a", "-l", "team=a", "--annotations", "x=y=z", "--set-finalizer",
        "--revision-history-limit", "3", "--dest-name", "in-cluster", "--dest-server", "",
    )  # fmt: skip
    assert stored["metadata"]["labels"] == {"team": "a"}
    assert stored["metadata"]["annotations"] == {"x": "y=z"}
    assert stored["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert stored["spec"]["revisionHistoryLimit"] == 3
    assert stored["spec"]["destination"]["name"] == "in-cluster"


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["-l", "team"], 20, "labels should have key=value, but instead got: team"),
        (["--sync-policy", "often"], 1, "Invalid sync-policy: often"),
        (["--sync-retry-limit", "-1"], 1, "Invalid sync-retry-limit [-1]"),
        (["--project", "none"], 20, "rpc error: code = InvalidArgument desc = app is not allowed "
         'in project "none", or the project does not exist'),
        (["--path", "none"], 20, "rpc error: code = InvalidArgument desc = application spec for "
         "bad is invalid: InvalidSpecError: Unable to generate manifests in none: none: app path "
         "does not exist"),
        (["--repo", "http://127.0.0.1:9181/none.git"], 20, "rpc error: code = InvalidArgument "
         "desc = application spec for bad is invalid: InvalidSpecError: repository not "
         "accessible: repository not found"),
        (["--path", ""], 20, "rpc error: code = InvalidArgument desc = application spec for bad "
         "is invalid: InvalidSpecError: spec.source.repoURL and either spec.source.path or "
         "spec.source.chart are required"),
        (["--dest-server", ""], 20, "rpc error: code = InvalidArgument desc = application "
         "destination spec for bad is invalid: Destination server missing from app spec"),
        (["--dest-name", "in-cluster"], 20, "rpc error: code = InvalidArgument desc = application "
         "destination spec for bad is invalid: application destination can't have both name and "
         f"server defined: in-cluster {SERVER}"),
        (["--name", "other"], 1, "--name argument 'other' does not match app name bad"),
        (["-f", "/nonexistent"], 20, "open /nonexistent: No such file or directory"),
    ],
)  # fmt: skip
def test_refusals(world: World, flags: list[str], code: int, message: str) -> None:
    ran = world.run("app", "create", "bad", *BASE, *flags)
    assert (ran.code, ran.out, ran.fatal) == (code, "", message)
    assert world.find("Application", "bad") is None


def test_an_unknown_cluster_is_named(world: World) -> None:
    ran = world.run("app", "create", "bad", *BASE, "--dest-server", "https://none")
    assert ran.code == 20
    assert ran.fatal.startswith(
        "rpc error: code = InvalidArgument desc = application destination spec for bad is "
        'invalid: error getting cluster by server "https://none": '
    )


@proves("app create", "--validate")
def test_validation_can_be_left_out(world: World) -> None:
    create(world, "later", "--path", "none", "--validate=false")
    assert world.sources.asked == []


@proves("app create", "--app-namespace", "--project")
def test_in_another_namespace(world: World) -> None:
    params = settings(**{"application.namespaces": "team-*"})
    params["metadata"]["name"] = "argocd-cmd-params-cm"
    world.seed(params, project("team", sourceNamespaces=["team-*"]))
    flags = [*BASE, "--project", "team"]
    for name, line in (("one", ["one", "-N", "team-a"]), ("two", ["team-a/two"])):
        ran = world.run("app", "create", *line, *flags)
        assert (ran.code, ran.out) == (0, f"application '{name}' created\n"), ran.err
        assert world.app(name, "team-a")["spec"]["project"] == "team"
    again = world.run("app", "create", "one", "-N", "team-a", *flags)
    assert again.out == "application 'one' unchanged\n"
    refused = world.run("app", "create", "one", "-N", "other", *flags)
    assert refused.fatal == (
        'rpc error: code = InvalidArgument desc = app is not allowed in project "team", '
        "or the project does not exist"
    )
    world.seed(project("wide", sourceNamespaces=["*"]))
    refused = world.run("app", "create", "one", "-N", "other", *BASE, "--project", "wide")
    assert refused.fatal == ("rpc error: code = Unknown desc = namespace 'other' is not permitted")
    # The namespace has to be permitted by the project, too.
    refused = world.run("app", "create", "three", "-N", "team-a", *BASE)
    assert 'app is not allowed in project "default"' in refused.fatal


FILE = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  labels: {{team: a}}
spec:
  project: default
  source: {{repoURL: "http://127.0.0.1:9181/examples.git", path: helm}}
  destination: {{server: "https://kubernetes.default.svc", namespace: demo}}
  madeUp: 1
"""


@proves("app create", "--file", "--name")
def test_from_a_file_with_flags_over_it(world: World, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(FILE.format(name="a"))
    ran = world.run(
        "app", "create", "-f", str(file), "--path", "guestbook", "-l", "tier=web", "--name", "b"
    )
    assert (ran.code, ran.out) == (0, "application 'b' created\n")
    stored = world.app("b")
    assert stored["metadata"]["labels"] == {"team": "a", "tier": "web"}
    assert stored["spec"]["source"]["path"] == "guestbook"
    assert stored["spec"]["madeUp"] == 1


def test_a_files_name_is_the_name(world: World, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(FILE.format(name="a"))
    ran = world.run("app", "create", "b", "-f", str(file))
    assert ran.code == 20
    assert ran.fatal == "app name 'b' does not match app spec metadata.name 'a'"


def test_standard_input_holds_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FILE.format(name="a") + "---\n" + FILE.format(name="b")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    ran = world.run("app", "create", "-f", "-", "--path", "ignored")
    assert ran.out == "application 'a' created\napplication 'b' created\n"
    assert world.app("b")["spec"]["source"]["path"] == "helm"


@proves("app create", "--values-literal-file")
def test_literal_values_become_an_object(world: World, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("a: {b: 1}\n")
    stored = create(world, "a", "--values-literal-file", str(file))
    assert stored["spec"]["source"]["helm"] == {"valuesObject": {"a": {"b": 1}}}


def test_a_name_is_needed(world: World) -> None:
    ran = world.run("app", "create", *BASE)
    assert ran.code == 1
    assert ran.out.startswith("Usage: argocd app create APPNAME [flags]\n")


def test_flags_of_what_comes_later_are_refused_by_field(world: World) -> None:
    flags = (
        "--dry-source-repo", "r", "--dry-source-path", "p", "--dry-source-revision", "main",
        "--sync-source-branch", "b", "--sync-source-path", "p",
    )  # fmt: skip
    ran = world.run("app", "create", "a", *BASE, *flags)
    assert ran.code == 20
    refusal = "InvalidSpecError: spec.sourceHydrator is not supported by this version of Tiphys"
    assert refusal in ran.fatal
    assert world.find("Application", "a") is None


@proves("app create", "--plugin-env", "--config-management-plugin")
@pytest.mark.parametrize(
    ("flags", "source"),
    [
        (["--plugin-env", "a=b"], {"plugin": {"env": [{"name": "a", "value": "b"}]}}),
        (["--config-management-plugin", "own"], {"plugin": {"name": "own"}}),
        (
            ["--jsonnet-tla-str", "a=b", "--jsonnet-libs", "lib"],
            {"directory": {"jsonnet": {"tlas": [{"name": "a", "value": "b"}], "libs": ["lib"]}}},
        ),
    ],
)
def test_flags_of_every_tool(world: World, flags: list[str], source: dict[str, Any]) -> None:
    stored = create(world, "a", *flags)
    assert stored["spec"]["source"].items() >= source.items()


@proves("app create", "--helm-chart")
def test_a_chart_needs_no_path(world: World) -> None:
    place = ("--dest-server", "https://kubernetes.default.svc", "--dest-namespace", "demo")
    flags = ("--repo", REPO, "--helm-chart", "web", *place, "--validate=false")
    ran = world.run("app", "create", "a", *flags)
    assert "spec.source.targetRevision is required if the manifest source" in ran.fatal
    assert world.run("app", "create", "a", *flags, "--revision", "1.x").code == 0
    assert world.app("a")["spec"]["source"] == {
        "repoURL": REPO,
        "chart": "web",
        "targetRevision": "1.x",
    }


SEVERAL = [
    {"repoURL": REPO, "path": "guestbook"},
    {"repoURL": REPO, "path": "helm", "name": "charts"},
    {"repoURL": REPO, "ref": "values"},
]


def test_several_sources_come_from_a_file(world: World, tmp_path: Path) -> None:
    file = tmp_path / "app.json"
    file.write_text(json.dumps(app("a", spec={"sources": SEVERAL})))
    ran = world.run("app", "create", "-f", str(file))
    assert (ran.code, ran.out) == (0, "application 'a' created\n")
    assert world.app("a")["spec"]["sources"] == SEVERAL
    # Each is asked for, and all are rendered at once.
    assert world.sources.asked == ["reachable", "reachable", "reachable", "render"]


def test_the_source_that_cannot_be_rendered_is_named(world: World, tmp_path: Path) -> None:
    file = tmp_path / "app.json"
    sources = [SEVERAL[0], {"repoURL": REPO, "path": "nowhere"}]
    file.write_text(json.dumps(app("a", spec={"sources": sources})))
    ran = world.run("app", "create", "-f", str(file))
    assert ran.code == 20
    text = "Unable to generate manifests in nowhere: nowhere: app path does not exist"
    assert ran.fatal.endswith(f"InvalidSpecError: {text}")


def test_parameters_are_for_helm_alone(world: World) -> None:
    ran = world.run("app", "create", "a", *BASE, "--directory-recurse", "-p", "a=b")
    assert (ran.code, ran.fatal) == (1, "Parameters can only be set against Helm applications")


@pytest.mark.parametrize("flag", ["redis-name", "env"])
def test_what_comes_later_is_refused_by_name(world: World, flag: str) -> None:
    ran = world.run("app", "create", "a", *BASE, f"--{flag}", "x")
    message = f"Error: --{flag} is not supported by this version of Tiphys\n"
    assert (ran.code, ran.out) == (1, message)
    assert world.find("Application", "a") is None


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (
            {
                "sourceHydrator": {
                    "drySource": {"repoURL": "u", "path": "p", "targetRevision": "HEAD"},
                    "syncSource": {"path": "p", "targetBranch": "live"},
                }
            },
            "sourceHydrator",
        ),
    ],
)
def test_fields_that_come_later_are_refused_by_name(
    world: World, tmp_path: Path, spec: dict[str, Any], field: str
) -> None:
    file = tmp_path / "app.json"
    file.write_text(json.dumps(app("a", spec=spec)))
    ran = world.run("app", "create", "-f", str(file))
    assert ran.code == 20
    assert field in ran.fatal
    assert "is not supported by this version of Tiphys" in ran.fatal
