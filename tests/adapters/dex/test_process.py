"""Dex's process, with another program in the place of Dex, and what is passed on to it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from tiphys.adapters.dex import DexAddress, DexProcess, DexRelay
from tiphys.model.errors import IdentityUnreachableError

_PROGRAM = """
import os, shutil, stat, sys, time
out, config = sys.argv[1:]
number = len(os.listdir(out))
mode = stat.S_IMODE(os.stat(config).st_mode)
shutil.copy(config, f"{out}/{number}-{mode:o}.partial")
os.rename(f"{out}/{number}-{mode:o}.partial", f"{out}/{number}-{mode:o}-{os.getpid()}")
if "ends" in open(config).read():
    sys.exit(3)
time.sleep(600)
"""


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.02)


def started(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if not one.name.endswith(".partial"))


def alive(run: Path) -> bool:
    with suppress(ProcessLookupError):
        os.kill(int(run.name.rpartition("-")[2]), 0)
        return True
    return False


def process(folder: Path) -> DexProcess:
    return DexProcess((sys.executable, "-c", _PROGRAM, str(folder)), rest=0.05)


async def test_dex_runs_with_its_configuration_and_anew_with_another(tmp_path: Path) -> None:
    dex = process(tmp_path)
    dex.configure({"issuer": "one"})
    await until(lambda: len(started(tmp_path)) == 1)
    dex.configure({"issuer": "one"})
    dex.configure({"issuer": "two"})
    await until(lambda: len(started(tmp_path)) == 2)
    first, second = started(tmp_path)
    assert [yaml.safe_load(one.read_text())["issuer"] for one in (first, second)] == ["one", "two"]
    assert not alive(first)
    assert alive(second)
    # Its file is nobody else's to read.
    assert second.name.split("-")[1] == "600"
    dex.configure(None)
    await until(lambda: not alive(second))
    await dex.close()
    assert len(started(tmp_path)) == 2


async def test_a_dex_that_ends_is_started_again_and_closing_ends_it(tmp_path: Path) -> None:
    dex = process(tmp_path)
    dex.configure({"issuer": "ends"})
    await until(lambda: len(started(tmp_path)) >= 3)
    dex.configure({"issuer": "stays"})
    await until(lambda: "stays" in started(tmp_path)[-1].read_text())
    last = started(tmp_path)[-1]
    await dex.close()
    assert not alive(last)


async def test_without_the_program_nothing_falls() -> None:
    dex = DexProcess(("/nonexistent/dex",), rest=0.01)
    dex.configure({"issuer": "one"})
    await asyncio.sleep(0.1)
    await dex.close()


@pytest.mark.parametrize(
    ("text", "plaintext", "url"),
    [
        ("argocd-dex-server:5556", False, "https://argocd-dex-server:5556"),
        ("argocd-dex-server:5556", True, "http://argocd-dex-server:5556"),
        ("http://dex:5556/", False, "http://dex:5556"),
        ("https://dex:5556", True, "https://dex:5556"),
    ],
)
def test_an_address_may_say_its_scheme(text: str, plaintext: bool, url: str) -> None:
    found = DexAddress.of(text, plaintext=plaintext, strict=False, ca=Path("/nonexistent"))
    assert found.url == url


def test_strict_tls_needs_the_certificate(tmp_path: Path) -> None:
    ca = tmp_path / "tls.crt"
    with pytest.raises(ValueError, match=f"--dex-server-strict-tls: {ca}"):
        DexAddress.of("dex:5556", plaintext=False, strict=True, ca=ca)
    ca.write_text("PEM")
    found = DexAddress.of("dex:5556", plaintext=False, strict=True, ca=ca)
    assert (found.strict, found.ca) == (True, "PEM")
    assert not DexAddress.of("dex:5556", plaintext=True, strict=True, ca=ca).strict


async def test_requests_are_passed_on_as_they_came() -> None:
    seen: list[tuple[str, str, bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, await request.read()))
        return web.Response(status=303, headers={"Location": "https://elsewhere/"}, body=b"go")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    relay = DexRelay(DexAddress(host=f"127.0.0.1:{runner.addresses[0][1]}", plaintext=True))
    found = await relay.ask("POST", "/api/dex/a%2Fb?c=%20d", [("X-One", "1")], b"body")
    assert (found.status, found.body) == (303, b"go")
    assert ("Location", "https://elsewhere/") in found.headers
    assert seen == [("POST", "/api/dex/a%2Fb?c=%20d", b"body")]
    await runner.cleanup()
    with pytest.raises(IdentityUnreachableError):
        await relay.ask("GET", "/api/dex/", [], b"")
    await relay.close()
