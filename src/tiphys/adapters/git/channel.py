"""Answers Git's question for a login over a socket that only this run of Git inherits.

The user and password are in no argument, no environment and no file: they are said when Git asks
for them, and only for the host that they belong to.
"""

from __future__ import annotations

import asyncio
import shlex
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tiphys.adapters.git.programs import login
from tiphys.core.source.url import RepositoryUrl
from tiphys.model.repository import BasicLogin

_LONGEST: Final = 1 << 16


@asynccontextmanager
async def answering(url: RepositoryUrl, known: BasicLogin) -> AsyncIterator[int]:
    """The file descriptor that Git has to inherit."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        answers = asyncio.create_task(_answer(ours, url, known))
        try:
            yield theirs.fileno()
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)


def helper_setting(descriptor: int) -> str:
    """Git runs a helper that begins with `!` by a shell: every word of it is ours, and quoted."""
    program = str(Path(login.__file__).resolve())
    return "credential.helper=!" + shlex.join([sys.executable, "-ISE", program, str(descriptor)])


async def _answer(channel: socket.socket, url: RepositoryUrl, known: BasicLogin) -> None:
    loop = asyncio.get_running_loop()
    while question := await loop.sock_recv(channel, _LONGEST):
        await loop.sock_sendall(channel, answer_to(question, url, known))


def answer_to(question: bytes, url: RepositoryUrl, known: BasicLogin) -> bytes:
    """In the form of git-credential: an end of line alone where it is asked for another host."""
    said = dict(
        line.split("=", 1)
        for line in question.decode("utf-8", "replace").splitlines()
        if "=" in line
    )
    place = urlsplit(url.text).netloc.lower()
    if said.get("protocol") != url.transport or said.get("host", "").lower() != place:
        return b"\n"
    return f"username={known.username}\npassword={known.password!s}\n".encode()
