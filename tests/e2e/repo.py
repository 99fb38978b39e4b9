"""A Git repository that a test writes and Tiphys reads over HTTP."""

from __future__ import annotations

import subprocess
from pathlib import Path

IDENTITY = (
    "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false",
)  # fmt: skip


class Repo:
    """A repository with a work tree under the Git server's root; each commit is served at once."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(".gitignore", "")
        self.commit("Begin")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *IDENTITY, *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def commit(self, message: str = "Change") -> str:
        """Commits everything; answers the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
