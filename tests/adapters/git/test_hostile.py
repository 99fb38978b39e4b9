"""What must not reach Git, what must not come out of a tree, and runs that have to end."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings, run_git
from tiphys.adapters.git.transport import local_options, remote_options
from tiphys.adapters.git.tree import GitTree, TreeLimits
from tiphys.core.source.url import parse_repository_url
from tiphys.model.errors import (
    RenderLimitError,
    RepositoryError,
    RepositoryUnreachableError,
    UnsupportedRepositoryError,
)
from tiphys.model.repository import Repository

HANGING = """#!/bin/sh
echo $$ >> "{pids}"
sleep 300 &
echo $! >> "{pids}"
wait
"""
ANONYMOUS = (
    "authentication required: no credentials matched this URL: add the repository with its "
    "credentials: repo add"
)
DEAF = """#!/bin/sh
trap '' TERM
echo $$ >> "{pids}"
while :; do sleep 0.05; done
"""


def program(folder: Path, text: str) -> tuple[Path, Path]:
    """A program in Git's place, and the file that it writes its process ids to."""
    path, pids = folder / "stand-in", folder / "pids"
    path.write_text(text.replace("{pids}", str(pids)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path, pids


def written(pids: Path) -> list[str]:
    return pids.read_text().split() if pids.exists() else []


async def running(pids: Path, count: int) -> list[int]:
    for _ in range(200):
        found = written(pids)
        if len(found) >= count:
            return [int(each) for each in found]
        await asyncio.sleep(0.02)
    raise AssertionError("the program did not start")


def is_running(pid: int) -> bool:
    """A zombie that nobody has waited for yet has ended too."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def left(pids: list[int]) -> list[int]:
    """Those that still run; the system may take a moment to end what was killed."""
    for _ in range(200):
        found = [pid for pid in pids if is_running(pid)]
        if not found:
            return []
        await asyncio.sleep(0.01)
    return found


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "http://h/r\nx",
        "git@-oProxyCommand=id:o/r",
        "ssh://git@h;id/r",
        "http://169.254.169.254/r",
    ],
)
async def test_hostile_urls_never_reach_git(tmp_path: Path, url: str) -> None:
    path, pids = program(tmp_path, HANGING)
    git = GitCli(tmp_path / "kept", GitSettings(program=str(path)))
    for asked in (git.refs(Repository(url)), git.tree(Repository(url), "0" * 40)):
        with pytest.raises(UnsupportedRepositoryError):
            await asked
    assert not pids.exists()


async def test_our_own_copies_are_no_repositories(
    git: GitCli, repo: GitRepo, tmp_path: Path
) -> None:
    await git.tree(Repository(repo.url), repo.commit({"a": "1"}))
    kept = next((tmp_path / "kept").glob("*.git"))
    link = tmp_path / "link"
    link.symlink_to(kept)
    for path in (kept, link, tmp_path / "served" / ".." / "kept" / kept.name):
        with pytest.raises(UnsupportedRepositoryError, match="a copy kept by Tiphys"):
            await git.refs(Repository(f"file://{path}"))


async def test_a_name_that_leads_to_a_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(2, 1, 6, "", ("10.0.0.1", 80)), (2, 1, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    with pytest.raises(UnsupportedRepositoryError, match="metadata service"):
        await remote_options(parse_repository_url("http://innocent.example.com/r"))


async def test_git_is_told_the_addresses_that_were_judged() -> None:
    options = await remote_options(parse_repository_url("http://localhost:8080/r"))
    pinned = [option for option in options if option.startswith("http.curloptResolve=")]
    assert len(pinned) == 1
    assert pinned[0].startswith("http.curloptResolve=localhost:8080:")
    assert "127.0.0.1" in pinned[0]


async def test_the_environment_is_not_handed_on(tmp_path: Path) -> None:
    path, out = program(tmp_path, '#!/bin/sh\nenv > "{pids}"\nexit 1\n')
    given = {"PATH": os.environ["PATH"], "GIT_SSH_COMMAND": "evil", "TOKEN": "s3cret"}
    git = GitCli(tmp_path / "kept", GitSettings(program=str(path), environment=given))
    with pytest.raises(RepositoryUnreachableError):
        await git.refs(Repository("file:///r"))
    seen = dict(line.split("=", 1) for line in out.read_text().splitlines() if "=" in line)
    assert "GIT_SSH_COMMAND" not in seen
    assert "TOKEN" not in seen
    assert (seen["HOME"], seen["GIT_TERMINAL_PROMPT"]) == ("/dev/null", "0")


async def test_what_the_process_configures_is_beaten_by_our_own_options(
    repo: GitRepo, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    given = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.file://{repo.path}.insteadOf",
        "GIT_CONFIG_VALUE_0": "file:///mirrored",
        "GIT_CONFIG_KEY_1": "protocol.allow",
        "GIT_CONFIG_VALUE_1": "always",
    }
    settings = GitSettings(environment={**os.environ, **given})
    git = GitCli(tmp_path / "kept", settings)
    assert (await git.refs(Repository("file:///mirrored")))["HEAD"] == commit
    found = await run_git(
        settings, [*local_options(), "config", "protocol.allow"], timeout_seconds=9
    )
    assert found.output == b"never\n"


async def test_a_cancelled_caller_ends_git_and_its_children(tmp_path: Path) -> None:
    path, pids = program(tmp_path, HANGING)
    git = GitCli(tmp_path / "kept", GitSettings(program=str(path), environment=os.environ))
    asking = asyncio.create_task(git.tree(Repository("file:///r"), "0" * 40))
    started = await running(pids, 2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await left(started) == []


@pytest.mark.parametrize("steps", range(16))
async def test_a_caller_can_be_cancelled_at_any_time(tmp_path: Path, steps: int) -> None:
    path, pids = program(tmp_path, HANGING)
    settings = GitSettings(program=str(path), environment=os.environ)
    asking = asyncio.create_task(run_git(settings, ["fetch"], timeout_seconds=60))
    for _ in range(steps):
        await asyncio.sleep(0)
    asking.cancel()
    done, _ = await asyncio.wait({asking}, timeout=10)
    assert done == {asking}
    assert asking.cancelled()
    assert await left([int(pid) for pid in written(pids)]) == []


async def test_after_a_cancelled_caller_the_next_fetches(repo: GitRepo, tmp_path: Path) -> None:
    commit = repo.commit({"a": "1"})
    path, pids = program(
        tmp_path, '#!/bin/sh\n[ -e "{pids}" ] && exec git "$@"\necho $$ > "{pids}"\nsleep 300\n'
    )
    git = GitCli(tmp_path / "kept", GitSettings(program=str(path), environment=os.environ))
    first = asyncio.create_task(git.tree(Repository(repo.url), commit))
    await running(pids, 1)
    second = asyncio.create_task(git.tree(Repository(repo.url), commit))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).commit == commit


@pytest.mark.parametrize("text", [HANGING, DEAF])
async def test_a_run_ends_with_its_time(tmp_path: Path, text: str) -> None:
    path, pids = program(tmp_path, text)
    settings = GitSettings(program=str(path), environment=os.environ, list_timeout=0.3)
    git = GitCli(tmp_path / "kept", settings)
    with pytest.raises(RepositoryUnreachableError) as caught:
        await git.refs(Repository("file:///r"))
    assert str(caught.value) == "failed to list refs: git: git took longer than 0.3 s"
    assert await left(await running(pids, 1)) == []


async def test_an_endless_answer_is_not_read(tmp_path: Path) -> None:
    path, _ = program(tmp_path, "#!/bin/sh\nyes\n")
    settings = GitSettings(program=str(path), environment=os.environ, output_limit=100_000)
    with pytest.raises(RepositoryUnreachableError, match="git said more than 100000 bytes"):
        await GitCli(tmp_path / "kept", settings).refs(Repository("file:///r"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("fatal: Authentication failed for 'http://u:s3cret@h/r'", ANONYMOUS),
        ("fatal: could not read Username for 'http://h': terminal prompts disabled", ANONYMOUS),
        ("fatal: unable to access 'http://u:s3cret@h/r/': http://u:s3cret@h said no",
         "git: http://h said no"),
        ("No user exists for uid 1000\nfatal: Could not read from remote repository.",
         "git: ssh needs an entry in /etc/passwd for the user that this process runs as"),
        ("fatal: something with http://u:s3cret@h/r", "git: something with http://h/r"),
        ("", "git: it failed"),
    ],
)  # fmt: skip
async def test_errors_hold_no_user_information(tmp_path: Path, said: str, told: str) -> None:
    path, _ = program(tmp_path, f'#!/bin/sh\necho "{said}" >&2\nexit 128\n')
    git = GitCli(tmp_path / "kept", GitSettings(program=str(path), environment=os.environ))
    with pytest.raises(RepositoryError) as caught:
        await git.refs(Repository("http://127.0.0.1/r"))
    assert str(caught.value) == f"failed to list refs: {told}"


async def test_locks_of_a_killed_run_do_not_stay(
    git: GitCli, repo: GitRepo, tmp_path: Path, settings: GitSettings
) -> None:
    await git.tree(Repository(repo.url), repo.commit({"a": "1"}))
    kept = next((tmp_path / "kept").glob("*.git"))
    (kept / "shallow.lock").touch()
    (kept / "objects" / "pack" / "tmp_pack_x").touch()
    restarted = GitCli(tmp_path / "kept", settings)
    second = repo.commit({"a": "2"})
    assert (await restarted.tree(Repository(repo.url), second)).commit == second
    assert not (kept / "objects" / "pack" / "tmp_pack_x").exists()


def hostile_tree(repo: GitRepo, entries: bytes) -> GitTree:
    """A commit of a tree that `git add` would never make."""
    tree = repo.git("mktree", "-z", "--missing", data=entries)
    return GitTree(repo.path / ".git", repo.git("commit-tree", tree, "-m", "x"))


async def test_a_submodule_is_an_error_and_not_a_hole(repo: GitRepo) -> None:
    commit = repo.commit({"a": "1"})
    blob = repo.git("rev-parse", f"{commit}:a")
    entries = f"160000 commit {commit}\tsub\x00100644 blob {blob}\tz\0".encode()
    tree = hostile_tree(repo, entries)
    for path in ("sub", "sub/file"):
        with pytest.raises(RepositoryError, match=r"submodules: 'sub': no URL is known"):
            tree.read([path])
    with pytest.raises(RepositoryError, match=r"submodules: 'sub': no URL is known"):
        tree.walk("")
    assert tree.oids(["sub", "sub/file", "z"]) == {"sub": commit, "sub/file": commit, "z": blob}
    root = tree.read([""])[""]
    assert root is not None
    assert set(root.children) == {"sub", "z"}


@pytest.mark.parametrize("name", [b"..", b".", b"a\nb", b"caf\xe9"])
async def test_names_that_no_checkout_could_show(repo: GitRepo, name: bytes) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", data=b"x")
    tree = hostile_tree(repo, f"100644 blob {blob}\t".encode() + name + b"\0")
    with pytest.raises(UnsupportedRepositoryError, match="a file is named"):
        tree.walk("")


async def test_modes_and_links_are_told(repo: GitRepo) -> None:
    repo.write({"run.sh": "x", "plain": "y"})
    (repo.path / "run.sh").chmod(0o755)
    (repo.path / "out").symlink_to("../../etc/passwd")
    tree = GitTree(repo.path / ".git", repo.commit())
    entries = tree.read(["run.sh", "plain", "out", "out/x"])
    executable = {path: entry is not None and entry.executable for path, entry in entries.items()}
    assert executable == {"run.sh": True, "plain": False, "out": False, "out/x": False}
    assert entries["out"] is not None
    assert entries["out"].data == b"../../etc/passwd"
    assert entries["out/x"] is None


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (TreeLimits(entries=3), "more than 3 files"),
        (TreeLimits(depth=1), "nested deeper than 1"),
        (TreeLimits(data=5), "more than 5 bytes"),
    ],
)
async def test_a_walk_has_limits(repo: GitRepo, limits: TreeLimits, text: str) -> None:
    commit = repo.commit({"a/b/c": "123", "d": "456"})
    with pytest.raises(RenderLimitError, match=text):
        GitTree(repo.path / ".git", commit, limits).walk("")
    assert set(GitTree(repo.path / ".git", commit).walk("")) == {"", "a", "a/b", "a/b/c", "d"}
