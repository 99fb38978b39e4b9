"""`app set`, `unset`, `add-source` and `remove-source`: what becomes of the spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.proofs import proves
from tests.cli.world import REPO, World, app

HELM = {
    "repoURL": REPO,
    "path": "helm",
    "helm": {
        "parameters": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
        "valueFiles": ["x.yaml", "y.yaml"],
        "values": "c: 1\n",
        "ignoreMissingValueFiles": True,
        "passCredentials": True,
    },
    "ref": "here",
}
KUSTOMIZE = {
    "repoURL": REPO,
    "path": "helm",
    "kustomize": {
        "images": ["web=example.com/web:v1", "db:v1"],
        "replicas": [{"name": "web", "count": 1}, {"name": "db", "count": 2}],
        "namePrefix": "p-",
        "nameSuffix": "-s",
        "namespace": "n",
        "version": "v5",
        "ignoreMissingComponents": True,
        "commonLabels": {"a": "b"},
    },
}
TWO = [
    {"repoURL": REPO, "path": "helm", "name": "one", "targetRevision": "v1"},
    {"repoURL": REPO, "path": "guestbook", "targetRevision": "v1"},
]


def with_source(source: dict[str, Any]) -> dict[str, Any]:
    return app("a", spec={"source": source})


def with_sources(*sources: dict[str, Any]) -> dict[str, Any]:
    manifest = app("a", spec={"sources": list(sources or TWO)})
    del manifest["spec"]["source"]
    return manifest


def source_after(world: World, command: str, *flags: str) -> dict[str, Any]:
    ran = world.run("app", command, "a", *flags)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    found: dict[str, Any] = world.app("a")["spec"]["source"]
    return found


@pytest.mark.parametrize(
    ("flags", "block"),
    [
        (["-p", "a=3", "-p", "c=4"],
         {"parameters": [{"name": "a", "value": "3"}, {"name": "b", "value": "2"},
                         {"name": "c", "value": "4"}]}),
        (["--helm-set-string", "b=5"],
         {"parameters": [{"name": "a", "value": "1"},
                         {"name": "b", "value": "5", "forceString": True}]}),
        (["--values", "z.yaml"], {"valueFiles": ["z.yaml"]}),
        (["--helm-skip-crds"], {"skipCrds": True}),
        (["--ignore-missing-value-files=false"], {"ignoreMissingValueFiles": True}),
    ],
)  # fmt: skip
def test_helm(world: World, flags: list[str], block: dict[str, Any]) -> None:
    source = source_after(world.seed(with_source(HELM)), "set", *flags)
    assert source == {**HELM, "helm": {**HELM["helm"], **block}}  # type: ignore[dict-item]


def test_literal_values_take_the_place_of_values(world: World, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("d: {e: 1}\n")
    world.seed(with_source(HELM))
    helm = source_after(world, "set", "--values-literal-file", str(file))["helm"]
    assert helm["valuesObject"] == {"d": {"e": 1}}
    assert "values" not in helm


@pytest.mark.parametrize(
    ("flags", "block"),
    [
        (["--kustomize-image", "web=example.com/web:v2"],
         {"images": ["web=example.com/web:v2", "db:v1"]}),
        (["--kustomize-image", "db@sha256:1"],
         {"images": ["web=example.com/web:v1", "db@sha256:1"]}),
        (["--kustomize-replica", "db=5", "--kustomize-replica", "new=1"],
         {"replicas": [{"name": "web", "count": 1}, {"name": "db", "count": 5},
                       {"name": "new", "count": 1}]}),
        (["--kustomize-common-label", "c=d"], {"commonLabels": {"c": "d"}}),
        (["--nameprefix", "q-"], {"namePrefix": "q-"}),
    ],
)  # fmt: skip
def test_kustomize(world: World, flags: list[str], block: dict[str, Any]) -> None:
    source = source_after(world.seed(with_source(KUSTOMIZE)), "set", *flags)
    wanted = {**KUSTOMIZE["kustomize"], **block}  # type: ignore[dict-item]
    assert source == {**KUSTOMIZE, "kustomize": wanted}


def test_a_block_that_says_nothing_goes(world: World) -> None:
    world.seed(with_source({"repoURL": REPO, "path": "helm", "kustomize": {"namePrefix": "p-"}}))
    assert source_after(world, "set", "--nameprefix", "") == {"repoURL": REPO, "path": "helm"}


def test_directories_are_switched_both_ways(world: World) -> None:
    plain = {"repoURL": REPO, "path": "helm"}
    world.seed(with_source({**plain, "directory": {"recurse": True, "include": "*"}}))
    source = source_after(world, "set", "--directory-recurse=false")
    assert source["directory"] == {"recurse": False, "include": "*"}


def test_the_rest_of_the_spec(world: World) -> None:
    policy = {"automated": {"prune": True}, "retry": {"limit": 2, "backoff": {"factor": 3}}}
    world.seed(app("a", spec={"syncPolicy": policy}))
    source_after(
        world, "set", "--sync-policy", "auto", "--sync-retry-backoff-duration", "7s",
        "--dest-namespace", "other", "--revision-history-limit", "2",
        "--sync-option", "Prune=false",
    )  # fmt: skip
    spec = world.app("a")["spec"]
    assert spec["syncPolicy"] == {
        "automated": {},
        "retry": {"limit": 2, "backoff": {"factor": 3, "duration": "7s"}},
        "syncOptions": ["Prune=false"],
    }
    assert spec["destination"]["namespace"] == "other"
    assert spec["revisionHistoryLimit"] == 2


def test_status_and_labels_stay(world: World) -> None:
    metadata = {"labels": {"x": "y"}, "finalizers": ["hold.example.com/it"]}
    world.seed(app("a", metadata=metadata, status={"health": {"status": "Healthy"}}))
    source_after(world, "set", "--revision", "main")
    stored = world.app("a")
    assert stored["metadata"]["labels"] == {"x": "y"}
    assert stored["metadata"]["finalizers"] == ["hold.example.com/it"]
    assert stored["status"] == {"health": {"status": "Healthy"}}
    assert stored["spec"]["source"]["targetRevision"] == "main"


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--path", "none"], 20, "rpc error: code = InvalidArgument desc = application spec for a "
         "is invalid: InvalidSpecError: Unable to generate manifests in none: none: app path does "
         "not exist"),
        (["--project", "none"], 20, "rpc error: code = InvalidArgument desc = app is not allowed "
         'in project "none", or the project does not exist'),
        (["-p", "a=b"], 1, "Parameters can only be set against Helm applications"),
        (["--path", "x", "--source-position", "2"], 20,
         "Source position should be less than the number of sources in the application"),
        (["--helm-set", "a"], 20, "--helm-set should have key=value, but instead got: a"),
    ],
)  # fmt: skip
def test_what_may_not_be_stored(world: World, flags: list[str], code: int, message: str) -> None:
    before = app("a", status={"sourceType": "Directory"})
    ran = world.seed(before).run("app", "set", "a", *flags)
    assert (ran.code, ran.fatal) == (code, message)
    assert world.app("a")["spec"] == before["spec"]


def test_without_validation_the_repository_is_not_asked(world: World) -> None:
    world.seed(app("a"))
    assert source_after(world, "set", "--path", "none", "--validate=false")["path"] == "none"
    assert world.sources.asked == []


def test_at_least_one_option(world: World) -> None:
    ran = world.seed(app("a")).run("app", "set", "a")
    assert ran.code == 1
    assert '"level":"error","msg":"Please set at least one option to update"' in ran.err
    assert ran.out.startswith("Usage: argocd app set APPNAME [flags]\n")


@proves("app set", "--source-position")
def test_one_of_several_sources(world: World) -> None:
    world.seed(with_sources())
    assert world.run("app", "set", "a", "--source-position", "2", "--revision", "v2").code == 0
    assert world.run("app", "set", "a", "--source-name", "one", "--revision", "v3").code == 0
    revisions = [source["targetRevision"] for source in world.app("a")["spec"]["sources"]]
    assert revisions == ["v3", "v2"]


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ([], 20, "Source position should be specified and must be greater than 0 for applications "
         "with multiple sources"),
        (["--source-position", "0"], 20, "Source position should be specified and must be greater "
         "than 0 for applications with multiple sources"),
        (["--source-position", "3"], 20, "Source position should be less than the number of "
         "sources in the application"),
        (["--source-name", "two"], 1, "Unknown source name 'two'"),
        (["--source-name", "one", "--source-position", "1"], 20,
         "Only one of source-position and source-name can be specified."),
    ],
)  # fmt: skip
def test_which_source_has_to_be_said(
    world: World, flags: list[str], code: int, message: str
) -> None:
    ran = world.seed(with_sources()).run("app", "set", "a", "--revision", "v2", *flags)
    assert (ran.code, ran.fatal) == (code, message)


@proves(
    "app set",
    "--dry-source-repo",
    "--dry-source-revision",
    "--sync-source-branch",
    "--sync-source-path",
)
@pytest.mark.parametrize(
    ("flag", "part", "field"),
    [
        ("--dry-source-repo", "drySource", "repoURL"),
        ("--dry-source-revision", "drySource", "targetRevision"),
        ("--sync-source-branch", "syncSource", "targetBranch"),
        ("--sync-source-path", "syncSource", "path"),
    ],
)
def test_each_flag_of_the_hydrator(world: World, flag: str, part: str, field: str) -> None:
    hydrator = {
        "drySource": {"repoURL": REPO, "path": "p", "targetRevision": "main"},
        "syncSource": {"targetBranch": "live", "path": "p"},
    }
    world.seed(app("a", spec={"sourceHydrator": hydrator}))
    assert world.run("app", "set", "a", flag, "other", "--validate=false").code == 0
    wanted = {**hydrator, part: {**hydrator[part], field: "other"}}
    assert world.app("a")["spec"]["sourceHydrator"] == wanted


@proves("app set", "--sync-retry-backoff-factor", "--sync-retry-backoff-max-duration")
def test_how_pauses_between_retries_grow(world: World) -> None:
    policy = {"retry": {"limit": 2, "backoff": {"duration": "1s"}}}
    world.seed(app("a", spec={"syncPolicy": policy}))
    flags = ("--sync-retry-backoff-factor", "4", "--sync-retry-backoff-max-duration", "90s")
    source_after(world, "set", *flags)
    backoff = world.app("a")["spec"]["syncPolicy"]["retry"]["backoff"]
    assert backoff == {"duration": "1s", "factor": 4, "maxDuration": "1m30s"}


@proves("app set", "--dry-source-path", "--hydrate-to-branch")
def test_flags_of_the_hydrator_leave_the_source_alone(world: World) -> None:
    hydrator = {
        "drySource": {"repoURL": REPO, "path": "p", "targetRevision": "main"},
        "syncSource": {"targetBranch": "live", "path": "p"},
    }
    world.seed(app("a", spec={"sourceHydrator": hydrator}))
    ran = world.run(
        "app", "set", "a", "--dry-source-path", "q", "--hydrate-to-branch", "next", "--path", "x",
        "--project", "default", "--validate=false",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    spec = world.app("a")["spec"]
    assert spec["source"]["path"] == "guestbook"
    assert spec["sourceHydrator"] == {
        "drySource": {"repoURL": REPO, "path": "q", "targetRevision": "main"},
        "syncSource": {"targetBranch": "live", "path": "p"},
        "hydrateTo": {"targetBranch": "next"},
    }


@proves(
    "app unset",
    "--parameter",
    "--values",
    "--values-literal",
    "--ignore-missing-value-files",
    "--pass-credentials",
    "--kustomize-image",
    "--kustomize-replica",
    "--nameprefix",
    "--namesuffix",
    "--kustomize-version",
    "--kustomize-namespace",
    "--ignore-missing-components",
)
@pytest.mark.parametrize(
    ("source", "flags", "block", "gone"),
    [
        (HELM, ["-p", "a"], "helm", {"parameters": [{"name": "b", "value": "2"}]}),
        (HELM, ["-p", "a", "-p", "b"], "helm", {"parameters": None}),
        (HELM, ["--values", "x.yaml"], "helm", {"valueFiles": ["y.yaml"]}),
        (HELM, ["--values-literal"], "helm", {"values": None}),
        (HELM, ["--ignore-missing-value-files"], "helm", {"ignoreMissingValueFiles": None}),
        (HELM, ["--pass-credentials"], "helm", {"passCredentials": None}),
        (KUSTOMIZE, ["--kustomize-image", "web"], "kustomize", {"images": ["db:v1"]}),
        (KUSTOMIZE, ["--kustomize-image", "db"], "kustomize",
         {"images": ["web=example.com/web:v1"]}),
        (KUSTOMIZE, ["--kustomize-replica", "web"], "kustomize",
         {"replicas": [{"name": "db", "count": 2}]}),
        (KUSTOMIZE, ["--nameprefix"], "kustomize", {"namePrefix": None}),
        (KUSTOMIZE, ["--namesuffix"], "kustomize", {"nameSuffix": None}),
        (KUSTOMIZE, ["--kustomize-version"], "kustomize", {"version": None}),
        (KUSTOMIZE, ["--kustomize-namespace"], "kustomize", {"namespace": None}),
        (KUSTOMIZE, ["--ignore-missing-components"], "kustomize",
         {"ignoreMissingComponents": None}),
    ],
)  # fmt: skip
def test_unset(
    world: World, source: dict[str, Any], flags: list[str], block: str, gone: dict[str, Any]
) -> None:
    left = source_after(world.seed(with_source(source)), "unset", *flags)
    merged = {**source[block], **gone}
    wanted = {key: value for key, value in merged.items() if value is not None}
    assert left == {**source, block: wanted}


@proves("app unset", "--plugin-env", "--ref")
def test_unset_the_rest(world: World) -> None:
    plugin = {"env": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}
    world.seed(with_source({"repoURL": REPO, "path": "helm", "ref": "here", "plugin": plugin}))
    left = source_after(world, "unset", "--plugin-env", "a", "--ref")
    assert left == {
        "repoURL": REPO,
        "path": "helm",
        "plugin": {"env": [{"name": "b", "value": "2"}]},
    }


def test_unset_of_one_of_several_sources(world: World) -> None:
    world.seed(with_sources({**TWO[0], "ref": "r"}, {**TWO[1], "ref": "s"}))
    ran = world.run("app", "unset", "a", "--ref", "--source-position", "2")
    assert ran.code == 0, ran.err
    assert [source.get("ref") for source in world.app("a")["spec"]["sources"]] == ["r", None]


def test_unset_of_what_is_not_set_writes_nothing(world: World) -> None:
    world.seed(with_source(HELM))
    before = world.app("a")["metadata"]
    assert source_after(world, "unset", "-p", "nosuch") == HELM
    assert world.sources.asked == []
    assert world.app("a")["metadata"].get("generation") == before.get("generation")


def test_unset_asks_who_wants_to_be_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.seed(with_source(HELM))
    answers = iter(["what\n", "N\n", "yes\n", ""])
    monkeypatch.setattr("sys.stdin.readline", lambda: next(answers))
    line = ["app", "unset", "a", "-p", "a", "--prompts-enabled"]
    question = "Are you sure you want to unset the parameters? [y/n] "
    ran = world.run(*line)
    assert ran.out == question * 2 + "The command to unset the parameters has been cancelled.\n"
    assert world.app("a")["spec"]["source"] == HELM
    assert world.run(*line).out == question
    assert world.app("a")["spec"]["source"] != HELM
    assert world.run("app", "unset", "a", "-p", "b", "--prompts-enabled").fatal == "EOF"


def test_unset_needs_to_be_told_what(world: World) -> None:
    ran = world.seed(app("a")).run("app", "unset", "a", "--source-position", "1")
    assert ran.code == 1
    assert ran.out.startswith("Usage: argocd app unset APPNAME parameters [flags]\n")


def test_a_source_more(world: World) -> None:
    world.seed(with_sources())
    ran = world.run(
        "app", "add-source", "a", "--repo", REPO, "--path", "helm", "--source-name", "three",
        "--helm-set", "a=b",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "Application 'a' updated successfully\n")
    assert world.app("a")["spec"]["sources"] == [
        *TWO,
        {
            "repoURL": REPO,
            "path": "helm",
            "name": "three",
            "helm": {"parameters": [{"name": "a", "value": "b"}]},
        },
    ]


def test_sources_of_one_name(world: World) -> None:
    world.seed(with_sources())
    ran = world.run("app", "add-source", "a", "--repo", REPO, "--path", "x", "--source-name", "one")
    assert ran.fatal == (
        "rpc error: code = InvalidArgument desc = application a has more than one source named one"
    )


def test_a_source_more_needs_several(world: World) -> None:
    ran = world.seed(app("a")).run("app", "add-source", "a", "--repo", REPO, "--path", "helm")
    assert (ran.code, ran.fatal) == (
        20, "Cannot add source: application a does not have spec.sources defined",
    )  # fmt: skip


@pytest.mark.parametrize("flags", [["--source-position", "1"], ["--source-name", "one"]])
def test_a_source_less(world: World, flags: list[str]) -> None:
    ran = world.seed(with_sources()).run("app", "remove-source", "a", *flags)
    assert (ran.code, ran.out) == (0, "Application 'a' updated successfully\n")
    assert world.app("a")["spec"]["sources"] == [TWO[1]]


@pytest.mark.parametrize(
    ("manifest", "flags", "message"),
    [
        (with_sources(), [], "Value of source-position must be greater than 0"),
        (with_sources(), ["--source-position", "3"], "Application does not have source at 3"),
        (app("a"), ["--source-position", "1"],
         "Application does not have multiple sources configured"),
        (with_sources(TWO[0]), ["--source-position", "1"],
         "Cannot remove the only source remaining in the app"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_go(
    world: World, manifest: dict[str, Any], flags: list[str], message: str
) -> None:
    ran = world.seed(manifest).run("app", "remove-source", "a", *flags)
    assert (ran.code, ran.fatal) == (20, message)


def test_a_source_that_may_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n")
    world.seed(with_sources())
    ran = world.run("app", "remove-source", "a", "--source-position", "1", "--prompts-enabled")
    assert ran.out.endswith("The command to delete the source was cancelled\n")
    assert world.app("a")["spec"]["sources"] == TWO
