"""Passwords by bcrypt, in threads of their own: it is slow on purpose, and lets Python go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from tiphys.model.errors import ApiCode, ApiError

_COST = 10
_LONGEST = 72
"""Bytes that bcrypt looks at."""
_THREADS = 2

Answer = TypeVar("Answer")


class Bcrypt:
    """Implements the Passwords of services.access."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, "passwords")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check(self, password: str, stored: str) -> bool:
        return await self._aside(lambda: fits(password, stored))

    async def hash(self, password: str) -> str:
        return await self._aside(lambda: hashed(password))

    async def _aside(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def fits(password: str, stored: str) -> bool:
    """What was stored by others may have looked at the first 72 bytes alone, and so do we."""
    try:
        return bcrypt.checkpw(_bytes(password)[:_LONGEST], stored.encode())
    except ValueError:
        return False


def hashed(password: str) -> str:
    """Raises ApiError for a password that is too long."""
    found = _bytes(password)
    if len(found) > _LONGEST:
        raise ApiError(ApiCode.UNKNOWN, f"bcrypt: password length exceeds {_LONGEST} bytes")
    return bcrypt.hashpw(found, bcrypt.gensalt(_COST, prefix=b"2a")).decode()


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
