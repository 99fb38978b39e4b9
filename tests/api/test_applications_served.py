"""Applications over the API's own port: what the edge makes of lists, streams and plans."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from tests.api.applications import Api
from tests.api.edges import LIST, TOKEN, FakeSessions, Native, ask
from tests.api.test_applications import numbered
from tests.cli.world import app, project
from tiphys.api.edge import ApiServer
from tiphys.api.handlers.planning import plan_routes
from tiphys.api.options import ApiOptions
from tiphys.model.live import WatchEvent, WatchVerb
from tiphys.services.applications.store import APPLICATIONS

PATH = "/api/v1/applications"


@pytest.fixture
async def api() -> Api:
    found = Api()
    found.cluster.seed(project(), app("a"), app("b"))
    found.access.allow("applications * default/*")
    await found.heard()
    return found


@pytest.fixture
async def port(api: Api) -> AsyncIterator[int]:
    server = ApiServer(
        api.handlers, FakeSessions(), ApiOptions(insecure=True), beyond=plan_routes(api.calls)
    )
    server.start("127.0.0.1", 0)
    yield server.port
    await server.close()


async def test_who_has_the_list_gets_304(port: int, api: Api) -> None:
    first = await ask(port, f"{PATH}?limit=1")
    assert first.status == 200
    assert first.json["metadata"]["remainingItemCount"] == 1
    again = {"If-None-Match": first.header("etag")}
    same = await ask(port, f"{PATH}?limit=1", headers=again)
    assert (same.status, same.body) == (304, b"")
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("a", 500)))
    other = await ask(port, f"{PATH}?limit=1", headers=again)
    assert other.status == 200


async def test_who_has_one_gets_304(port: int, api: Api) -> None:
    first = await ask(port, f"{PATH}/a")
    again = {"If-None-Match": first.header("etag")}
    assert (await ask(port, f"{PATH}/a", headers=again)).status == 304
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, numbered("a", 500)))
    assert (await ask(port, f"{PATH}/a", headers=again)).status == 200


async def test_fields_of_a_list(port: int) -> None:
    found = await ask(port, f"{PATH}?fields=items.metadata.name,items.operation.sync")
    assert found.json["items"] == [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]


async def test_rest_and_grpc_list_the_same(port: int) -> None:
    native = Native(port)
    try:
        assert (await ask(port, PATH)).json == await native.call(LIST, {})
    finally:
        native.close()


async def test_the_same_again_is_left_out_of_a_stream(port: int, api: Api) -> None:
    """Of the fields that are asked for: what else changed is none of the reader's business."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = "result.type,result.application.metadata.name,result.application.status.health"
    target = f"/api/v1/stream/applications?name=a&fields={fields}"
    writer.write(
        f"GET {target} HTTP/1.1\r\nHost: t\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    )

    async def frame() -> dict[str, object]:
        while True:
            line = await asyncio.wait_for(reader.readline(), 5)
            if line.startswith(b"data: "):
                found: dict[str, object] = json.loads(line[6:])["result"]
                return found

    named = {"metadata": {"name": "a"}}
    assert (await frame())["type"] == "ADDED"
    for version in (500, 501):
        changed = numbered("a", version)
        api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, changed))
        await asyncio.sleep(0.01)
    ill = numbered("a", 502, status={"health": {"status": "Degraded"}})
    api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, ill))
    first = await frame()
    assert first["type"] == "MODIFIED"
    second = await frame()
    assert second["application"] == {**named, "status": {"health": {"status": "Degraded"}}}
    assert first["application"] != second["application"]
    writer.close()


async def test_who_hangs_up_is_forgotten(port: int, api: Api) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /api/v1/stream/applications HTTP/1.1\r\nHost: t\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    )
    while api.following.readers != 1:  # noqa: ASYNC110 - the server is not told to tell
        await asyncio.sleep(0.01)
    writer.close()
    async with asyncio.timeout(5):
        while api.following.readers:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_who_reads_nothing_holds_up_nobody(port: int, api: Api) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
    writer.write(
        b"GET /api/v1/stream/applications HTTP/1.1\r\nHost: t\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    )
    large = {"annotations": {"x": "y" * 20_000}}
    for version in range(500, 2500):
        manifest = numbered("a", version, metadata=large)
        api.catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, manifest))
        if version % 50 == 0:
            await asyncio.sleep(0)
    async with aclosing(api.stream(name="b")) as stream:  # type: ignore[type-var]
        assert (await asyncio.wait_for(anext(stream), 5)) is not None
    assert (await asyncio.wait_for(ask(port, f"{PATH}/b"), 5)).status == 200
    writer.close()


async def test_a_plan_has_a_path_of_its_own(port: int, api: Api) -> None:
    api.sources.manifests = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}, "data": {}}
    ]
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"prune": True}).encode()
    found = await ask(port, f"{PATH}/a/plan", verb="POST", body=body, headers=headers)
    assert found.status == 200
    assert found.json["counts"] == {"create": 1}
    # As every call that is no GET it has to come as JSON, and from somebody who is logged in.
    assert (await ask(port, f"{PATH}/a/plan", verb="POST", body=body)).status == 415
    stranger = ask(port, f"{PATH}/a/plan", verb="POST", body=body, headers=headers, token="")
    assert (await stranger).status == 401
    odd = await ask(port, f"{PATH}/a/plan", verb="POST", body=b"[]", headers=headers)
    assert odd.status == 400
