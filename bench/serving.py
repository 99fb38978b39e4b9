"""S7: lists, pages, single applications and streams of an API server with many applications.

The server is a process of its own (`bench.served`); what asks it is not counted.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grpclib.client import Channel
from grpclib.const import Cardinality
from grpclib.encoding.base import CodecBase

from bench.report import emit, progress, spread
from bench.served import STAMP
from tiphys.core.wire import encode

_RUNS = 5
_STREAMS = 200
_GRPC_STREAMS = 20
_RATE = 50
_SECONDS = 5.0
_LIST = "application.ApplicationService/List"
_GET = "application.ApplicationService/Get"
_WATCH = "application.ApplicationService/Watch"
_FOUND = re.compile(rb'"' + re.escape(STAMP).encode() + rb'":"(\d+\.\d+)"')
_WANTED = (
    "fields=result.type,result.application.metadata.name,result.application.metadata.annotations,"
    "result.application.status.sync.status,result.application.status.health"
)
_TICKS = os.sysconf("SC_CLK_TCK")


class _Raw(CodecBase):
    """Messages stay bytes."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:  # noqa: ARG002
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:  # noqa: ARG002
        return data


class Served:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        lines = (line.removeprefix("port ") for line in process.stdout if line.startswith("port "))
        self.port = int(next(lines))

    def cpu(self) -> float:
        """Seconds so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Megabytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return round(int(status.split("VmRSS:")[1].split()[0]) / 1024, 1)

    async def change(self, rate: int, seconds: float) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"change {rate} {seconds}\n")
        stdin.flush()
        while (await asyncio.to_thread(stdout.readline)) not in ("done\n", ""):
            pass


@contextmanager
def _server(count: int) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.served", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Served(process)
    finally:
        process.kill()
        process.wait()


class _Http:
    """One connection, kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ways: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str, more: str = "") -> bytes:
        if self._ways is None:
            self._ways = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 26)
        reader, writer = self._ways
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n{more}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
        return await reader.readexactly(length)


async def _timed(ask: Callable[[], Awaitable[bytes]]) -> dict[str, Any]:
    """Milliseconds, warm; bytes of an answer."""
    await ask()
    values, size = [], 0
    for _ in range(_RUNS):
        begun = time.perf_counter()
        size = len(await ask())
        values.append((time.perf_counter() - begun) * 1e3)
    return {**spread(values, 2), "bytes": size}


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50_ms": round(statistics.median(ordered) * 1e3, 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1e3, 1),
    }


async def _unary(served: Served, calls: int = 3000, at_once: int = 20) -> dict[str, Any]:
    """GetApplication over gRPC: by the second of the server's own time, on its one core."""
    channel = Channel("127.0.0.1", served.port, codec=_Raw())
    message = encode("application.ApplicationQuery", {"name": "app-00007"})
    turns, took = iter(range(calls)), []

    async def ask() -> None:
        for _ in turns:
            begun = time.perf_counter()
            async with channel.request(f"/{_GET}", Cardinality.UNARY_UNARY, bytes, bytes) as stream:
                await stream.send_message(message, end=True)
                assert await stream.recv_message()
            took.append(time.perf_counter() - begun)

    before, begun = served.cpu(), time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(at_once)))
    elapsed, cpu = time.perf_counter() - begun, served.cpu() - before
    channel.close()
    return {
        "calls_a_second": round(calls / elapsed),
        "calls_a_cpu_second": round(calls / max(cpu, 1 / _TICKS)),
        **_percentiles(took),
    }


async def _sse(port: int, query: str, late: list[float], sizes: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    path = f"/api/v1/stream/applications?resourceVersion=1&{query}"
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    try:
        rest = b""
        while part := await reader.read(1 << 18):
            now = time.time()
            sizes.append(len(part))
            text = rest + part
            end = 0
            for match in _FOUND.finditer(text):
                late.append(now - float(match[1]))
                end = match.end()
            rest = text[max(end, len(text) - 64) :]
    finally:
        writer.close()


async def _followed(channel: Channel, late: list[float]) -> None:
    message = encode("application.ApplicationQuery", {"resourceVersion": "1"})
    async with channel.request(f"/{_WATCH}", Cardinality.UNARY_STREAM, bytes, bytes) as stream:
        await stream.send_message(message, end=True)
        while (event := await stream.recv_message()) is not None:
            now = time.time()
            found = re.search(re.escape(STAMP).encode() + rb"\x12.(\d+\.\d+)", event)
            assert found is not None
            late.append(now - float(found[1]))


async def _streams(served: Served, query: str = "") -> dict[str, Any]:
    late: list[float] = []
    grpc: list[float] = []
    sizes: list[int] = []
    channel = Channel("127.0.0.1", served.port, codec=_Raw())
    readers = [asyncio.create_task(_sse(served.port, query, late, sizes)) for _ in range(_STREAMS)]
    readers += [asyncio.create_task(_followed(channel, grpc)) for _ in range(_GRPC_STREAMS)]
    await asyncio.sleep(2)
    before = served.cpu()
    await served.change(_RATE, _SECONDS)
    await asyncio.sleep(1)
    cpu = served.cpu() - before
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    channel.close()
    expected = int(_RATE * _SECONDS)
    return {
        "sse": {**_percentiles(late), "received": len(late), "of": expected * _STREAMS},
        "grpc": {**_percentiles(grpc), "received": len(grpc), "of": expected * _GRPC_STREAMS},
        "bytes": sum(sizes),
        "cpu_share": round(cpu / _SECONDS, 2),
    }


async def _measure(name: str, count: int, served: Served) -> None:
    http = _Http(served.port)
    begun = time.perf_counter()
    await http.get("/api/v1/applications?limit=50")
    cold = round((time.perf_counter() - begun) * 1e3, 1)
    progress(f"{name}: {count} applications, lists")
    channel = Channel("127.0.0.1", served.port, codec=_Raw())

    async def grpc_list() -> bytes:
        async with channel.request(f"/{_LIST}", Cardinality.UNARY_UNARY, bytes, bytes) as stream:
            await stream.send_message(b"", end=True)
            found = await stream.recv_message()
            assert found
            return bytes(found)

    figures: dict[str, Any] = {
        "applications": count,
        "first_page_cold_ms": cold,
        "first_page_ms": await _timed(lambda: http.get("/api/v1/applications?limit=50")),
        "filtered_page_ms": await _timed(
            lambda: http.get(
                "/api/v1/applications?limit=50&health=Degraded&search=app&sort=-reconciled"
            )
        ),
        "list_fields_ms": await _timed(
            lambda: http.get(
                "/api/v1/applications?fields=items.metadata.name,items.spec,"
                "items.status.sync.status,items.status.health"
            )
        ),
        "list_ms": await _timed(lambda: http.get("/api/v1/applications")),
        "list_packed_ms": await _timed(
            lambda: http.get("/api/v1/applications", "Accept-Encoding: gzip\r\n")
        ),
        "grpc_list_ms": await _timed(grpc_list),
        "one_ms": await _timed(lambda: http.get("/api/v1/applications/app-00007")),
    }
    channel.close()
    progress(f"{name}: single applications by gRPC")
    figures["get_application"] = await _unary(served)
    progress(f"{name}: {_STREAMS} and {_GRPC_STREAMS} streams, {_RATE} changes a second")
    figures["streams"] = await _streams(served)
    figures["streams_with_fields"] = await _streams(served, _WANTED)
    figures["memory_mb"] = served.memory()
    emit(name, **figures)


def run(name: str, counts: Sequence[int]) -> None:
    for count in counts:
        with _server(count) as served:
            asyncio.run(_measure(name, count, served))
