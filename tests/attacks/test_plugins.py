"""What is sent to a plugin, who asks for one, and what its commands do: made to get out, to stay,
to fill up what there is, or to tell what is secret.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

import asyncio
import io
import os
import shlex
import socket
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.engine.trees import Table
from tests.adapters.plugin.conftest import ContentTree
from tests.fakes.decoder import FakeDecoder
from tiphys.adapters.plugin import command, renderer, unpack
from tiphys.adapters.plugin.archive import ArchiveLimits, pack
from tiphys.adapters.plugin.command import run
from tiphys.adapters.plugin.errors import ArchiveError, CommandError
from tiphys.adapters.plugin.renderer import PluginRenderer
from tiphys.adapters.plugin.sockets import Socket
from tiphys.adapters.plugin.unpack import UnpackLimits
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import PluginOptions, RenderRequest

Patch = pytest.MonkeyPatch
PATH = {"PATH": os.environ["PATH"]}
SECRET = "what nobody may read"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What is unpacked goes into `root`; `secret` lies beside it."""
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path


# Out of bounds


def _file(tar: tarfile.TarFile, name: str, text: str = "evil") -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text.encode()))


def _link(tar: tarfile.TarFile, name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    tar.addfile(info)


def _parent(tar: tarfile.TarFile) -> None:
    _file(tar, "../secret-2")


def _within(tar: tarfile.TarFile) -> None:
    _file(tar, "app/../../secret-2")


def _link_out(tar: tarfile.TarFile) -> None:
    _link(tar, "way", "../secret")


def _link_on_the_way(tar: tarfile.TarFile) -> None:
    _file(tar, "top/x")
    _link(tar, "a/b/up", "../../top")
    _link(tar, "way", "a/b/up/../../secret")


def _believing_names(patch: Patch) -> None:
    patch.setattr(unpack, "_place", lambda folder, name: folder / name)


def _believing_links(patch: Patch) -> None:
    patch.setattr(unpack, "_leads_to", lambda place: place)


MEMBERS: dict[str, tuple[Callable[[tarfile.TarFile], None], Callable[[Patch], None]]] = {
    "parent": (_parent, _believing_names),
    "parent within": (_within, _believing_names),
    "link out": (_link_out, _believing_links),
    "link on the way": (_link_on_the_way, _believing_links),
}


def _sent(fill: Callable[[tarfile.TarFile], None]) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        fill(tar)
    file.seek(0)
    return file


def _gets_out(fill: Callable[[tarfile.TarFile], None], place: Path) -> bool:
    with suppress(ArchiveError):
        unpack.unpack(_sent(fill), place / "root", UnpackLimits(), keeps_modes=True)
        way = place / "root" / "way"
        return (way.exists() and way.read_text() == SECRET) or (place / "secret-2").exists()
    return (place / "secret-2").exists()


@pytest.mark.parametrize("name", MEMBERS)
def test_cve_2022_24904_members_of_what_is_sent(name: str, place: Path, monkeypatch: Patch) -> None:
    fill, off = MEMBERS[name]
    assert not _gets_out(fill, place)
    off(monkeypatch)
    for left in (place / "root").iterdir():
        if left.is_symlink():
            left.unlink()
    with tempfile.TemporaryDirectory() as again:
        other = Path(again)
        (other / "root").mkdir()
        (other / "secret").write_text(SECRET)
        assert _gets_out(fill, other)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A socket that is no plugin's, beside the folder of plugins."""
    with tempfile.TemporaryDirectory(prefix="cmp", dir="/tmp") as folder:
        (Path(folder) / "plugins").mkdir()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{folder}/own.sock")
        with listening:
            yield Path(folder) / "plugins"


def _any_path(folder: Path, name: str) -> Socket | None:
    path = folder / name
    return Socket(path, (0, 0)) if path.exists() else None


async def test_a_plugin_s_name_leads_to_no_other_socket(
    elsewhere: Path, monkeypatch: Patch
) -> None:
    asked = RenderRequest("app", PluginOptions("../own"), "web", deadline_seconds=0.5)

    async def said() -> str:
        plugins = PluginRenderer(FakeDecoder().decode_yaml, elsewhere)
        with pytest.raises(RenderError) as caught:
            await plugins.render(asked, ContentTree({"app/x": ""}))
        await plugins.close()
        return str(caught.value)

    refused = 'could not find cmp-server plugin with name "../own" supporting the given repository'
    assert (await said()).endswith(refused)
    monkeypatch.setattr(renderer, "socket_at", _any_path)
    assert not (await said()).endswith(refused)


# Text that runs


async def test_shell_characters_are_text(tmp_path: Path, monkeypatch: Patch) -> None:
    words = ["printf", "%s", f"$(touch {tmp_path}/ran)"]

    async def ran() -> bool:
        await run(words, folder=tmp_path, environment=PATH, seconds=20)
        return (tmp_path / "ran").exists()

    assert not await ran()
    shell = asyncio.create_subprocess_shell

    async def by_a_shell(*words: str, **options: Any) -> Any:
        line = " ".join(word if word.startswith("$") else shlex.quote(word) for word in words)
        return await shell(line, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", by_a_shell)
    assert await ran()


# Exhaustion


def test_cve_2023_40584_a_bomb_is_sent(place: Path) -> None:
    def fills(limits: UnpackLimits) -> bool:
        with suppress(ArchiveError):
            file = _sent(lambda tar: _file(tar, "zeros", "0" * 5_000_000))
            unpack.unpack(file, place / "root", limits, keeps_modes=False)
        return (place / "root" / "zeros").exists()

    assert not fills(UnpackLimits(content=1_000_000))
    assert fills(UnpackLimits())


def test_a_repository_that_is_too_large_is_not_sent() -> None:
    table: Table = {f"{number}.txt": "x" * 1_000 for number in range(200)}

    def sent(limits: ArchiveLimits) -> bool:
        with suppress(RenderLimitError):
            return pack(ContentTree(table), "", (), limits).size > 0
        return False

    assert not sent(ArchiveLimits(content=100_000))
    assert not sent(ArchiveLimits(entries=100))
    assert sent(ArchiveLimits())


async def test_a_command_that_prints_without_end(tmp_path: Path) -> None:
    async def taken(limit: int) -> int:
        with suppress(CommandError):
            words = ["head", "-c", "3000000", "/dev/zero"]
            return len(await run(words, folder=tmp_path, environment=PATH, seconds=20, limit=limit))
        return 0

    assert await taken(1_000_000) == 0
    assert await taken(10_000_000) == 3_000_000


def _runs(pid: int) -> bool:
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return False


async def test_a_command_leaves_nothing_that_runs(tmp_path: Path, monkeypatch: Patch) -> None:
    words = ["sh", "-c", "trap '' TERM; sleep 30 >/dev/null 2>&1 & echo $! > pid"]

    async def stays() -> int | None:
        await run(words, folder=tmp_path, environment=PATH, seconds=20, grace=0.1)
        pid = int((tmp_path / "pid").read_text())
        for _ in range(50):
            if not _runs(pid):
                return None
            await asyncio.sleep(0.02)
        return pid

    assert await stays() is None
    monkeypatch.setattr(command, "_signal", lambda process, sign: None)
    left = await stays()
    assert left is not None
    os.kill(left, 9)


# Secrets leaking out


async def test_cve_2023_25163_secrets_in_what_a_command_said(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    environment = {**PATH, "VAULT_TOKEN": "s3cr3t-value"}

    async def said() -> str:
        words = ["sh", "-c", "echo $VAULT_TOKEN https://me:passw@h/r >&2; exit 1"]
        with pytest.raises(CommandError) as caught:
            await run(words, folder=tmp_path, environment=environment, seconds=20)
        return str(caught.value).rpartition("exit status 1")[2]

    text = await said()
    assert "s3cr3t" not in text
    assert "passw" not in text
    monkeypatch.setattr(command, "without_secrets", lambda text, secrets: text)
    assert "s3cr3t-value https://me:passw@h/r" in await said()
