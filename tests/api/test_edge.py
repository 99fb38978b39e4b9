"""One port, three protocols: the same method through each of them, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator

import pytest
from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route as Page

from tests.api.edges import (
    CLUSTER,
    FILES,
    LIST,
    LOGIN,
    TOKEN,
    USERINFO,
    VERSION,
    WATCH,
    Native,
    Site,
    ask,
    serve,
)
from tests.api.h2client import h2_ask, reset_without_end
from tiphys.api.calls import Call, Message, Route, Unary
from tiphys.api.edge import ApiServer
from tiphys.api.options import ApiOptions
from tiphys.core.wire import contract, decode, encode
from tiphys.model.errors import ApiCode, ApiError

JSON = {"Content-Type": "application/json"}
WEB = {"Content-Type": "application/grpc-web+proto"}


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def server(site: Site) -> AsyncIterator[ApiServer]:
    found = await serve(site)
    yield found
    await found.close()


@pytest.fixture
async def native(server: ApiServer) -> AsyncIterator[Native]:
    found = Native(server.port)
    yield found
    found.close()


def frames(body: bytes) -> list[tuple[int, bytes]]:
    found = []
    while body:
        size = int.from_bytes(body[1:5], "big")
        found.append((body[0], body[5 : 5 + size]))
        body = body[5 + size :]
    return found


def frame(message: str, value: dict[str, object]) -> bytes:
    data = encode(message, value)
    return b"\0" + len(data).to_bytes(4, "big") + data


# --- native gRPC -------------------------------------------------------------------------------


async def test_a_call_over_grpc(site: Site, native: Native) -> None:
    told: dict[str, str] = {}
    [answer] = await native.ask(LIST, [{"name": "guestbook"}], told=told)
    assert answer["items"][0]["metadata"]["name"] == "guestbook"
    assert told["said"] == "yes"
    [(call, request)] = site.calls
    assert request == {"name": "guestbook"}
    assert (call.caller.subject, call.peer) == ("admin", "127.0.0.1")


async def test_who_is_not_logged_in_gets_what_is_open(native: Native) -> None:
    assert (await native.call(VERSION, {}, token=""))["Version"] == "v3.6.0"
    with pytest.raises(GRPCError) as refused:
        await native.call(LIST, {}, token="")
    assert refused.value.status is Status.UNAUTHENTICATED
    assert refused.value.message == "no session information"


async def test_an_open_method_uses_a_token_that_is_valid(native: Native) -> None:
    assert await native.call(USERINFO, {}) == {"loggedIn": True}
    assert await native.call(USERINFO, {}, token="b.a.d") == {}


async def test_the_metadata_token_comes_first_even_where_it_is_none(native: Native) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert await native.call(LIST, {}, token="", metadata=bearer)
    with pytest.raises(GRPCError, match="invalid session"):
        await native.call(LIST, {}, token="nonsense", metadata=bearer)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ApiError(ApiCode.NOT_FOUND, "nö 100%"), Status.NOT_FOUND, "nö 100%"),
        (ValueError("a secret"), Status.INTERNAL, "panic: ValueError"),
    ],
)
async def test_errors_have_codes_and_texts(
    site: Site, native: Native, error: Exception, status: Status, text: str
) -> None:
    site.error = error
    with pytest.raises(GRPCError) as refused:
        await native.call(LIST, {})
    assert (refused.value.status, refused.value.message) == (status, text)


async def test_errors_of_the_cluster_keep_their_text(native: Native) -> None:
    with pytest.raises(GRPCError) as refused:
        await native.call(CLUSTER, {})
    assert refused.value.status is Status.NOT_FOUND
    assert refused.value.message == 'secrets "x" not found'


async def test_methods_that_are_not_there_are_unimplemented(native: Native) -> None:
    for name in (
        "application.ApplicationService/Sync",
        "notification.NotificationService/ListTriggers",
    ):
        with pytest.raises(GRPCError) as refused:
            await native.call(name, {"name": "x"})
        assert refused.value.status is Status.UNIMPLEMENTED


async def test_a_stream_is_told_as_it_happens_and_ends_with_its_reader(
    site: Site, native: Native
) -> None:
    method = contract().methods[WATCH]
    site.events.put_nowait({"type": "ADDED", "application": {"metadata": {"name": "a"}}})
    with contextlib.suppress(StreamTerminatedError):
        async with native.channel.request(
            f"/{WATCH}", Cardinality.UNARY_STREAM, bytes, bytes, metadata={"token": TOKEN}
        ) as stream:
            await stream.send_message(encode(method.request, {}), end=True)
            message = await stream.recv_message()
            assert message is not None
            assert decode(method.response, message)["type"] == "ADDED"
            await stream.cancel()
    await asyncio.wait_for(site.closed.wait(), 5)


async def test_a_stream_of_requests_has_one_answer(native: Native) -> None:
    sent = [{"query": {"name": "x"}}, {"chunk": {"chunk": "AQI="}}]
    answer = await native.call(FILES, sent[0]) and (await native.ask(FILES, sent))[0]
    assert [sorted(json.loads(one)) for one in answer["manifests"]] == [["query"], ["chunk"]]


async def test_a_deadline_ends_a_call(site: Site, native: Native) -> None:
    with pytest.raises((GRPCError, asyncio.TimeoutError)):
        await native.ask(WATCH, [{}], seconds=0.2)
    await asyncio.wait_for(site.closed.wait(), 5)


async def test_messages_have_a_limit(site: Site) -> None:
    server = await serve(site, ApiOptions(message_bytes=1_000))
    native = Native(server.port)
    with pytest.raises(GRPCError) as refused:
        await native.call(LIST, {"name": "x" * 2_000})
    assert refused.value.status is Status.RESOURCE_EXHAUSTED
    assert refused.value.message == "grpc: received message larger than max (2003 vs. 1000)"
    site.error = ApiError(ApiCode.NOT_FOUND, "still here")
    with pytest.raises(GRPCError, match="still here"):
        await native.call(LIST, {})
    native.close()
    await server.close()


async def test_nobody_sends_much_before_a_login(native: Native) -> None:
    with pytest.raises(GRPCError) as refused:
        await native.call(LOGIN, {"username": "x" * (2 << 20)}, token="")
    assert refused.value.status is Status.RESOURCE_EXHAUSTED


async def test_a_large_answer_and_a_large_request_fit(site: Site, native: Native) -> None:
    name = "y" * (9 << 20)
    answer = await native.call(LIST, {"name": name})
    assert answer["items"][0]["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("agent", "refused"),
    [
        ("argocd-client/v1.3.9 grpc-go/1.60.0", True),
        ("argocd-client/v3.6.0+abc grpc-go/1.60.0", False),
        ("argocd-client/v99.99.99+unknown", False),
        ("grpc-go/1.15.0", True),
        ("grpc-go/1.64.0", False),
        ("curl/8", False),
    ],
)
async def test_old_clients_are_told(server: ApiServer, agent: str, refused: bool) -> None:
    answer = await ask(
        server.port,
        f"/{VERSION}",
        verb="POST",
        body=frame("google.protobuf.Empty", {}),
        headers={**WEB, "User-Agent": agent},
    )
    if refused:
        assert answer.header("grpc-status") == "9"
        assert answer.header("grpc-message").startswith("unsatisfied client version constraint")
    else:
        assert answer.header("grpc-status") == ""


async def test_health_and_reflection_need_a_login(native: Native) -> None:
    async def call(name: str, body: bytes, token: str) -> bytes | None:
        metadata = {"token": token} if token else {}
        async with native.channel.request(
            f"/{name}", Cardinality.STREAM_STREAM, bytes, bytes, metadata=metadata
        ) as stream:
            await stream.send_message(body, end=True)
            return await stream.recv_message()

    with pytest.raises(GRPCError):
        await call("grpc.health.v1.Health/Check", b"", "")
    assert await call("grpc.health.v1.Health/Check", b"", TOKEN) == b"\x08\x01"
    service = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    listed = await call(service, b"\x3a\x00", TOKEN)
    assert listed is not None
    assert b"application.ApplicationService" in listed
    found = await call(service, b"\x22\x1eapplication.ApplicationService", TOKEN)
    assert found is not None
    assert b"ApplicationQuery" in found
    missing = await call(service, b"\x22\x02no", TOKEN)
    assert missing is not None
    assert b"not found" in missing


# --- gRPC-web ----------------------------------------------------------------------------------


async def test_a_call_over_grpc_web(server: ApiServer) -> None:
    method = contract().methods[LIST]
    answer = await ask(
        server.port,
        f"/{LIST}",
        verb="POST",
        body=frame(method.request, {"name": "x"}),
        headers={**WEB, "token": TOKEN},
        token="",
    )
    assert answer.status == 200
    assert answer.header("content-type") == "application/grpc-web+proto"
    (kind, message), (last, trailers) = frames(answer.body)
    assert (kind, last) == (0, 0x80)
    assert decode(method.response, message)["items"][0]["metadata"]["name"] == "x"
    assert trailers == b"grpc-status: 0\r\n"


async def test_an_error_over_grpc_web_is_in_headers(server: ApiServer) -> None:
    body = frame("application.ApplicationQuery", {})
    answer = await ask(server.port, f"/{LIST}", verb="POST", body=body, headers=WEB, token="")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("grpc-status") == "16"
    assert answer.header("grpc-message") == "no session information"


async def test_an_error_after_messages_is_the_last_frame(site: Site, server: ApiServer) -> None:
    site.events.put_nowait({"type": "ADDED"})
    site.events.put_nowait(ApiError(ApiCode.ABORTED, "enough"))
    body = frame("application.ApplicationQuery", {})
    answer = await ask(server.port, f"/{WATCH}", verb="POST", body=body, headers=WEB)
    (first, _), (last, trailers) = frames(answer.body)
    assert (first, last) == (0, 0x80)
    assert trailers == b"grpc-status: 10\r\ngrpc-message: enough\r\n"


async def test_grpc_web_over_http2(server: ApiServer) -> None:
    body = frame("google.protobuf.Empty", {})
    status, headers, found = await h2_ask(
        server.port, "POST", f"/{VERSION}", body=body, headers={"content-type": WEB["Content-Type"]}
    )
    assert (status, headers["content-type"]) == (200, WEB["Content-Type"])
    assert b"v3.6.0" in frames(found)[0][1]


# --- REST --------------------------------------------------------------------------------------


async def test_a_call_over_rest(site: Site, server: ApiServer) -> None:
    answer = await ask(
        server.port,
        "/api/v1/applications?name=a%20b&projects=x&projects=y&unknown=1",
        headers={"Grpc-Metadata-Hello": "you"},
    )
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.header("grpc-metadata-content-type") == "application/grpc"
    assert answer.header("grpc-metadata-said") == "yes"
    assert answer.json["items"][0]["metadata"]["name"] == "a b"
    [(call, request)] = site.calls
    assert request["projects"] == ["x", "y"]
    assert call.metadata["hello"] == "you"
    assert call.query is not None
    assert call.query["unknown"] == "1"


async def test_rest_over_http2(server: ApiServer) -> None:
    status, headers, body = await h2_ask(
        server.port, "GET", "/api/v1/applications?name=z", headers={"token": "", "cookie": ""}
    )
    assert (status, json.loads(body)["code"]) == (401, 16)
    status, headers, body = await h2_ask(
        server.port,
        "GET",
        "/api/v1/applications?name=z",
        headers={"authorization": f"Bearer {TOKEN}"},
    )
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)["items"][0]["metadata"]["name"] == "z"


async def test_errors_over_rest(server: ApiServer) -> None:
    answer = await ask(server.port, "/api/v1/applications", token="")
    assert answer.status == 401
    text = "no session information"
    assert answer.json == {"error": text, "code": 16, "message": text}
    assert (await ask(server.port, "/api/v1/clusters/x")).status == 404


async def test_what_is_no_route(server: ApiServer) -> None:
    answer = await ask(server.port, "/api/v1/nosuch")
    assert (answer.status, answer.body) == (404, b"Not Found\n")
    assert (await ask(server.port, "/api/v1/applications/a:b")).status == 404
    answer = await ask(server.port, "/api/v1/applications", verb="PUT", headers=JSON)
    assert (answer.status, answer.body) == (405, b"Method Not Allowed\n")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json; charset=utf-8"])
async def test_forms_of_other_sites_change_nothing(server: ApiServer, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await ask(server.port, "/api/v1/session", verb="POST", headers=headers, body=b"{}")
    assert (answer.status, answer.body) == (415, b"Invalid content type\n")
    answer = await ask(server.port, "/api/v1/session", verb="DELETE", headers=headers)
    assert answer.status == 415


async def test_bodies_that_are_no_json(server: ApiServer) -> None:
    for body, text in (
        (b"xyz", "invalid character 'x' looking for beginning of value"),
        (b'{"username":', "unexpected EOF"),
    ):
        answer = await ask(
            server.port, "/api/v1/session", verb="POST", body=body, headers=JSON, token=""
        )
        assert (answer.status, answer.json["code"], answer.json["error"]) == (400, 3, text)


async def test_a_login_sets_a_cookie_that_logs_in(server: ApiServer) -> None:
    body = json.dumps({"username": "admin", "password": "right"}).encode()
    answer = await ask(
        server.port, "/api/v1/session", verb="POST", body=body, headers=JSON, token=""
    )
    assert answer.json == {"token": TOKEN}
    cookie = answer.header("set-cookie")
    assert cookie == f"argocd.token={TOKEN}; path=/; SameSite=lax; httpOnly; Secure"
    logged_in = await ask(
        server.port,
        "/api/v1/applications",
        headers={"Cookie": f"other=1; argocd.token={TOKEN}"},
        token="",
    )
    assert logged_in.status == 200


async def test_a_long_token_takes_several_cookies(server: ApiServer) -> None:
    body = json.dumps({"username": "admin", "password": "long"}).encode()
    answer = await ask(
        server.port, "/api/v1/session", verb="POST", body=body, headers=JSON, token=""
    )
    cookies = answer.all("set-cookie")
    assert len(cookies) == 3
    assert cookies[0].startswith("argocd.token=3:xxx")
    assert cookies[1].startswith("argocd.token-1=xxx")
    assert all(len(one) <= 4_093 for one in cookies)


async def test_a_renewed_token_is_a_header_and_a_cookie(server: ApiServer) -> None:
    answer = await ask(server.port, "/api/v1/applications", token="o.l.d")
    assert answer.header("grpc-metadata-renew-token") == "n.e.w"
    assert answer.header("set-cookie").startswith("argocd.token=n.e.w; ")


async def test_escaped_slashes_stay_where_names_are_urls(site: Site, server: ApiServer) -> None:
    path = "/api/v1/clusters/https%3A%2F%2Fkubernetes.default.svc"
    assert (await ask(server.port, path)).status == 404
    assert site.calls[-1][1]["id"]["value"] == "https%3A%2F%2Fkubernetes.default.svc"
    assert (await ask(server.port, "/api/v1/write-repositories/a%2Fb")).status == 404


async def test_an_unchanged_answer_is_not_sent_again(server: ApiServer) -> None:
    answer = await ask(server.port, "/api/v1/applications", headers={"If-None-Match": '"one"'})
    assert (answer.status, answer.body) == (304, b"")


async def test_long_answers_are_packed_for_who_asks(server: ApiServer) -> None:
    target = f"/api/v1/applications?name={'x' * 3_000}"
    answer = await ask(server.port, target, headers={"Accept-Encoding": "br, gzip"})
    assert (answer.header("content-encoding"), answer.header("vary")) == (
        "gzip",
        "Accept-Encoding",
    )
    assert json.loads(gzip.decompress(answer.body))["items"]
    assert (await ask(server.port, target)).header("content-encoding") == ""


async def test_a_stream_is_lines_of_json(site: Site, server: ApiServer) -> None:
    for name in ("a", "a", "b", "a"):
        site.events.put_nowait({"type": "ADDED", "application": {"metadata": {"name": name}}})
    site.events.put_nowait(ApiError(ApiCode.NOT_FOUND, "gone"))
    answer = await ask(server.port, "/api/v1/stream/applications?fields=result.type")
    first, second, error = answer.body.split(b"\n")
    assert answer.status == 200
    # Of two that are equal for one name only the first is sent.
    assert json.loads(first) == json.loads(second) == {"result": {"type": "ADDED"}}
    assert json.loads(error) == {
        "error": {
            "grpc_code": 5,
            "http_code": 404,
            "message": "gone",
            "http_status": "Not Found",
        }
    }


async def test_a_stream_that_never_began_has_a_status(site: Site, server: ApiServer) -> None:
    site.events.put_nowait(ApiError(ApiCode.NOT_FOUND, "gone"))
    answer = await ask(server.port, "/api/v1/stream/applications")
    assert answer.status == 404
    assert answer.json["error"]["grpc_code"] == 5


async def test_a_stream_of_events(site: Site, server: ApiServer) -> None:
    site.events.put_nowait({"type": "ADDED", "application": {"metadata": {"name": "a"}}})
    site.events.put_nowait(None)
    answer = await ask(
        server.port, "/api/v1/stream/applications", headers={"Accept": "text/event-stream"}
    )
    assert answer.header("content-type") == "text/event-stream"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.body.startswith(b'data: {"result":{"type":"ADDED"')
    assert answer.body.endswith(b"} \n\n\n")


async def test_who_hangs_up_ends_a_quiet_stream(site: Site, server: ApiServer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"GET /api/v1/stream/applications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}"
    writer.write(f"{head}\r\n\r\n".encode())
    await asyncio.wait_for(site.asked.wait(), 5)
    writer.close()
    await asyncio.wait_for(site.closed.wait(), 5)


async def test_logs_as_a_file(site: Site, server: ApiServer) -> None:
    site.events.put_nowait({"content": "one", "podName": "p"})
    site.events.put_nowait({"content": "two", "podName": "p"})
    site.events.put_nowait({"content": "", "last": True})
    site.events.put_nowait(None)
    answer = await ask(
        server.port,
        "/api/v1/applications/x/logs?download=true&namespace=ns&podName=p&container=c",
    )
    assert answer.header("content-type") == "application/octet-stream"
    assert answer.header("content-disposition") == 'attachment;filename="ns-p-c.log"'
    assert answer.body == b"one\ntwo\n"


async def test_a_call_beyond_the_contract(site: Site) -> None:
    async def plan(call: Call, request: Message) -> Message:
        return {"caller": call.caller.subject, **request}

    route = Route("POST", "/api/v1/applications/{name}/plan", Unary(plan))
    server = await serve(site, beyond=[route])
    answer = await ask(
        server.port,
        "/api/v1/applications/x/plan?a=1",
        verb="POST",
        body=b'{"prune":true}',
        headers=JSON,
    )
    assert answer.json == {"caller": "admin", "name": "x", "a": "1", "prune": True}
    refused = await ask(
        server.port, "/api/v1/applications/x/plan", verb="POST", headers=JSON, token=""
    )
    assert refused.status == 401
    await server.close()


async def test_routes_of_others_come_before_the_gateway(site: Site) -> None:
    async def badge(_: Request) -> PlainTextResponse:
        return PlainTextResponse("a badge")

    server = await serve(site, routes=[Page("/api/badge", badge)])
    # What it is said to be does not matter there.
    assert (await ask(server.port, "/api/badge", headers=WEB)).body == b"a badge"
    await server.close()


async def test_a_route_that_fails_tells_nothing_of_why(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(_: Request) -> PlainTextResponse:
        raise ValueError("a secret")

    server = await serve(site, routes=[Page("/api/badge", broken)])
    answer = await ask(server.port, "/api/badge")
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    site.error = ValueError("a secret")
    answer = await ask(server.port, "/api/v1/applications")
    assert (answer.status, answer.json["message"]) == (500, "panic: ValueError")
    told = capsys.readouterr()
    assert "ValueError" in told.out + told.err
    assert "a secret" not in told.out + told.err
    await server.close()


async def test_without_logins_everybody_may_do_all(site: Site) -> None:
    server = await serve(site, ApiOptions(disable_auth=True))
    assert (await ask(server.port, "/api/v1/applications", token="")).status == 200
    assert site.calls[0][0].caller.everything
    await server.close()


async def test_all_is_below_the_root_path(site: Site) -> None:
    server = await serve(site, ApiOptions(root_path="argo", base_href="argo"))
    assert (await ask(server.port, "/argo/api/v1/applications")).status == 200
    assert (await ask(server.port, "/api/v1/applications")).status == 404
    assert (await ask(server.port, "/healthz")).body == b"ok\n"
    assert (await ask(server.port, "/argo/healthz")).body == b"ok\n"
    page = await ask(server.port, "/argo/", headers={"Accept": "text/html"})
    assert b'<base href="/argo/">' in page.body
    await server.close()


# --- exhaustion --------------------------------------------------------------------------------


async def test_a_client_that_pings_without_end_is_let_go(server: ApiServer) -> None:
    channel = Channel("127.0.0.1", server.port)
    protocol = await channel.__connect__()
    h2 = protocol.connection._connection
    for number in range(6):
        h2.ping(number.to_bytes(8, "big"))
        protocol.connection.flush()
    for _ in range(100):
        if protocol.connection.is_closing():
            break
        await asyncio.sleep(0.02)
    assert protocol.connection.is_closing()
    channel.close()


async def test_streams_that_are_opened_to_be_reset_end_the_connection(
    site: Site, server: ApiServer
) -> None:
    assert await reset_without_end(server.port, 2_000) < 2_000
    native = Native(server.port)
    assert await native.call(LIST, {})
    native.close()


async def test_a_reader_that_takes_nothing_is_dropped_without_harm(
    site: Site, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiphys.api.asgi.WRITE_SECONDS", 0.3)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    head = f"GET /api/v1/stream/applications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}"
    writer.write(f"{head}\r\n\r\n".encode())
    for number in range(200):
        labels = {"x": "y" * 100_000, "n": str(number)}
        site.events.put_nowait({"application": {"metadata": {"name": "a", "labels": labels}}})
    await asyncio.wait_for(site.closed.wait(), 20)
    assert (await ask(server.port, "/api/v1/applications")).status == 200
    writer.close()


async def test_a_head_without_end_is_not_listened_to(server: ApiServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(ConnectionError):
        writer.write(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * (200 << 10))
        await writer.drain()
        while await asyncio.wait_for(reader.read(65536), 10):
            pass
    writer.close()
