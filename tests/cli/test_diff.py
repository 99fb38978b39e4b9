"""`app diff` and `app manifests`: which sides are shown, and how the command ends."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.world import COMMIT, REPO, World, app, asks_refresh, when, without_annotations
from tests.fakes.kube import CONFIG_MAPS, FakeCluster
from tiphys.model.errors import KubeError
from tiphys.model.resource import ResourceKey

TRACKING = "argocd.argoproj.io/tracking-id"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config_map(name: str, *, live: bool = False, **data: str) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }
    return tracked(manifest) if live else manifest


def secret(value: str, *, live: bool = False) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token"},
        "data": {"password": encoded(value)},
    }
    return tracked(manifest) if live else manifest


def tracked(manifest: dict[str, Any]) -> dict[str, Any]:
    """As it is live: in its namespace, and with the annotation that says whose it is."""
    name = manifest["metadata"]["name"]
    annotation = {TRACKING: f"a:/{manifest['kind']}:demo/{name}"}
    extra = manifest["metadata"].get("annotations") or {}
    meta = {"name": name, "namespace": "demo", "annotations": {**annotation, **extra}}
    return {**manifest, "metadata": meta}


def known(*objects: tuple[str, str], **parts: Any) -> dict[str, Any]:
    """An application whose status names these objects."""
    resources = [
        {"version": "v1", "kind": kind, "namespace": "demo", "name": name, "status": "Synced"}
        for kind, name in objects
    ]
    status = {"sync": {"status": "Synced", "revision": COMMIT}, "resources": resources}
    return app("a", status=status, **parts)


def test_every_kind_of_difference(world: World) -> None:
    world.seed(
        known(("ConfigMap", "old"), ("ConfigMap", "same"), ("Secret", "token")),
        config_map("same", live=True, a="1"),
        config_map("changed", live=True, a="1"),
        config_map("old", live=True, a="1"),
        secret("was", live=True),
    )
    world.sources.manifests = [
        config_map("same", a="1"), config_map("changed", a="2"), config_map("new", a="1"),
        secret("is"),
    ]  # fmt: skip
    ran = world.run("app", "diff", "a")
    assert (ran.code, ran.err) == (1, "")
    assert (
        ran.out
        == """
===== /ConfigMap demo/changed ======
3c3
<   a: "1"
---
>   a: "2"

===== /ConfigMap demo/new ======
0a1,9
> apiVersion: v1
> data:
>   a: "1"
> kind: ConfigMap
> metadata:
>   annotations:
>     argocd.argoproj.io/tracking-id: a:/ConfigMap:demo/new
>   name: new
>   namespace: demo

===== /ConfigMap demo/old ======
1,12d0
< apiVersion: v1
< data:
<   a: "1"
< kind: ConfigMap
< metadata:
<   annotations:
<     argocd.argoproj.io/tracking-id: a:/ConfigMap:demo/old
<   creationTimestamp: "2026-01-01T00:00:00Z"
<   name: old
<   namespace: demo
<   resourceVersion: "505"
<   uid: uid-5

===== /Secret demo/token ======
3c3
<   password: ++++++++++++
---
>   password: ++++++++
"""
    )


def test_nothing_differs(world: World) -> None:
    world.seed(known(), config_map("same", live=True, a="1"))
    world.sources.manifests = [config_map("same", a="1")]
    assert world.run("app", "diff", "a") == world.run("app", "diff", "a", "--exit-code=false")
    ran = world.run("app", "diff", "a")
    assert (ran.code, ran.out) == (0, "")
    # What was compared last is what is looked at.
    assert world.sources.revisions[-1] == COMMIT


@proves("app diff", "--exit-code", "--diff-exit-code")
@pytest.mark.parametrize(
    ("flags", "code"),
    [([], 1), (["--exit-code=false"], 0), (["--diff-exit-code", "7"], 7),
     (["--diff-exit-code=7", "--exit-code=false"], 0)],
)  # fmt: skip
def test_exit_codes(world: World, flags: list[str], code: int) -> None:
    world.seed(known()).sources.manifests = [config_map("new")]
    assert world.run("app", "diff", "a", *flags).code == code


def test_wrong_use(world: World) -> None:
    ran = world.run("app", "diff")
    assert ran.code == 2
    assert ran.out.startswith("Usage: argocd app diff APPNAME [flags]\n")


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["nosuch"], 20, "rpc error: code = PermissionDenied desc = permission denied"),
        (["a", "--revisions", "x", "--source-positions", "1,2"], 20,
         "While using --revisions and --source-positions, length of values for both flags should "
         "be same."),
        (["a", "--revisions", "x", "--source-names", "m", "--source-positions", "1"], 20,
         "Only one of source-positions and source-names can be specified."),
        (["a", "--revisions", "x", "--source-positions", "2"], 1,
         "source-position cannot be less than 1 or more than number of sources in the app. "
         "Counting starts at 1."),
        (["a", "--server-side-diff", "--local", "."], 1,
         "--server-side-diff with --local requires --server-side-generate."),
        (["a", "--local", "/nonexistent"], 20, "/nonexistent: is not a folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown(world: World, flags: list[str], code: int, message: str) -> None:
    ran = world.seed(known()).run("app", "diff", *flags)
    assert (ran.code, ran.fatal) == (code, message)


@proves("app diff", "--revision")
@pytest.mark.parametrize(
    "flags", [["--revision", "v2"], ["--revisions", "v2", "--source-positions", "1"]]
)
def test_another_revision(world: World, flags: list[str]) -> None:
    world.seed(known()).run("app", "diff", "a", *flags)
    assert world.sources.revisions == ["v2"]


SEVERAL = [{"repoURL": REPO, "path": "helm", "name": "one"}, {"repoURL": REPO, "ref": "values"}]


@proves("app diff", "--revisions", "--source-names", "--source-positions")
@pytest.mark.parametrize("command", ["diff", "manifests"])
@pytest.mark.parametrize(
    ("flags", "revisions"),
    [
        ([], ["a" * 40, "b" * 40]),
        (["--revisions", "v2", "--source-positions", "2"], ["", "v2"]),
        (["--revisions", "v1", "--source-names", "one"], ["v1", ""]),
        (["--revisions", "v1", "--revisions", "v2", "--source-positions", "2,1"], ["v2", "v1"]),
    ],
)
def test_revisions_of_several_sources(
    world: World, command: str, flags: list[str], revisions: list[str]
) -> None:
    status = {"sync": {"status": "Synced", "revisions": ["a" * 40, "b" * 40]}}
    world.seed(app("a", spec={"sources": SEVERAL}, status=status))
    assert world.run("app", command, "a", *flags).code == 0
    assert world.sources.revisions == revisions


def test_one_revision_is_not_for_several_sources(world: World) -> None:
    world.seed(app("a", spec={"sources": SEVERAL}))
    ran = world.run("app", "diff", "a", "--revision", "v1")
    assert ran.code == 20
    assert "Use --revisions and --source-positions instead." in ran.fatal


@proves("app diff", "--local", "--local-repo-root")
def test_a_folder_in_place_of_the_repository(world: World, tmp_path: Path) -> None:
    world.seed(known(), secret("was", live=True))
    world.sources.manifests = [secret("is"), config_map("new")]
    flags = ["--local", str(tmp_path / "."), "--local-repo-root", str(tmp_path.parent)]
    ran = world.run("app", "diff", "a", *flags)
    assert ran.code == 1
    assert ran.out.startswith("\n===== /ConfigMap demo/new ======\n")
    assert "Secret" not in ran.out
    assert ran.err == (
        "Warning: local diff without --server-side-generate is deprecated and does not work with "
        "plugins.\nWarning: Secret demo/token is not supported in local diff and will be ignored\n"
    )
    (files,) = world.sources.local
    assert (files.folder, files.root, files.include) == (str(tmp_path), str(tmp_path.parent), None)


@proves("app diff", "--server-side-generate", "--local-include")
def test_a_folder_that_is_rendered_like_a_repository(world: World, tmp_path: Path) -> None:
    world.seed(known(), secret("was", live=True))
    world.sources.manifests = [secret("is")]
    flags = ["--local", str(tmp_path), "--server-side-generate"]
    ran = world.run("app", "diff", "a", *flags)
    assert "===== /Secret demo/token ======" in ran.out
    assert ran.err == ""
    world.run("app", "diff", "a", *flags, "--local-include", "*.yaml", "--local-include", "*.tpl")
    assert [files.include for files in world.sources.local] == [
        ("*.yaml", "*.yml", "*.json"),
        ("*.yaml", "*.tpl"),
    ]


def test_hooks_and_what_asks_to_be_left_alone(world: World) -> None:
    hook = {"argocd.argoproj.io/hook": "PreSync"}
    skipped = {"argocd.argoproj.io/hook": "Skip"}
    manifests = []
    for name, marks in (("one", hook), ("two", skipped)):
        manifest = config_map(name)
        manifest["metadata"]["annotations"] = marks
        manifests.append(manifest)
    world.seed(known()).sources.manifests = manifests
    assert world.run("app", "diff", "a").code == 0


def test_a_namespace_that_is_managed(world: World) -> None:
    """It is compared, though no manifest names it; what others wrote on it is theirs."""
    policy = {"managedNamespaceMetadata": {"labels": {"team": "a"}}}
    application = known(spec={"syncPolicy": policy})
    application["status"]["resources"] = [{"version": "v1", "kind": "Namespace", "name": "demo"}]
    meta = {"name": "demo", "labels": {"team": "b", "other": "c"}}
    world.seed(application, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    out = world.run("app", "diff", "a").out
    assert out.startswith("\n===== /Namespace /demo ======\n")
    assert "<     team: b\n" in out
    assert ">     team: a\n" in out
    assert "other" not in out


def test_ignored_fields_are_no_difference(world: World) -> None:
    rule = {"kind": "ConfigMap", "jsonPointers": ["/data/a"]}
    world.seed(known(spec={"ignoreDifferences": [rule]}), config_map("one", live=True, a="1"))
    world.sources.manifests = [config_map("one", a="2")]
    ran = world.run("app", "diff", "a")
    assert (ran.code, ran.out) == (0, "")
    # Under our own name it is said what was not looked at, and why.
    out = world.run("app", "diff", "a", program="tiphys").out
    assert out.startswith("\nNot compared:\n  ConfigMap demo/one: data.a is left out by ")


@proves("app diff", "--ignore-normalizer-jq-execution-timeout")
@pytest.mark.parametrize(
    ("line", "within"),
    [
        (["diff", "a"], 1.0),
        (["diff", "a", "--ignore-normalizer-jq-execution-timeout", "2500ms"], 2.5),
        (["sync", "a", "--async", "--preview-changes", "--assumeYes",
          "--ignore-normalizer-jq-execution-timeout", "3s"], 3.0),
    ],
)  # fmt: skip
def test_how_long_an_expression_may_run(world: World, line: list[str], within: float) -> None:
    rule = {"kind": "ConfigMap", "jqPathExpressions": [".data.a"]}
    world.seed(known(spec={"ignoreDifferences": [rule]}), config_map("one", live=True, a="1"))
    world.sources.manifests = [config_map("one", a="2")]
    ran = world.run("app", *line)
    assert ran.code == 0, ran.err
    assert set(world.evaluator.within) == {within}


@proves("app diff", "--refresh", "--hard-refresh")
@pytest.mark.parametrize(
    ("flags", "kind"), [(["--refresh"], "normal"), (["--hard-refresh"], "hard")]
)
def test_a_comparison_first(world: World, flags: list[str], kind: str) -> None:
    asked: list[str] = []

    async def controller(cluster: FakeCluster) -> None:
        manifest = await when(cluster, "a", asks_refresh)
        asked.append(manifest["metadata"]["annotations"]["argocd.argoproj.io/refresh"])
        cluster.change(without_annotations(manifest))

    world.seed(known()).controller = controller
    assert world.run("app", "diff", "a", *flags).code == 0
    assert asked == [kind]


def test_under_our_name_it_says_who_wrote_what(world: World) -> None:
    live = config_map("one", live=True, a="1")
    live["metadata"]["managedFields"] = [
        {"manager": "kubectl-edit", "fieldsV1": {"f:data": {"f:a": {}}}}
    ]
    world.seed(known(), live).sources.manifests = [config_map("one", a="2")]
    assert "OutOfSync" not in world.run("app", "diff", "a").out
    out = world.run("app", "diff", "a", program="tiphys").out
    assert '    data.a: desired "2", live "1" (written by kubectl-edit)\n' in out


def test_another_program_shows_it(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    program = tmp_path / "differ"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$1" > {record}\ncat "$2" >> {record}\nexit 3\n')
    program.chmod(0o700)
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", f"{program} 'a b'")
    world.seed(known(), config_map("one", live=True, a="1"))
    world.sources.manifests = [config_map("one", a="2")]
    assert world.run("app", "diff", "a").code == 1
    flag, shown = record.read_text().split("|", 1)
    assert flag == "a b"
    assert yaml.safe_load(shown)["data"] == {"a": "1"}
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "/nonexistent")
    assert world.run("app", "diff", "a").fatal == (
        "cannot start /nonexistent: No such file or directory"
    )


@proves("app diff", "--server-side-diff")
def test_the_server_says_what_applying_would_give(world: World) -> None:
    # The stand-in names no owners, whose fields alone would count otherwise.
    options = {"argocd.argoproj.io/compare-options": "IncludeMutationWebhook=true"}
    world.seed(known(metadata={"annotations": options}), config_map("one", live=True, a="1"))
    world.sources.manifests = [config_map("one", a="2")]
    calls: list[tuple[str, ResourceKey]] = []

    def record(verb: str, key: ResourceKey) -> KubeError | None:
        calls.append((verb, key))
        return None

    world.fail = record
    ran = world.run("app", "diff", "a", "--server-side-diff")
    assert ran.code == 1, ran.err
    assert ran.err == "Warning: Application does not have ServerSideDiff=true annotation.\n"
    asked = ResourceKey("", CONFIG_MAPS.kind, "demo", "one")
    assert ("patch", asked) in calls
    # It was a dry run.
    assert world.find("ConfigMap", "one")["data"] == {"a": "1"}  # type: ignore[index]
    calls.clear()
    world.run("app", "diff", "a")
    assert ("patch", asked) not in calls


@pytest.mark.parametrize(("flags", "dry_runs"), [([], 1), (["--server-side-diff=false"], 0)])
def test_the_annotation_asks_the_server(world: World, flags: list[str], dry_runs: int) -> None:
    annotations = {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}
    world.seed(known(metadata={"annotations": annotations}), config_map("one", live=True))
    world.sources.manifests = [config_map("one")]
    calls: list[str] = []
    world.fail = lambda verb, key: calls.append(verb)
    ran = world.run("app", "diff", "a", *flags)
    assert (ran.code, ran.err) == (0, "")
    assert calls.count("patch") == dry_runs


@proves("app diff", "--server-side-diff-max-batch-kb", "--server-side-diff-concurrency")
@pytest.mark.parametrize(
    ("flags", "most"),
    [
        ([], 3),
        (["--server-side-diff-max-batch-kb", "1"], 3),
        (["--server-side-diff-max-batch-kb", "1", "--server-side-diff-concurrency", "1"], 1),
        (["--server-side-diff-concurrency", "1"], 3),
        (["--server-side-diff-max-batch-kb", "1", "--server-side-diff-concurrency", "0"], 3),
    ],
)
def test_batches(world: World, flags: list[str], most: int) -> None:
    """Three objects of more than half a kB: each is a batch of its own with 1 kB."""
    names = ("one", "two", "three")
    world.seed(known(), *(config_map(name, live=True, a="x" * 600) for name in names))
    world.sources.manifests = [config_map(name, a="x" * 600) for name in names]
    world.slow = True
    world.run("app", "diff", "a", "--server-side-diff", *flags)
    assert world.at_once == most


def test_manifests_of_git(world: World) -> None:
    world.seed(known()).sources.manifests = [secret("is"), config_map("one", a="1")]
    assert (
        world.run("app", "manifests", "a").out
        == """\
---
apiVersion: v1
data:
  a: "1"
kind: ConfigMap
metadata:
  annotations:
    argocd.argoproj.io/tracking-id: a:/ConfigMap:demo/one
  name: one
  namespace: demo

---
apiVersion: v1
data:
  password: ++++++++
kind: Secret
metadata:
  annotations:
    argocd.argoproj.io/tracking-id: a:/Secret:demo/token
  name: token
  namespace: demo

"""
    )


def test_hooks_among_manifests(world: World) -> None:
    """They are shown of a revision that is named, not of what was compared last."""
    hook = config_map("hook")
    hook["metadata"]["annotations"] = {"argocd.argoproj.io/hook": "PreSync"}
    world.seed(known()).sources.manifests = [hook, config_map("one")]
    shown = yaml.safe_load_all(world.run("app", "manifests", "a").out)
    assert [one["metadata"]["name"] for one in shown] == ["one"]
    shown = yaml.safe_load_all(world.run("app", "manifests", "a", "--revision", "v1").out)
    assert [one["metadata"]["name"] for one in shown] == ["hook", "one"]


@proves("app manifests", "--source")
def test_manifests_that_are_live(world: World) -> None:
    world.seed(known(("ConfigMap", "old")), config_map("old", live=True, a="1"))
    world.sources.manifests = [config_map("new")]
    (shown,) = yaml.safe_load_all(world.run("app", "manifests", "a", "--source", "live").out)
    assert shown["metadata"]["name"] == "old"


@proves("app manifests", "--revision")
@pytest.mark.parametrize(
    "flags", [["--revision", "v2"], ["--revisions", "v2", "--source-positions", "1"]]
)
def test_manifests_of_a_revision(world: World, flags: list[str]) -> None:
    world.seed(known()).run("app", "manifests", "a", *flags)
    assert world.sources.revisions == ["v2"]


@proves("app manifests", "--local", "--local-repo-root")
def test_manifests_of_a_folder(world: World, tmp_path: Path) -> None:
    world.seed(known()).sources.manifests = [config_map("one")]
    ran = world.run("app", "manifests", "a", "--local", str(tmp_path))
    assert yaml.safe_load(ran.out)["metadata"]["name"] == "one"
    assert world.sources.local[0].root == str(Path.cwd())
    root = ("--local-repo-root", str(tmp_path.parent))
    world.run("app", "manifests", "a", "--local", str(tmp_path), *root)
    assert world.sources.local[1].root == str(tmp_path.parent)


def test_manifests_of_nothing_known(world: World) -> None:
    ran = world.seed(known()).run("app", "manifests", "a", "--source", "x")
    assert (ran.code, ran.fatal) == (1, "Unknown source type 'x'")
    ran = world.run("app", "manifests", "a", "--revisions", "a", "--source-positions", "0")
    assert (ran.code, ran.fatal) == (
        20, "source-position cannot be less than or equal to 0, Counting starts at 1",
    )  # fmt: skip
