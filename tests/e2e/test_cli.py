"""The commands as a user and a script meet them: words, columns and exit codes.

The shapes are those of the contract's client; what differs from run to run is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any

import pytest
import yaml

from tests.e2e.leaves import runs
from tests.e2e.manifests import config_map, deployment, job
from tests.e2e.repo import Repo
from tests.e2e.stack import BIN, NAMESPACE, Ran, Stack

SERVER = "https://kubernetes.default.svc"
TITLES = ["GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"]
LIST_TITLES = [
    "NAME", "CLUSTER", "NAMESPACE", "PROJECT", "STATUS", "HEALTH", "SYNCPOLICY", "CONDITIONS",
    "REPO", "PATH", "TARGET",
]  # fmt: skip
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"


@pytest.fixture(scope="module")
def repo(stack: Stack) -> Repo:
    repo = stack.repo("cli.git")
    repo.write("guestbook/web.yaml", deployment("web"))
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {a: hushed}\n"
    repo.write("guestbook/secret.yaml", text)
    repo.write("other/cm.yaml", config_map("settings", a="1"))
    repo.write("hooks/pre.yaml", job("migrate", hook="PreSync"))
    repo.write("hooks/cm.yaml", config_map("first", a="1"))
    repo.write("broken/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: [1\n")
    repo.commit()
    return repo


def flags(repo: Repo, path: str, namespace: str) -> tuple[str, ...]:
    return (
        "--repo", repo.url, "--path", path, "--dest-server", SERVER, "--dest-namespace", namespace,
        "--sync-option", "CreateNamespace=true",
    )  # fmt: skip


def fatal(ran: Ran, code: int = 20) -> str:
    """The message of the one line with which a command ends."""
    assert ran.code == code, ran
    line = json.loads(ran.err.splitlines()[-1])
    assert list(line) == ["level", "msg", "time"]
    assert line["level"] == "fatal"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"])
    said: str = line["msg"]
    return said


def columns(line: str) -> list[str]:
    return line.split()


def block(text: str, first: str) -> list[str]:
    """The lines of the table that begins with a column, until a blank line."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(first))
    end = next((n for n in range(start, len(lines)) if not lines[n]), len(lines))
    return lines[start:end]


@runs("app get", "app wait", "app delete", core=True)
def test_the_life_of_an_application(stack: Stack, repo: Repo) -> None:
    create = ("app", "create", "cli-life", *flags(repo, "guestbook", "cli-life"))
    assert stack.ok(*create) == "application 'cli-life' created\n"
    assert stack.ok(*create) == "application 'cli-life' unchanged\n"
    assert "Health Status:" in stack.ok("app", "get", "cli-life")

    synced = stack.cli("app", "sync", "cli-life")
    assert synced.code == 0
    header = [
        "TIMESTAMP",
        "GROUP",
        "KIND",
        "NAMESPACE",
        "NAME",
        "STATUS",
        "HEALTH",
        "HOOK",
        "MESSAGE",
    ]
    lines = synced.out.splitlines()
    assert columns(lines[0]) == header
    assert re.match(rf"{TIME}  ", lines[1])
    at = synced.out.index("\nName:               argocd/cli-life\n")
    after = synced.out[at:]
    commit = repo.git("rev-parse", "HEAD")
    assert after.startswith(
        "\nName:               argocd/cli-life\n"
        "Project:            default\n"
        f"Server:             {SERVER}\n"
        "Namespace:          cli-life\n"
    )
    assert (
        "Source:\n"
        f"- Repo:             {repo.url}\n"
        "  Target:           \n"
        "  Path:             guestbook\n"
        "SyncWindow:         Sync Allowed\n"
        "Sync Policy:        Manual\n"
        f"Sync Status:        Synced to  ({commit[:7]})\n"
    ) in after
    assert re.search(
        "\n\nOperation:          Sync\n"
        f"Sync Revision:      {commit}\n"
        "Phase:              Succeeded\n"
        r"Start:              \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \w+\n"
        r"Finished:           \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \w+\n"
        r"Duration:           (\d+m)?\d+s\n"
        "Message:            successfully synced \\(all tasks run\\)\n\n",
        after,
    )
    table = block(after, "GROUP")
    assert columns(table[0]) == [
        "GROUP",
        "KIND",
        "NAMESPACE",
        "NAME",
        "STATUS",
        "HEALTH",
        "HOOK",
        "MESSAGE",
    ]
    rows = [columns(line) for line in table[1:]]
    assert ["Secret", "cli-life", "token", "Synced", "secret/token", "created"] in rows
    # A column begins where its title does, for all rows alike.
    where = table[0].index("STATUS ")
    assert {line[where - 2 : where] for line in table[1:]} == {"  "}

    waited = stack.cli("app", "wait", "cli-life", "--timeout", "60")
    assert waited.code == 0
    assert "Health Status:      Healthy\n" in waited.out
    assert "TIMESTAMP" not in stack.cli("app", "wait", "cli-life", "--timeout", "60").out
    shown = stack.ok("app", "get", "cli-life")
    assert "Operation:" not in shown
    assert "Operation:          Sync" in stack.ok("app", "get", "cli-life", "--show-operation")
    assert "hushed" not in shown + waited.out + synced.out
    assert stack.ok("app", "delete", "cli-life", "--yes") == "application 'cli-life' deleted\n"


def test_another_spec_needs_upsert(stack: Stack, repo: Repo) -> None:
    stack.ok("app", "create", "cli-upsert", *flags(repo, "guestbook", "cli-upsert"))
    changed = ("app", "create", "cli-upsert", *flags(repo, "other", "cli-upsert"))
    assert fatal(stack.cli(*changed)) == (
        "rpc error: code = InvalidArgument desc = existing application spec is different, "
        "use upsert flag to force update"
    )
    assert stack.ok(*changed, "--upsert") == "application 'cli-upsert' updated\n"
    assert stack.app("cli-upsert")["spec"]["source"]["path"] == "other"


@runs("app list", core=True)
def test_lists(stack: Stack, repo: Repo) -> None:
    stack.ok(
        "app", "create", "cli-list", *flags(repo, "other", "cli-list"),
        "--sync-policy", "auto", "--auto-prune", "--label", "team=a",
    )  # fmt: skip
    stack.until_status("cli-list", "Synced", "Healthy")
    lines = stack.ok("app", "list", "-l", "team=a").splitlines()
    assert columns(lines[0]) == LIST_TITLES
    assert columns(lines[1]) == [
        "argocd/cli-list", SERVER, "cli-list", "default", "Synced", "Healthy", "Auto-Prune",
        "<none>", repo.url, "other",
    ]  # fmt: skip
    # The empty last cell leaves its blanks.
    assert len(lines) == 2
    assert lines[1].endswith("other  ")
    assert stack.ok("app", "list", "-l", "team=a", "-o", "wide").splitlines() == lines
    assert stack.ok("app", "list", "-l", "team=a", "-o", "name") == "argocd/cli-list\n"
    assert stack.ok("app", "list", "-l", "team=none", "-o", "json") == "[]\n"
    found = json.loads(stack.ok("app", "list", "-l", "team=a", "-o", "json"))
    assert [one["metadata"]["name"] for one in found] == ["cli-list"]
    # Typed objects are printed without their type.
    assert "kind" not in found[0]
    narrowed = stack.ok("app", "list", "-l", "team=a", "--repo", "https://example.com")
    assert len(narrowed.splitlines()) == 1
    assert fatal(stack.cli("app", "list", "-o", "table")) == "unknown output format: table"


def test_get_as_data(stack: Stack, repo: Repo) -> None:
    stack.ok(
        "app", "create", "cli-data", *flags(repo, "other", "cli-data"), "--sync-policy", "auto"
    )
    stack.until_done("cli-data")
    stack.until_status("cli-data", "Synced", "Healthy")
    as_json: dict[str, Any] = json.loads(stack.ok("app", "get", "cli-data", "-o", "json"))
    as_yaml = yaml.safe_load(stack.ok("app", "get", "cli-data", "-o", "yaml"))
    assert as_json == as_yaml
    assert set(as_json) == {"metadata", "spec", "status"}
    assert as_json["spec"]["source"] == {"path": "other", "repoURL": repo.url}
    assert as_json["status"]["sync"]["status"] == "Synced"
    assert fatal(stack.cli("app", "get", "cli-data", "-o", "xml")) == "unknown output format: xml"


def test_hooks_have_their_rows(stack: Stack, repo: Repo) -> None:
    stack.ok("app", "create", "cli-hooks", *flags(repo, "hooks", "cli-hooks"))
    stack.ok("app", "sync", "cli-hooks")
    stack.until_status("cli-hooks", "Synced", "Healthy")
    rows = [columns(line) for line in block(stack.ok("app", "get", "cli-hooks"), "GROUP")[1:]]
    assert [
        "batch", "Job", "cli-hooks", "migrate", "Succeeded", "Synced", "PreSync",
        "Reached", "expected", "number", "of", "succeeded", "pods",
    ] in rows  # fmt: skip
    assert ["ConfigMap", "cli-hooks", "first", "Synced", "configmap/first", "created"] in rows


def test_what_is_not_there_looks_forbidden(stack: Stack) -> None:
    denied = "rpc error: code = PermissionDenied desc = permission denied"
    for command in (("get", "nosuch"), ("sync", "nosuch"), ("delete", "nosuch", "--yes")):
        assert fatal(stack.cli("app", *command)) == denied
    assert fatal(stack.cli("app", "wait", "nosuch")) == denied


def test_what_cannot_be_created(stack: Stack, repo: Repo) -> None:
    def create(*changed: str) -> str:
        return fatal(stack.cli("app", "create", "cli-bad", *changed))

    good = flags(repo, "other", "cli-bad")
    begin = "rpc error: code = InvalidArgument desc = application spec for cli-bad is invalid: "
    missing = create(*good, "--repo", f"{stack.git_url}/none.git")
    assert missing.startswith(f"{begin}InvalidSpecError: repository not accessible: ")
    path = create(*good, "--path", "none")
    assert path.startswith(f"{begin}InvalidSpecError: Unable to generate manifests in none: ")
    assert path.endswith("none: app path does not exist")
    broken = create(*good, "--path", "broken")
    assert broken.startswith(f"{begin}InvalidSpecError: Unable to generate manifests in broken: ")
    assert create(*good, "--project", "none") == (
        'rpc error: code = InvalidArgument desc = app is not allowed in project "none", '
        "or the project does not exist"
    )
    assert create(*good, "--dest-server", "https://none").startswith(
        "rpc error: code = InvalidArgument desc = application destination spec for cli-bad is "
        'invalid: error getting cluster by server "https://none": '
    )
    assert stack.kube.get("Application", NAMESPACE, "cli-bad") is None


def test_create_from_a_file(stack: Stack, repo: Repo) -> None:
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "cli-file"},
        "spec": {
            "project": "default",
            "source": {"repoURL": repo.url, "path": "other"},
            "destination": {"server": SERVER, "namespace": "cli-file"},
        },
    }
    file = stack.folder / "cli-file.yaml"
    file.write_text(yaml.safe_dump(manifest))
    assert stack.ok("app", "create", "-f", str(file)) == "application 'cli-file' created\n"
    wrong = stack.cli("app", "create", "another", "-f", str(file))
    assert fatal(wrong) == "app name 'another' does not match app spec metadata.name 'cli-file'"


def test_waits_end(stack: Stack, repo: Repo) -> None:
    stack.ok("app", "create", "cli-wait", *flags(repo, "other", "cli-wait"))
    ran = stack.cli("app", "wait", "cli-wait", "--sync", "--timeout", "2")
    assert fatal(ran) == 'timed out (2s) waiting for app "cli-wait" match desired state'
    assert "This is the state of the app after wait timed out:" in ran.out
    assert "The command timed out waiting for the conditions to be met." in ran.out
    stack.ok("app", "sync", "cli-wait", "--async")
    stack.ok("app", "wait", "cli-wait", "--timeout", "30")
    assert stack.status("cli-wait") == ("Synced", "Healthy")
    assert stack.ok("app", "sync", "cli-wait", "--async") == ""
    stack.until_done("cli-wait")
    stack.ok("app", "delete", "cli-wait", "--yes")
    # It goes at once, for nothing asked for its objects: there is nothing to wait for.
    stack.until("it is gone", lambda: "cli-wait" not in stack.ok("app", "list", "-o", "name"))


def test_waiting_for_the_end_of_an_application(stack: Stack) -> None:
    repo = stack.repo("ends.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("cli-ends", repo, "app", "--sync-policy", "auto")
    stack.until_done("cli-ends")
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    stack.kube.merge("ConfigMap", "cli-ends", "settings", held)
    stack.ok("app", "delete", "cli-ends", "--yes")
    short = stack.cli("app", "wait", "cli-ends", "--delete", "--timeout", "1")
    assert "timed out (1s)" in fatal(short)
    waiting = subprocess.Popen(
        [BIN / "tiphys", "app", "wait", "cli-ends", "--delete", "--timeout", "30"],
        stdout=subprocess.PIPE,
        text=True,
        env=stack.user_environment(),
    )
    try:
        time.sleep(2)
        stack.kube.merge("ConfigMap", "cli-ends", "settings", {"metadata": {"finalizers": None}})
        out, _ = waiting.communicate(timeout=40)
    finally:
        waiting.kill()
    assert waiting.returncode == 0
    assert out.splitlines()[-1] == "Application 'argocd/cli-ends' deleted"


def test_a_health_that_turns_bad_ends_the_wait(stack: Stack) -> None:
    repo = stack.repo("turns.git")
    text = deployment("web", behaviour="hang")
    repo.write(
        "app/web.yaml", text.replace("replicas: 1", "replicas: 1\n  progressDeadlineSeconds: 3")
    )
    repo.commit()
    stack.create("cli-turns", repo, "app")
    stack.ok("app", "sync", "cli-turns")
    ran = stack.cli("app", "wait", "cli-turns", "--health", "--timeout", "30")
    assert fatal(ran) == (
        "application 'cli-turns' health state has transitioned from Progressing to Degraded"
    )
    stack.ok("app", "wait", "cli-turns", "--degraded", "--timeout", "30")
    assert stack.status("cli-turns")[1] == "Degraded"


def test_both_names_of_the_program(stack: Stack) -> None:
    ours = stack.cli("app", "list", "-o", "name")
    assert ours.code == 0
    assert ours.err.count("core mode") == 1
    assert json.loads(ours.err)["level"] == "info"
    theirs = stack.cli("app", "list", name="argocd")
    assert fatal(theirs, 1) == "Argo CD server address unspecified"
    assert theirs.out == ""
    core = stack.cli("app", "list", "-o", "name", "--core", name="argocd")
    assert core.code == 0
    assert core.err == ""
    assert core.out == ours.out


def test_usage_errors(stack: Stack) -> None:
    unknown = stack.cli("app", "list", "--frobnicate")
    assert (unknown.code, unknown.out) == (1, "Error: unknown flag: --frobnicate\n")
    command = stack.cli("frobnicate", name="argocd")
    assert command.code == 1
    assert command.out == (
        'Error: unknown command "frobnicate" for "argocd"\nRun \'argocd --help\' for usage.\n'
    )
    words = stack.cli("app", "get")
    assert words.code == 1
    assert "APPNAME" in words.out


def test_errors_as_text(stack: Stack) -> None:
    ran = stack.cli("app", "get", "nosuch", "--logformat", "text")
    assert ran.code == 20
    assert (
        'level=fatal msg="rpc error: code = PermissionDenied desc = permission denied"' in ran.err
    )
