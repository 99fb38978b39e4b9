"""What shells are offered, asked as their scripts ask."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ARGOCD = Path(sys.executable).parent / "argocd"


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ARGOCD, *words], check=False, capture_output=True, text=True)


def offered(*words: str) -> list[str]:
    done = ran("__complete", "--", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_commands_are_offered() -> None:
    assert "app" in offered("ap")
    assert {"create", "sync", "wait"} <= set(offered("app", ""))
    assert offered("app", "ter") == ["terminate-op"]


def test_flags_are_offered_where_they_are_known() -> None:
    assert "--prune" in offered("app", "sync", "web", "--pr")
    assert offered("app", "sync", "--no-such") == []


def test_nothing_is_offered_for_names() -> None:
    assert offered("app", "get", "we") == []


def test_values_of_flags_are_passed_over() -> None:
    assert "get" in offered("--logformat", "text", "app", "g")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    done = ran("completion", shell)
    assert done.returncode == 0
    assert "__complete" in done.stdout
    assert "argocd" in done.stdout


def test_other_shells_are_refused() -> None:
    done = ran("completion", "tcsh")
    assert done.returncode == 1
    said = "Invalid shell 'tcsh'. The supported shells are bash, zsh and fish.\n"
    assert done.stdout == said
    assert ran("completion").returncode == 1


def test_bash_completes(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = tmp_path / "complete"
    script.write_text(ran("completion", "bash").stdout)
    asked = (
        f"source {script}; COMP_WORDS=({ARGOCD} app termin); COMP_CWORD=2; "
        "_argocd_complete; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run([bash, "-c", asked], check=True, capture_output=True, text=True)
    assert done.stdout == "terminate-op\n"
