"""HTTP/2 as a browser or a proxy speaks it, and as somebody with bad intentions does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded


async def h2_ask(
    port: int,
    verb: str,
    path: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    h2 = H2Connection()
    h2.initiate_connection()
    head = [
        (":method", verb),
        (":path", path),
        (":scheme", "http"),
        (":authority", "tiphys.test"),
        *(headers or {}).items(),
    ]
    h2.send_headers(1, head, end_stream=not body)
    if body:
        h2.send_data(1, body, end_stream=True)
    found: dict[str, str] = {}
    answer = b""
    ended = False
    while not ended:
        writer.write(h2.data_to_send())
        data = await asyncio.wait_for(reader.read(65536), 10)
        assert data, "the connection ended"
        for event in h2.receive_data(data):
            if isinstance(event, ResponseReceived):
                found = {_text(key): _text(value) for key, value in event.headers or ()}
            elif isinstance(event, DataReceived):
                answer += event.data or b""
            ended = ended or isinstance(event, StreamEnded)
    writer.close()
    return int(found[":status"]), found, answer


async def reset_without_end(port: int, most: int) -> int:
    """How many streams could be opened and reset before the server had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    h2 = H2Connection()
    h2.initiate_connection()
    head = [
        (":method", "GET"),
        (":path", "/api/v1/stream/applications"),
        (":scheme", "http"),
        (":authority", "tiphys.test"),
        ("authorization", "Bearer a.b.c"),
    ]
    for count in range(most):
        stream = 2 * count + 1
        h2.send_headers(stream, head, end_stream=True)
        h2.reset_stream(stream, ErrorCodes.CANCEL)
        writer.write(h2.data_to_send())
        try:
            data = await asyncio.wait_for(reader.read(65536), 0.002)
            gone = not data or any(
                isinstance(event, ConnectionTerminated) for event in h2.receive_data(data)
            )
        except TimeoutError:
            continue
        except ConnectionError:
            gone = True
        if gone:
            writer.close()
            return count
    writer.close()
    return most


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
