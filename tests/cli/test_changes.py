"""`app edit`, `patch`, `history`, `rollback`, `terminate-op` and `confirm-deletion`."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.test_sync import operation, syncs
from tests.cli.world import COMMIT, NAMESPACE, REPO, World, app, guestbook

EDITOR = """\
#!/bin/sh
# Puts the next prepared text in place of the file, and keeps what was there.
n=$(ls {folder}/seen | wc -l)
cp "$1" {folder}/seen/$n
test -f {folder}/text$n && cp {folder}/text$n "$1"
exit 0
"""


class Editor:
    """Stands in for the user: what is typed at each turn, and what was shown."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        (folder / "seen").mkdir()
        program = folder / "editor"
        program.write_text(EDITOR.format(folder=folder))
        program.chmod(stat.S_IRWXU)
        monkeypatch.setenv("EDITOR", f"sh {program}")

    def types(self, *texts: str) -> None:
        for turn, text in enumerate(texts):
            (self._folder / f"text{turn}").write_text(text)

    @property
    def shown(self) -> list[str]:
        return [path.read_text() for path in sorted((self._folder / "seen").iterdir())]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(tmp_path, monkeypatch)


def spec(**parts: Any) -> str:
    text: str = yaml.safe_dump({**app("a")["spec"], **parts})
    return text


def test_what_is_saved_in_the_editor_is_stored(world: World, editor: Editor) -> None:
    editor.types("# a remark\n" + spec(revisionHistoryLimit=3))
    ran = world.seed(app("a")).run("app", "edit", "a")
    assert (ran.code, ran.out) == (0, "")
    assert world.app("a")["spec"]["revisionHistoryLimit"] == 3
    assert yaml.safe_load(editor.shown[0]) == app("a")["spec"]
    assert editor.shown[0].startswith("#")


def test_what_cannot_be_stored_is_shown_again_with_the_reason(world: World, editor: Editor) -> None:
    bad = {**app("a")["spec"]["source"], "path": "none"}
    editor.types(spec(source=bad), spec(revisionHistoryLimit=4))
    assert world.seed(app("a")).run("app", "edit", "a").code == 0
    assert "# error: application spec for a is invalid" in editor.shown[1]
    assert yaml.safe_load(editor.shown[1])["source"]["path"] == "none"
    assert world.app("a")["spec"]["revisionHistoryLimit"] == 4


@pytest.mark.parametrize("texts", [[], [""], ["# nothing\n"], [spec(project="none")]])
def test_an_edit_that_changes_nothing_valid(world: World, editor: Editor, texts: list[str]) -> None:
    editor.types(*texts)
    ran = world.seed(app("a")).run("app", "edit", "a")
    assert (ran.code, ran.fatal) == (20, "edit cancelled, no valid changes were saved")
    assert world.app("a")["spec"] == app("a")["spec"]


def test_an_editor_that_is_not_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "/nonexistent")
    ran = world.seed(app("a")).run("app", "edit", "a")
    assert ran.fatal == "cannot start the editor /nonexistent: No such file or directory"
    monkeypatch.setenv("EDITOR", "false")
    assert world.run("app", "edit", "a").fatal == "the editor false ended with an error"


@proves("app patch", "--patch", "--type")
@pytest.mark.parametrize(
    ("flags", "patch"),
    [
        (["--type", "merge"], {"spec": {"revisionHistoryLimit": 5}}),
        ([], [{"op": "add", "path": "/spec/revisionHistoryLimit", "value": 5}]),
    ],
)
def test_patch(world: World, flags: list[str], patch: Any) -> None:
    world.seed(guestbook())
    ran = world.run("app", "patch", "guestbook", *flags, "--patch", json.dumps(patch))
    assert ran.code == 0, ran.err
    assert ran.out.endswith("\n\n")
    printed = yaml.safe_load(ran.out)
    assert list(printed) == ["metadata", "spec", "status"]
    assert printed["spec"]["revisionHistoryLimit"] == 5
    assert world.app("guestbook")["spec"]["revisionHistoryLimit"] == 5


def test_a_patch_reaches_what_users_own_alone(world: World) -> None:
    world.seed(guestbook())
    body = {
        "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        "status": {"health": {"status": "Degraded"}},
        "operation": {"sync": {}},
    }
    assert world.run(
        "app", "patch", "guestbook", "--type", "merge", "--patch", json.dumps(body)
    ).code == 0  # fmt: skip
    stored = world.app("guestbook")
    assert stored["metadata"]["labels"] == {"a": "b"}
    assert stored["metadata"]["annotations"] == {"c": "d"}
    assert stored["status"] == guestbook()["status"]
    assert "operation" not in stored


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--type", "strategic", "--patch", "{}"],
         "rpc error: code = InvalidArgument desc = Patch type 'strategic' is not supported"),
        (["--type", "merge", "--patch", '{"spec":{"project":"none"}}'],
         "rpc error: code = InvalidArgument desc = app is not allowed in project \"none\", or the "
         "project does not exist"),
        (["--patch", "{"], "the patch is not JSON: "),
    ],
)  # fmt: skip
def test_a_patch_that_is_refused(world: World, flags: list[str], message: str) -> None:
    ran = world.seed(app("a")).run("app", "patch", "a", *flags)
    assert ran.code == 20
    assert ran.fatal.startswith(message)
    assert world.app("a")["spec"] == app("a")["spec"]


def past(entry: int, **parts: Any) -> dict[str, Any]:
    source = {"repoURL": REPO, "path": "guestbook"}
    return {
        "id": entry,
        "revision": COMMIT,
        "deployedAt": "2026-11-23T10:03:33Z",
        "source": source,
        **parts,
    }


def deployed(*entries: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return app("a", spec=spec, status={"history": list(entries)})


@proves("app history", "--output")
def test_history(world: World) -> None:
    ran = world.seed(guestbook()).run("app", "history", "guestbook")
    assert ran.out == (
        "SOURCE  http://127.0.0.1:9181/examples.git\n"
        "ID      DATE                           REVISION\n"
        "0       2026-11-23 10:03:33 +0000 UTC   (c89a47e)\n"
    )
    assert world.run("app", "history", "guestbook", "-o", "id").out == "0\n"
    assert world.run("app", "history", "guestbook", "-o", "x").fatal == "unknown output format: x"


def test_history_by_repository(world: World) -> None:
    other = {"repoURL": "https://example.com/b.git", "targetRevision": "v1"}
    both = past(12, sources=[past(0)["source"], other], revisions=[COMMIT, "abc"])
    world.seed(deployed(past(3), both))
    assert world.run("app", "history", "a").out == (
        "SOURCE  http://127.0.0.1:9181/examples.git\n"
        "ID      DATE                           REVISION\n"
        "3       2026-11-23 10:03:33 +0000 UTC   (c89a47e)\n"
        "12      2026-11-23 10:03:33 +0000 UTC   (c89a47e)\n"
        "\n"
        "SOURCE  https://example.com/b.git\n"
        "ID      DATE                           REVISION\n"
        "12      2026-11-23 10:03:33 +0000 UTC  v1\n"
    )


def finished(phase: str) -> dict[str, Any]:
    state = {
        "operation": {},
        "phase": phase,
        "startedAt": "2026-11-23T10:03:33Z",
        "finishedAt": "2026-11-23T10:03:33Z",
    }
    return {
        "sync": {"status": "Synced", "revision": COMMIT},
        "health": {"status": "Healthy"},
        "reconciledAt": "2026-11-23T10:03:34Z",
        "operationState": state,
    }


@proves("app rollback", "--prune", "--timeout")
def test_rollback(world: World) -> None:
    entries = (past(6, revision="a" * 40), past(7, revision="b" * 40))
    policy = {"syncOptions": ["PruneLast=true"], "retry": {"limit": 3}}
    world.seed(deployed(*entries, syncPolicy=policy))
    ran = world.run("app", "rollback", "a", "--prune", "--timeout", "1")
    assert "timed out (1s)" in ran.fatal
    assert operation(world, "a") == {
        "sync": {
            "revision": "a" * 40,
            "prune": True,
            "syncStrategy": {"apply": {}},
            "source": past(0)["source"],
            "syncOptions": ["PruneLast=true"],
        },
        "initiatedBy": {},
        "retry": {},
    }


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_rollback_ends_well_however_the_operation_ends(world: World, phase: str) -> None:
    world.seed(deployed(past(6), past(7)))
    world.controller = syncs("a", finished(phase))
    ran = world.run("app", "rollback", "a", "7")
    assert ran.code == 0, ran.err
    assert f"Phase:              {phase}\n" in ran.out


@proves("app rollback", "--output")
def test_the_end_of_a_rollback_in_a_format(world: World) -> None:
    world.seed(deployed(past(6), past(7)))
    world.controller = syncs("a", finished("Succeeded"))
    shown = json.loads(world.run("app", "rollback", "a", "7", "-o", "json").out)
    assert shown["status"]["operationState"]["phase"] == "Succeeded"


AUTO: dict[str, Any] = {"automated": {}}


@pytest.mark.parametrize(
    ("manifest", "words", "message"),
    [
        (deployed(past(6)), [],
         "application 'a' should have at least two successful deployments"),
        (deployed(past(6)), ["9"], "application 'a' does not have deployment id '9' in history"),
        (deployed(past(6)), ["x"], "'x' is not the id of a deployment"),
        (deployed(past(6), syncPolicy=AUTO), ["6"], "rpc error: code = FailedPrecondition desc = "
         "rollback cannot be initiated when auto-sync is enabled"),
        (deployed(past(6)) | {"operation": {"sync": {}}}, ["6"],
         "rpc error: code = FailedPrecondition desc = another operation is already in progress"),
        (deployed({key: value for key, value in past(6).items() if key != "source"}), ["6"],
         "rpc error: code = FailedPrecondition desc = deployment 6 of argocd/a does not say its "
         "source"),
    ],
)  # fmt: skip
def test_rollbacks_that_are_refused(
    world: World, manifest: dict[str, Any], words: list[str], message: str
) -> None:
    ran = world.seed(manifest).run("app", "rollback", "a", *words)
    assert (ran.code, ran.fatal) == (20, message)


def test_an_application_that_is_deleted_goes_nowhere(world: World) -> None:
    manifest = deployed(past(6))
    manifest["metadata"]["deletionTimestamp"] = "2026-11-23T10:03:33Z"
    ran = world.seed(manifest).run("app", "rollback", "a", "6")
    assert ran.fatal == "rpc error: code = FailedPrecondition desc = application is deleting"


def test_terminate(world: World) -> None:
    running = {"operation": {}, "phase": "Running", "startedAt": "2026-11-23T10:03:33Z"}
    world.seed(app("a", operation={"sync": {}}, status={"operationState": running}))
    ran = world.run("app", "terminate-op", "a")
    assert (ran.code, ran.out) == (0, "Application 'a' operation terminating\n")
    assert world.app("a")["status"]["operationState"] == {**running, "phase": "Terminating"}


def test_there_is_nothing_to_terminate(world: World) -> None:
    ran = world.seed(guestbook()).run("app", "terminate-op", "guestbook")
    assert (ran.code, ran.fatal) == (
        20, "rpc error: code = InvalidArgument desc = Unable to terminate operation. No operation "
        "is in progress",
    )  # fmt: skip


def test_confirm_deletion(world: World) -> None:
    world.seed(app("a", metadata={"annotations": {"x": "y"}}))
    ran = world.run("app", "confirm-deletion", f"{NAMESPACE}/a")
    assert (ran.code, ran.out) == (0, "Application 'argocd/a' updated successfully\n")
    assert world.app("a")["metadata"]["annotations"] == {
        "x": "y",
        "argocd.argoproj.io/deletion-approved": "2026-11-23T10:03:33Z",
    }


@pytest.mark.parametrize(
    ("command", "words"),
    [("edit", []), ("patch", ["a"]), ("history", []), ("rollback", ["a", "1", "2"]),
     ("terminate-op", []), ("confirm-deletion", ["a", "b"])],
)  # fmt: skip
def test_wrong_numbers_of_words(world: World, command: str, words: list[str]) -> None:
    ran = world.run("app", command, *words)
    assert ran.code == 1
    assert ran.out.startswith(f"Usage: argocd app {command} APPNAME")
