"""Retries, time-outs and watches against a server that misbehaves on demand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.adapters.kube.faulty import Answer, Server, resets, says, streams
from tiphys import __version__
from tiphys.adapters.kube import KubeClient, KubeConfig, Limits, Transport
from tiphys.adapters.kube.transport import Call
from tiphys.model.errors import (
    ForbiddenError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
    ResourceGoneError,
)
from tiphys.model.live import PatchKind, WatchEvent, WatchVerb
from tiphys.model.resource import ApiResource

LIMITS = Limits(request=2.0, whole_call=3.0, first_wait=0.01, longest_wait=0.05)
CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, frozenset())
SECRETS = ApiResource("", "v1", "Secret", "secrets", True, frozenset())
MANIFEST = {"metadata": {"name": "a", "namespace": "shop"}}


@asynccontextmanager
async def client_of(server: Server, **config: Any) -> AsyncIterator[KubeClient]:
    transport = Transport(KubeConfig(server=server.url, **config), component="tests", limits=LIMITS)
    yield KubeClient(transport)
    await transport.close()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[KubeClient]:
    async with client_of(server) as client:
        yield client


async def test_every_request_says_who_asks(server: Server, client: KubeClient) -> None:
    await client.get(CONFIG_MAPS, "shop", "a")
    assert server.seen[0].headers["User-Agent"] == f"tiphys/{__version__} (tests)"
    assert server.seen[0].path == "/api/v1/namespaces/shop/configmaps/a"


async def test_on_loopback_nothing_is_compressed(server: Server, client: KubeClient) -> None:
    await client.get(CONFIG_MAPS, "shop", "a")
    assert server.seen[0].headers["Accept-Encoding"] == "identity"


async def test_a_read_is_one_request(server: Server, client: KubeClient) -> None:
    await client.get(CONFIG_MAPS, "shop", "a")
    assert len(server.seen) == 1


@pytest.mark.parametrize("trouble", [says(500), says(503), says(429), resets])
async def test_a_read_is_tried_again(server: Server, client: KubeClient, trouble: Answer) -> None:
    server.answers = [trouble, trouble, says(200, {"kind": "ConfigMap"})]
    assert await client.get(CONFIG_MAPS, "shop", "a") == {"kind": "ConfigMap"}
    assert len(server.seen) >= 3


async def test_a_read_is_given_up_at_last(server: Server, client: KubeClient) -> None:
    server.answers = [says(503, {"message": "later"})] * 9
    with pytest.raises(KubeUnreachableError, match="later"):
        await client.get(CONFIG_MAPS, "shop", "a")
    assert len(server.seen) == LIMITS.attempts


async def test_the_server_says_how_long_to_wait(server: Server, client: KubeClient) -> None:
    transport = Transport(KubeConfig(server=server.url), limits=Limits(first_wait=0.001))
    server.answers = [says(429, Retry_After="1")]
    begun = time.monotonic()
    await transport.json(Call("GET", "/x"))
    assert time.monotonic() - begun >= 1.0
    await transport.close()


async def test_a_wait_beyond_the_whole_call_is_not_begun(
    server: Server, client: KubeClient
) -> None:
    transport = Transport(
        KubeConfig(server=server.url), limits=Limits(whole_call=0.5, longest_wait=60.0)
    )
    server.answers = [says(429, Retry_After="30"), says(429, Retry_After="never")]
    with pytest.raises(KubeUnreachableError):
        await transport.json(Call("GET", "/x"))
    assert len(server.seen) == 1
    await transport.json(Call("GET", "/x"))
    await transport.close()


async def test_a_create_is_not_repeated_after_it_may_have_worked(
    server: Server, client: KubeClient
) -> None:
    for trouble in (says(500), resets):
        server.answers, server.seen = [trouble], []
        with pytest.raises(KubeUnreachableError):
            await client.create(CONFIG_MAPS, MANIFEST)
        assert len(server.seen) == 1


async def test_a_create_is_repeated_when_surely_nothing_was_done(
    server: Server, client: KubeClient
) -> None:
    server.answers = [says(429)]
    await client.create(CONFIG_MAPS, MANIFEST)
    assert len(server.seen) == 2


async def test_a_json_patch_is_not_repeated(server: Server, client: KubeClient) -> None:
    server.answers = [says(500)]
    with pytest.raises(KubeUnreachableError):
        await client.patch(CONFIG_MAPS, "shop", "a", PatchKind.JSON, [])
    assert len(server.seen) == 1


@pytest.mark.parametrize("kind", [PatchKind.MERGE, PatchKind.STRATEGIC, PatchKind.APPLY])
async def test_other_patches_are_repeated(
    server: Server, client: KubeClient, kind: PatchKind
) -> None:
    server.answers = [says(500)]
    force = kind is PatchKind.APPLY
    await client.patch(CONFIG_MAPS, "shop", "a", kind, {"data": {}}, manager="m", force=force)
    assert len(server.seen) == 2
    assert server.seen[1].headers["Content-Type"] == kind.value
    assert server.seen[1].query["fieldManager"] == "m"
    assert server.seen[1].query["fieldValidation"] == "Strict"
    assert server.seen[1].query.get("force") == ("true" if force else None)
    assert "dryRun" not in server.seen[1].query


async def test_a_refused_connection_is_tried_again() -> None:
    transport = Transport(KubeConfig(server="http://127.0.0.1:1"), limits=LIMITS)
    with pytest.raises(KubeUnreachableError, match="cannot be reached"):
        await transport.json(Call("POST", "/x", body={}, repeatable=False))
    await transport.close()


async def test_a_silent_server_is_given_up(server: Server) -> None:
    async def waits(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(10)
        return web.Response()

    server.answers = [waits] * 3
    transport = Transport(KubeConfig(server=server.url), limits=Limits(request=0.2, whole_call=0.3))
    begun = time.monotonic()
    with pytest.raises(KubeUnreachableError):
        await transport.json(Call("GET", "/x"))
    assert time.monotonic() - begun < 2.0
    await transport.close()


async def test_a_new_token_is_tried_after_a_401(server: Server, tmp_path: Any) -> None:
    file = tmp_path / "token"
    file.write_text("old")

    async def refuses(request: web.Request) -> web.StreamResponse:
        file.write_text("new")
        return await says(401)(request)

    server.answers = [refuses]
    async with client_of(server, token_file=str(file)) as client:
        await client.get(CONFIG_MAPS, "shop", "a")
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer old", "Bearer new"]


async def test_a_401_with_the_same_token_is_final(server: Server) -> None:
    server.answers = [says(401)]
    async with client_of(server, token="t") as client:
        with pytest.raises(ForbiddenError):
            await client.get(CONFIG_MAPS, "shop", "a")
    assert len(server.seen) == 1


async def test_a_redirect_is_not_followed(server: Server, client: KubeClient) -> None:
    """It would hand the token to whomever the answer names."""
    server.answers = [says(302, Location="http://127.0.0.1:1/")]
    with pytest.raises(KubeError) as caught:
        await client.get(CONFIG_MAPS, "shop", "a")
    assert caught.value.status == 302


async def test_what_was_sent_in_a_secret_is_not_said(server: Server, client: KubeClient) -> None:
    server.answers = [says(422, {"message": "hunter2 is not base64", "reason": "Invalid"})]
    with pytest.raises(InvalidObjectError) as caught:
        await client.create(SECRETS, MANIFEST)
    assert "hunter2" not in str(caught.value)
    server.answers = [says(422, {"message": "key is not valid", "reason": "Invalid"})]
    with pytest.raises(InvalidObjectError, match="key is not valid"):
        await client.create(CONFIG_MAPS, MANIFEST)


def page(names: list[str], token: str = "", version: str = "7") -> Answer:
    meta = {"resourceVersion": version, "continue": token}
    items = [{"metadata": {"name": name}} for name in names]
    return says(200, {"metadata": meta, "items": items})


async def test_pages_are_joined(server: Server, client: KubeClient) -> None:
    server.answers = [page(["a", "b"], "next"), page(["c"])]
    found = await client.list(CONFIG_MAPS)
    assert [one["metadata"]["name"] for one in found.items] == ["a", "b", "c"]
    assert found.resource_version == "7"
    assert [seen.query.get("continue") for seen in server.seen] == [None, "next"]
    assert {seen.query["limit"] for seen in server.seen} == {"500"}


async def test_a_list_that_expires_half_way_is_begun_anew(
    server: Server, client: KubeClient
) -> None:
    expired = says(410, {"reason": "Expired", "message": "too old"})
    server.answers = [page(["a"], "next"), expired, page(["a"], "more"), page(["b"], version="9")]
    found = await client.list(CONFIG_MAPS)
    assert [one["metadata"]["name"] for one in found.items] == ["a", "b"]
    assert found.resource_version == "9"


async def test_a_list_that_always_expires_is_asked_for_whole(
    server: Server, client: KubeClient
) -> None:
    expired = says(410, {"reason": "Expired"})
    server.answers = [page(["a"], "next"), expired] * 3 + [page(["a", "b"])]
    assert len((await client.list(CONFIG_MAPS)).items) == 2
    assert "limit" not in server.seen[-1].query


async def test_an_empty_list_has_no_items(server: Server, client: KubeClient) -> None:
    server.answers = [says(200, {"metadata": {"resourceVersion": "3"}, "items": None})]
    assert (await client.list(CONFIG_MAPS)).items == ()


def line(verb: str, name: str, version: str) -> bytes:
    meta = {"name": name, "resourceVersion": version}
    return orjson.dumps({"type": verb, "object": {"metadata": meta}}) + b"\n"


async def collect(client: KubeClient) -> list[WatchEvent]:
    return [event async for event in client.watch(CONFIG_MAPS, resource_version="5")]


async def test_events_are_put_together_from_any_pieces(server: Server, client: KubeClient) -> None:
    whole = line("ADDED", "a", "6") + line("BOOKMARK", "", "8") + line("DELETED", "a", "9") + b"\n"
    server.answers = [streams(whole[:10], whole[10:75], whole[75:])]
    events = await collect(client)
    assert [event.verb for event in events] == [
        WatchVerb.BOOKMARK,
        WatchVerb.ADDED,
        WatchVerb.BOOKMARK,
        WatchVerb.DELETED,
    ]
    query = server.seen[0].query
    assert (query["watch"], query["allowWatchBookmarks"]) == ("true", "true")
    assert query["resourceVersion"] == "5"
    assert 300 <= int(query["timeoutSeconds"]) <= 600


async def test_an_error_event_is_raised(server: Server, client: KubeClient) -> None:
    gone = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
    server.answers = [streams(line("ADDED", "a", "6"), orjson.dumps(gone) + b"\n")]
    with pytest.raises(ResourceGoneError, match="too old"):
        await collect(client)


async def test_a_watch_that_is_refused_is_raised(server: Server, client: KubeClient) -> None:
    server.answers = [says(403, {"reason": "Forbidden", "message": "no rights"})]
    with pytest.raises(ForbiddenError, match="no rights"):
        await collect(client)


async def test_a_watch_that_breaks_is_unreachable(server: Server, client: KubeClient) -> None:
    server.answers = [streams(line("ADDED", "a", "6"), b'{"type":"ADD', ends=False)]
    events = client.watch(CONFIG_MAPS, resource_version="5")
    assert (await anext(events)).verb is WatchVerb.BOOKMARK
    assert (await anext(events)).verb is WatchVerb.ADDED
    with pytest.raises(KubeUnreachableError):
        await anext(events)


async def test_a_line_that_is_no_event_is_an_error(server: Server, client: KubeClient) -> None:
    server.answers = [streams(b"{half an event\n")]
    with pytest.raises(KubeUnreachableError, match="cut within an event"):
        await collect(client)


async def test_silence_ends_a_watch_without_an_error(server: Server) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(5)
        return response

    server.answers = [silent]
    transport = Transport(KubeConfig(server=server.url))
    async with transport.stream(Call("GET", "/x"), silence=0.1) as content:
        assert await content.read() == b"never comes"
    await transport.close()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
async def test_names_that_would_address_something_else_are_refused(
    server: Server, client: KubeClient, name: str
) -> None:
    with pytest.raises(InvalidObjectError):
        await client.delete(CONFIG_MAPS, "shop", name, uid="u")
    assert server.seen == []


async def test_a_namespaced_object_needs_its_namespace(server: Server, client: KubeClient) -> None:
    with pytest.raises(InvalidObjectError, match="needs a namespace"):
        await client.delete(CONFIG_MAPS, "", "a", uid="u")
    assert server.seen == []


async def test_what_the_server_warns_of_is_collected(server: Server, client: KubeClient) -> None:
    both = '299 - "unknown field \\"spec.a\\"", 299 kube "b is deprecated"'
    server.answers = [says(201, {}, Warning=both), says(200, {}, Warning='299 - "again"')]
    warnings: list[str] = []
    await client.create(CONFIG_MAPS, MANIFEST, warnings=warnings)
    assert warnings == ['unknown field "spec.a"', "b is deprecated"]
    # Who does not ask is not told.
    await client.replace(CONFIG_MAPS, MANIFEST)
    assert len(warnings) == 2


@pytest.mark.parametrize("where", ["host:notaport", "", "[::1"])
async def test_the_password_of_a_proxy_whose_url_is_none_is_not_told(where: str) -> None:
    proxy = f"http://user:hunter2@{where}"
    transport = Transport(KubeConfig(server="http://127.0.0.1:1", proxy_url=proxy))
    try:
        with pytest.raises(KubeUnreachableError) as caught:
            await transport.json(Call("GET", "/version"))
    finally:
        await transport.close()
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("GET /version: ")
