"""`app sync`: what is asked for, what is shown until the end, and how the end is judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proofs import proves
from tests.cli.world import (
    COMMIT,
    REPO,
    Controller,
    World,
    app,
    asks_refresh,
    guestbook,
    project,
    settings,
    when,
    without_annotations,
)
from tests.fakes.kube import FakeCluster

ROWS = """\
TIMESTAMP                  GROUP        KIND   NAMESPACE                  NAME    STATUS    HEALTH        HOOK  MESSAGE
<time>             Secret        demo      guestbook-secret  OutOfSync  Missing\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20
<time>            Service        demo          guestbook-ui  OutOfSync  Missing\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20
<time>   apps  Deployment        demo          guestbook-ui  OutOfSync  Missing\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20

Name:               argocd/guestbook
"""  # noqa: E501 - as the contract prints it
END = """\
Health Status:      Healthy

Operation:          Sync
Sync Revision:      c89a47e1c17249845dbcdd61eefa832ff7c1d90a
Phase:              Succeeded
Start:              2026-11-23 10:03:33 +0000 UTC
Finished:           2026-11-23 10:03:33 +0000 UTC
Duration:           0s
Message:            successfully synced (all tasks run)

GROUP  KIND        NAMESPACE  NAME              STATUS  HEALTH   HOOK  MESSAGE
       Secret      demo       guestbook-secret  Synced                 secret/guestbook-secret created
       Service     demo       guestbook-ui      Synced  Healthy        service/guestbook-ui created
apps   Deployment  demo       guestbook-ui      Synced  Healthy        deployment.apps/guestbook-ui created
"""  # noqa: E501 - as the contract prints it


def out_of_sync() -> dict[str, Any]:
    manifest = guestbook()
    resources = [
        {**resource, "status": "OutOfSync", "health": {"status": "Missing"}}
        for resource in manifest["status"]["resources"]
    ]
    sync = {**manifest["status"]["sync"], "status": "OutOfSync"}
    status = {"resources": resources, "sync": sync, "health": {"status": "Missing"}}
    return {**manifest, "status": status}


def syncs(name: str, status: Mapping[str, Any]) -> Controller:
    """A controller that takes up the operation, ends it, and compares when asked to."""

    async def controller(cluster: FakeCluster) -> None:
        asked = await when(cluster, name, lambda m: "operation" in m)
        taken = {k: v for k, v in asked.items() if k != "operation"}
        cluster.change({**taken, "status": dict(status)})
        refreshed = await when(cluster, name, asks_refresh)
        cluster.change(without_annotations(refreshed))

    return controller


def operation(world: World, name: str) -> dict[str, Any]:
    asked: dict[str, Any] = world.app(name)["operation"]
    return asked


def timeless(out: str) -> str:
    """Every time of a row, which is a minute's at most from now, in one spelling."""
    words = {word for word in out.split() if word.startswith("20") and word.endswith("+00:00")}
    for word in words:
        out = out.replace(word, "<time>")
    return out


def test_the_whole_way(world: World) -> None:
    world.seed(out_of_sync(), settings(url="http://localhost:18080"))
    world.controller = syncs("guestbook", guestbook()["status"])
    ran = world.run("app", "sync", "guestbook")
    assert (ran.code, ran.err) == (0, "")
    assert timeless(ran.out).startswith(ROWS)
    assert ran.out.endswith(END)


def test_what_is_asked_for(world: World) -> None:
    ran = world.seed(app("a")).run("app", "sync", "a", "--async")
    assert (ran.code, ran.out) == (0, "")
    assert operation(world, "a") == {
        "sync": {
            "revision": COMMIT,
            "syncStrategy": {"hook": {}},
            "source": app("a")["spec"]["source"],
        },
        "initiatedBy": {},
        "retry": {},
    }


@proves(
    "app sync",
    "--prune",
    "--dry-run",
    "--revision",
    "--strategy",
    "--apply-out-of-sync-only",
    "--force",
    "--server-side",
    "--replace",
    "--resource",
)
@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--prune"], {"prune": True}),
        (["--dry-run"], {"dryRun": True}),
        (["--revision", "main"], {"revision": COMMIT}),
        (["--revision", "a" * 40], {"revision": "a" * 40}),
        (["--strategy", "apply"], {"syncStrategy": {"apply": {}}}),
        (["--strategy", "hook"], {"syncStrategy": {"hook": {}}}),
        (["--apply-out-of-sync-only"], {"syncOptions": ["ApplyOutOfSyncOnly=true"]}),
        (["--force"], {"syncStrategy": {"hook": {"force": True}}}),
        (["--strategy=apply", "--force"], {"syncStrategy": {"apply": {"force": True}}}),
        (
            ["--server-side", "--replace"],
            {"syncOptions": ["Replace=true", "ServerSideApply=true"]},
        ),
        (["--resource", ":Service:*"],
         {"resources": [{"kind": "Service", "name": "guestbook-ui", "namespace": "demo"}]}),
        (["--resource", "!:Secret:*"],
         {"resources": [{"kind": "Service", "name": "guestbook-ui", "namespace": "demo"},
                        {"group": "apps", "kind": "Deployment", "name": "guestbook-ui",
                         "namespace": "demo"}]}),
        (["--resource", "*:*:demo/guestbook-secret", "--resource", "*:Deployment:*"],
         {"resources": [{"kind": "Secret", "name": "guestbook-secret", "namespace": "demo"},
                        {"group": "apps", "kind": "Deployment", "name": "guestbook-ui",
                         "namespace": "demo"}]}),
    ],
)  # fmt: skip
def test_flags_of_the_request(world: World, flags: list[str], part: dict[str, Any]) -> None:
    ran = world.seed(guestbook()).run("app", "sync", "guestbook", "--async", *flags)
    assert ran.code == 0, ran.err
    assert part.items() <= operation(world, "guestbook")["sync"].items()


@proves("app sync", "--retry-limit", "--retry-backoff-duration", "--retry-refresh", "--info")
def test_retries_and_notes(world: World) -> None:
    policy = {"retry": {"limit": 1}, "syncOptions": ["CreateNamespace=true"]}
    world.seed(app("a", spec={"syncPolicy": policy}), app("b", spec={"syncPolicy": policy}))
    world.run("app", "sync", "a", "--async")
    asked = operation(world, "a")
    assert asked["retry"] == {"limit": 1}
    assert asked["sync"]["syncOptions"] == ["CreateNamespace=true"]
    flags = ["--retry-limit", "5", "--retry-backoff-duration", "300ms", "--retry-refresh"]
    world.run("app", "sync", "b", "--async", "--info", "why=because", *flags)
    asked = operation(world, "b")
    assert asked["info"] == [{"name": "why", "value": "because"}]
    assert asked["retry"] == {
        "limit": 5,
        "backoff": {"duration": "300ms", "factor": 2, "maxDuration": "3m0s"},
        "refresh": True,
    }


@proves("app sync", "--retry-backoff-factor", "--retry-backoff-max-duration")
def test_how_pauses_grow(world: World) -> None:
    flags = ("--retry-backoff-factor", "3", "--retry-backoff-max-duration", "90s")
    world.seed(app("a")).run("app", "sync", "a", "--async", "--retry-limit", "5", *flags)
    backoff = operation(world, "a")["retry"]["backoff"]
    assert backoff == {"duration": "5s", "factor": 3, "maxDuration": "1m30s"}


@proves("app sync", "--async")
def test_whoever_does_not_want_to_wait_does_not(world: World) -> None:
    """Nobody ends the operation."""
    world.seed(app("a"), app("b"))
    assert world.run("app", "sync", "a", "--async").code == 0
    ran = world.run("app", "sync", "b", "--timeout", "1")
    assert (ran.code, ran.fatal) == (20, 'timed out (1s) waiting for app "b" match desired state')


@proves("app sync", "--app-namespace")
@proves("app wait", "--app-namespace")
@pytest.mark.parametrize("line", [("sync", "--async"), ("wait", "--operation")])
def test_in_another_namespace(world: World, line: tuple[str, ...]) -> None:
    params = settings(**{"application.namespaces": "team"})
    params["metadata"]["name"] = "argocd-cmd-params-cm"
    apart = app("a", metadata={"namespace": "team"})
    world.seed(params, project("default-too", sourceNamespaces=["*"]), apart)
    verb, *flags = line
    ran = world.run("app", verb, "a", *flags)
    assert ran.fatal == "rpc error: code = PermissionDenied desc = permission denied"
    assert world.run("app", verb, "a", "-N", "team", *flags).code == 0


def test_the_last_operation_is_forgotten(world: World) -> None:
    world.seed(guestbook()).run("app", "sync", "guestbook", "--async")
    assert "operationState" not in world.app("guestbook")["status"]
    assert world.app("guestbook")["status"]["history"] == guestbook()["status"]["history"]


@pytest.mark.parametrize(
    ("manifest", "flags", "message"),
    [
        (app("a", operation={"sync": {}}), [],
         "rpc error: code = FailedPrecondition desc = another operation is already in progress"),
        (app("a", metadata={"deletionTimestamp": "2026-11-23T10:03:33Z"}), [],
         "rpc error: code = FailedPrecondition desc = application is deleting"),
        (app("a", spec={"syncPolicy": {"automated": {}}}), ["--revision", "other"],
         "rpc error: code = FailedPrecondition desc = Cannot sync to other: auto-sync currently "
         "set to HEAD"),
        (app("a"), ["--revision", "other"],
         "rpc error: code = FailedPrecondition desc = unable to resolve 'other' to a commit SHA: "
         "revision not found"),
        (app("a"), ["--resource", "Service"],
         "resource should have GROUP:KIND:NAME, but instead got: Service"),
    ],
)  # fmt: skip
def test_refusals(world: World, manifest: dict[str, Any], flags: list[str], message: str) -> None:
    ran = world.seed(manifest).run("app", "sync", "a", "--async", *flags)
    assert (ran.code, ran.out, ran.fatal) == (20, "", message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a b -l x=y", "Cannot use selector option when application name(s) passed as argument(s)"),
        ("-l x=y", "No matching apps found for filter: selector x=y"),
        ("-l x=y --project one", "No matching apps found for filter: selector x=y projects [one]"),
        ("a --strategy often", "Unknown sync strategy: 'often'"),
        ("a --resource :Pod:x", "No matching app resources found for resource filter: :Pod:x"),
    ],
)
def test_wrong_use(world: World, line: str, message: str) -> None:
    ran = world.seed(app("a")).run("app", "sync", *line.split())
    assert (ran.code, ran.fatal) == (1, message)


@proves("app sync", "--selector", "--project")
def test_selectors_and_projects_add_to_names(world: World) -> None:
    world.seed(
        project("one"),
        app("a"),
        app("b", metadata={"labels": {"x": "y"}}),
        app("c", metadata={"labels": {"x": "y"}}, spec={"project": "one"}),
        app("d", spec={"project": "one"}),
    )
    world.run("app", "sync", "a", "--project", "one", "-l", "x=y", "--async")
    asked = [name for name in "abcd" if "operation" in world.app(name)]
    assert asked == ["a", "c"]


def state(phase: str, *results: dict[str, Any]) -> dict[str, Any]:
    return {
        "operation": {},
        "phase": phase,
        "startedAt": "2026-11-23T10:03:33Z",
        "finishedAt": "2026-11-23T10:03:33Z",
        "syncResult": {"revision": COMMIT, "resources": list(results)},
    }


SKIPPED = {"group": "", "version": "v1", "kind": "ConfigMap", "namespace": "demo",
           "name": "old", "status": "PruneSkipped", "hookPhase": "Succeeded"}  # fmt: skip


@pytest.mark.parametrize(
    ("sync", "phase", "results", "message"),
    [
        ("Synced", "Failed", [], "Operation has completed with phase: Failed"),
        ("OutOfSync", "Error", [], "Operation has completed with phase: Error"),
        ("OutOfSync", "Succeeded", [SKIPPED], "1 resources require pruning"),
        ("Synced", "Succeeded", [SKIPPED], ""),
        ("OutOfSync", "Succeeded", [], ""),
    ],
)
def test_the_end_is_judged(
    world: World, sync: str, phase: str, results: list[dict[str, Any]], message: str
) -> None:
    status = {
        "sync": {"status": sync, "revision": COMMIT},
        "health": {"status": "Healthy"},
        "reconciledAt": "2026-11-23T10:03:34Z",
        "operationState": state(phase, *results),
    }
    world.seed(app("a")).controller = syncs("a", status)
    ran = world.run("app", "sync", "a")
    assert ran.code == (1 if message else 0)
    assert (ran.fatal if message else "") == message


def test_the_end_is_a_comparison_after_the_operation(world: World) -> None:
    """An operation that has just ended still counts as running, for its status is an old one."""
    status = {
        "sync": {"status": "Synced", "revision": COMMIT},
        "health": {"status": "Healthy"},
        "reconciledAt": "2026-11-23T10:03:32Z",
        "operationState": state("Succeeded"),
    }
    world.seed(app("a")).controller = syncs("a", status)
    ran = world.run("app", "sync", "a", "--timeout", "1")
    assert (ran.code, ran.fatal) == (20, 'timed out (1s) waiting for app "a" match desired state')
    assert "\nThis is the state of the app after wait timed out:\n" in ran.out
    assert ran.out.endswith("\nThe command timed out waiting for the conditions to be met.\n")


def test_a_dry_run_ends_without_a_comparison(world: World) -> None:
    dry = {**state("Succeeded"), "operation": {"sync": {"dryRun": True}}}
    status = {"sync": {"status": "OutOfSync"}, "operationState": dry}
    world.seed(app("a")).controller = syncs("a", status)
    assert world.run("app", "sync", "a", "--dry-run", "--timeout", "5").code == 0


@proves("app sync", "--output")
def test_json_prints_the_object_alone(world: World) -> None:
    world.seed(out_of_sync())
    world.controller = syncs("guestbook", guestbook()["status"])
    printed = json.loads(world.run("app", "sync", "guestbook", "-o", "json").out)
    assert printed["status"]["health"]["status"] == "Healthy"


def labelled(name: str, **labels: str) -> dict[str, Any]:
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


@proves("app sync", "--label")
def test_labels_choose_objects(world: World) -> None:
    resources = [
        {"version": "v1", "kind": "ConfigMap", "namespace": "demo", "name": name}
        for name in ("one", "two", "three")
    ]
    world.seed(app("a", status={"resources": resources}))
    world.sources.manifests = [
        labelled("one", tier="web"), labelled("two", tier="db"), labelled("three", team="b"),
    ]  # fmt: skip
    ran = world.run("app", "sync", "a", "--async", "--label", "tier=web", "--label", "team=b")
    assert (ran.code, ran.out) == (0, "The name of the app is  a\n")
    chosen = operation(world, "a")["sync"]["resources"]
    assert [item["name"] for item in chosen] == ["one", "three"]
    ran = world.run("app", "sync", "a", "--async", "--label", "x=y", "--label", "z=w")
    assert (ran.code, ran.fatal) == (1, "No matching resources found for labels: [x=y z=w]")


@proves("app sync", "--local", "--local-repo-root")
def test_a_folder_is_synced(world: World, tmp_path: Path) -> None:
    world.seed(app("a")).sources.manifests = [labelled("one")]
    flags = ["--local", str(tmp_path), "--local-repo-root", str(tmp_path.parent)]
    assert world.run("app", "sync", "a", "--async", *flags).code == 0
    (text,) = operation(world, "a")["sync"]["manifests"]
    assert json.loads(text) == labelled("one")
    (files,) = world.sources.local
    assert (files.folder, files.root) == (str(tmp_path), str(tmp_path.parent))


def test_a_folder_is_not_synced_over_automation(world: World, tmp_path: Path) -> None:
    world.seed(app("a", spec={"syncPolicy": {"automated": {}}}))
    ran = world.run("app", "sync", "a", "--async", "--local", str(tmp_path))
    assert (ran.code, ran.fatal) == (
        1, "Cannot use local sync when Automatic Sync Policy is enabled except with --dry-run",
    )  # fmt: skip
    ran = world.run("app", "sync", "a", "--async", "--local", str(tmp_path), "--dry-run")
    assert ran.code == 0, ran.err


PREVIEW = "====== Previewing differences between live and desired state of application a ======\n"
QUESTION = (
    "Please review changes to application a shown above. Do you want to continue the sync "
    "process? (y/n): "
)


@proves("app sync", "--preview-changes", "--assumeYes")
@pytest.mark.parametrize(
    ("flags", "answer", "asked"),
    [([], "n\n", False), ([], "y\n", True), (["--assumeYes"], "", True)],
)
def test_changes_are_shown_first(
    world: World, monkeypatch: pytest.MonkeyPatch, flags: list[str], answer: str, asked: bool
) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: answer)
    world.seed(app("a")).sources.manifests = [labelled("one")]
    ran = world.run("app", "sync", "a", "--async", "--preview-changes", *flags)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(PREVIEW + "\n===== /ConfigMap demo/one ======\n")
    assert ran.out.endswith(QUESTION) is not bool(flags)
    assert ("operation" in world.app("a")) is asked


def test_where_nothing_changes_nothing_is_synced(world: World) -> None:
    world.seed(app("a"), app("b"))
    ran = world.run("app", "sync", "a", "b", "--preview-changes")
    assert (ran.code, ran.out) == (0, PREVIEW + "====== No Differences found ======\n")
    assert "operation" not in world.app("b")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a b --revisions x --source-positions 1", "Cannot use --revisions and --source-positions "
         "options when 0 or more than 1 application names are passed as argument(s)"),
        ("a b --revisions x --source-names m", "Cannot use --revisions and --source-names "
         "options when 0 or more than 1 application names are passed as argument(s)"),
        ("a --revisions x --source-names m --source-positions 1",
         "Only one of source-positions and source-names can be specified."),
        ("a --revisions x --source-positions 1,2", "While using --revisions and "
         "--source-positions, length of values for both flags should be same."),
        ("a --revisions x --source-names m --source-names n", "While using --revisions and "
         "--source-names, length of values for both flags should be same."),
        ("a --revisions x --source-positions 0",
         "source-position cannot be less than or equal to 0, Counting starts at 1"),
        ("a --revisions x", "--revisions needs --source-positions or --source-names, to say what "
         "they are for"),
        ("a --revisions x --source-positions 2", "source-position cannot be less than 1 or more "
         "than number of sources in the app. Counting starts at 1."),
        ("a --revisions x --source-names m", "Unknown source name 'm'"),
        ("s --revision x", "argocd cli does not work on multi-source app with --revision flag. "
         "Use --revisions and --source-positions instead."),
        ("s --local .", "argocd cli does not work on multi-source app with --local flag"),
    ],
)  # fmt: skip
def test_revisions_of_sources(world: World, line: str, message: str) -> None:
    world.seed(app("a"), app("b"), app("s", spec={"sources": [{"repoURL": "r", "path": "p"}]}))
    ran = world.run("app", "sync", *line.split())
    assert (ran.code, ran.fatal) == (1, message)


def test_a_sync_of_several_sources(world: World) -> None:
    sources = [{"repoURL": REPO, "path": "helm"}, {"repoURL": REPO, "ref": "values"}]
    world.seed(app("s", spec={"sources": sources}))
    ran = world.run(
        "app", "sync", "s", "--async", "--revisions", "b" * 40, "--source-positions", "2"
    )
    assert ran.code == 0, ran.err
    sync = operation(world, "s")["sync"]
    assert (sync["revisions"], sync["sources"]) == ([COMMIT, "b" * 40], sources)
    assert not {"revision", "source"} & set(sync)


def test_a_sync_of_several_sources_stays_at_their_targets(world: World) -> None:
    sources = [{"repoURL": REPO, "path": "helm", "targetRevision": "main"}]
    policy: dict[str, Any] = {"automated": {}}
    world.seed(app("s", spec={"sources": sources, "syncPolicy": policy}))
    ran = world.run("app", "sync", "s", "--revisions", "b" * 40, "--source-positions", "1")
    text = f"Cannot sync source {REPO} to {'b' * 40}: auto-sync currently set to main"
    assert text in ran.fatal


@pytest.mark.parametrize(
    "flags", [["--source-positions", "1"], ["--source-names", "main"]], ids=["position", "name"]
)
def test_the_revision_of_the_only_source(world: World, flags: list[str]) -> None:
    source = {**app("a")["spec"]["source"], "name": "main"}
    world.seed(app("a", spec={"source": source}))
    ran = world.run("app", "sync", "a", "--async", "--revisions", "b" * 40, *flags)
    assert ran.code == 0, ran.err
    assert operation(world, "a")["sync"]["revision"] == "b" * 40
