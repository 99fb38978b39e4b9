"""The commands as a person meets them: on a terminal, with questions and a live view."""

from __future__ import annotations

import os
import pty
import subprocess

from tests.e2e.manifests import config_map, deployment
from tests.e2e.stack import BIN, NAMESPACE, Stack


def on_terminal(stack: Stack, *arguments: str, answer: str = "") -> tuple[int, str]:
    """The exit code of a command and all that its terminal showed."""
    master, slave = pty.openpty()
    command = subprocess.Popen(
        [BIN / "tiphys", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=stack.user_environment() | {"TERM": "xterm", "LINES": "50"},
    )
    os.close(slave)
    if answer:
        os.write(master, f"{answer}\n".encode())
    shown = b""
    try:
        # The other end is closed when the command ends, which reads as an error.
        while chunk := _read(master):
            shown += chunk
    finally:
        os.close(master)
        command.wait(60)
    return command.returncode, shown.decode().replace("\r\n", "\n")


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:
        return b""


def test_a_sync_is_shown_live(stack: Stack) -> None:
    repo = stack.repo("tty.git")
    repo.write("app/web.yaml", deployment("web", behaviour="slow"))
    repo.commit()
    stack.create("tty-live", repo, "app")
    stack.ok("app", "sync", "tty-live", "--async")
    code, shown = on_terminal(stack, "app", "wait", "tty-live", "--timeout", "60")
    assert code == 0
    # Rows are drawn in place, so there are no lines with times.
    assert "TIMESTAMP" not in shown
    assert "\x1b[" in shown
    live, _, summary = shown.rpartition("Name:               argocd/tty-live\n")
    assert "Progressing" in live
    assert "web" in live
    assert "Health Status:      Healthy\n" in summary


def test_a_deletion_is_asked_about(stack: Stack) -> None:
    repo = stack.repo("asked.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.create("tty-asked", repo, "app", "--sync-policy", "auto")
    stack.until_done("tty-asked")
    question = "Are you sure you want to delete 'tty-asked' and all its resources? [y/n] "
    code, shown = on_terminal(stack, "app", "delete", "tty-asked", answer="n")
    assert code == 0
    assert question in shown
    assert shown.endswith("The command to delete 'tty-asked' was cancelled.\n")
    assert stack.kube.get("ConfigMap", "tty-asked", "settings") is not None
    # What is no answer is asked again.
    code, shown = on_terminal(stack, "app", "delete", "tty-asked", "--wait", answer="perhaps\ny")
    assert code == 0
    assert shown.count(question) == 2
    assert shown.endswith("application 'tty-asked' deleted\n")
    assert stack.kube.get("Application", NAMESPACE, "tty-asked") is None
    assert stack.kube.get("ConfigMap", "tty-asked", "settings") is None
