"""Passwords as bcrypt stores them."""

from __future__ import annotations

import asyncio
import time

import bcrypt
import pytest

from tiphys.adapters.passwords import Bcrypt
from tiphys.model.errors import ApiCode, ApiError

PASSWORD = "correct horse"


@pytest.fixture
def passwords() -> Bcrypt:
    return Bcrypt()


async def test_what_was_hashed_fits(passwords: Bcrypt) -> None:
    stored = await passwords.hash(PASSWORD)
    assert stored.startswith("$2a$10$")
    assert await passwords.check(PASSWORD, stored)
    assert not await passwords.check("correct cow", stored)
    assert await passwords.hash(PASSWORD) != stored


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_what_others_hashed_fits(passwords: Bcrypt, prefix: bytes) -> None:
    stored = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, prefix=prefix)).decode()
    assert await passwords.check(PASSWORD, stored)


@pytest.mark.parametrize(
    "stored", ["", "nonsense", "$2a$10$short", "$5$rounds$hash", "$2a$99$" * 9]
)
async def test_a_hash_that_is_none_fits_nothing(passwords: Bcrypt, stored: str) -> None:
    assert not await passwords.check(PASSWORD, stored)
    assert not await passwords.check("", stored)


async def test_only_72_bytes_count(passwords: Bcrypt) -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert await passwords.check("x" * 80, stored)
    with pytest.raises(ApiError, match=r"^bcrypt: password length exceeds 72 bytes$") as caught:
        await passwords.hash("é" * 37)
    assert caught.value.code is ApiCode.UNKNOWN
    assert await passwords.hash("é" * 36)


async def test_the_loop_goes_on_meanwhile(passwords: Bcrypt) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - begun)

    watching = asyncio.create_task(watch())
    begun = time.perf_counter()
    await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(4)))
    took = time.perf_counter() - begun
    watching.cancel()
    assert longest < took / 2
