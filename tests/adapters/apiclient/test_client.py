"""The client against servers that are not ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.adapters.apiclient.servers import Refused, framed, grpc_server, http_server
from tiphys.adapters.apiclient import ApiClient, ConnectError, look_at_tls
from tiphys.core.wire import decode, encode
from tiphys.model.connection import ServerConnection
from tiphys.model.errors import ApiCode, ApiError

VERSION = "version.VersionService/Version"
LIST = "application.ApplicationService/List"
WATCH = "application.ApplicationService/Watch"
FILES = "application.ApplicationService/GetManifestsWithFiles"


def plain(port: int, **parts: Any) -> ServerConnection:
    return ServerConnection(address=f"127.0.0.1:{port}", plaintext=True, **parts)


async def versions(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Version": "v9"}


class TestNative:
    async def test_a_call(self) -> None:
        async with grpc_server(versions) as (port, seen):
            client = ApiClient(plain(port, token="secret", headers=(("X-Team", "a"),)))
            told: dict[str, str] = {}
            assert await client.call(VERSION, {}, told=told) == {"Version": "v9"}
            await client.close()
        assert told["renew-token"] == "fresh"
        metadata = seen.metadata[0]
        assert (metadata["token"], metadata["x-team"]) == ("secret", "a")
        assert metadata["user-agent"].startswith("argocd-client/v3.6.0")

    async def test_errors_keep_code_and_text(self) -> None:
        async def refuses(request: Mapping[str, Any]) -> Mapping[str, Any]:
            raise Refused(grpc.StatusCode.NOT_FOUND, "no „such“ thing: 100%")

        async with grpc_server(refuses) as (port, _):
            client = ApiClient(plain(port))
            with pytest.raises(ApiError) as raised:
                await client.call(LIST, {})
            await client.close()
        assert raised.value.code is ApiCode.NOT_FOUND
        assert str(raised.value) == "no „such“ thing: 100%"

    async def test_what_is_busy_is_asked_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tiphys.adapters.apiclient.client._WAIT_SECONDS", 0.0)
        calls: list[str] = []

        async def busy(request: Mapping[str, Any]) -> Mapping[str, Any]:
            calls.append(request["method"])
            if len(calls) < 3:
                raise Refused(grpc.StatusCode.UNAVAILABLE, "busy")
            return {"Version": "v9"}

        async with grpc_server(busy) as (port, _):
            client = ApiClient(plain(port))
            assert await client.call(VERSION, {}) == {"Version": "v9"}
            calls.clear()

            async def always(request: Mapping[str, Any]) -> Mapping[str, Any]:
                calls.append("")
                raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")

            await client.close()
        async with grpc_server(always) as (port, _):
            client = ApiClient(plain(port))
            with pytest.raises(ApiError):
                await client.call(VERSION, {})
            await client.close()
        assert len(calls) == 3

    async def test_a_stream(self) -> None:
        async def events(request: Mapping[str, Any]) -> Mapping[str, Any]:
            event = {"type": "ADDED", "application": {"metadata": {"name": request["name"]}}}
            return {
                "events": [event, {**event, "type": "MODIFIED"}],
                "end": Refused(grpc.StatusCode.UNAVAILABLE, "bye"),
            }

        async with grpc_server(events) as (port, _):
            client = ApiClient(plain(port))
            stream = client.stream(WATCH, {"name": "a"})
            seen = [await anext(stream), await anext(stream)]
            with pytest.raises(ApiError, match="bye"):
                await anext(stream)
            # Whoever stops reading ends it.
            stream = client.stream(WATCH, {"name": "b"})
            assert (await anext(stream))["type"] == "ADDED"
            await stream.aclose()
            await client.close()
        assert [event["type"] for event in seen] == ["ADDED", "MODIFIED"]
        assert seen[1]["application"]["metadata"]["name"] == "a"

    async def test_an_upload(self) -> None:
        async def count(request: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"manifests": [str(len(request["all"]))]}

        async with grpc_server(count) as (port, seen):
            client = ApiClient(plain(port))
            parts = [{"query": {"name": "a", "checksum": "c"}}, {"chunk": {"chunk": "YQ=="}}]
            assert (await client.upload(FILES, iter(parts)))["manifests"] == ["2"]
            await client.close()
        assert seen.requests[0]["all"][1]["chunk"] == {"chunk": "YQ=="}

    async def test_messages_have_a_limit(self) -> None:
        async def large(request: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"Version": "x" * 2_000_000}

        async with grpc_server(large) as (port, _):
            client = ApiClient(plain(port), limit_megabytes=1)
            with pytest.raises(ApiError) as raised:
                await client.call(VERSION, {})
            await client.close()
            client = ApiClient(plain(port), limit_megabytes=3)
            assert len((await client.call(VERSION, {}))["Version"]) == 2_000_000
            await client.close()
        assert raised.value.code is ApiCode.RESOURCE_EXHAUSTED

    async def test_nobody_answers(self) -> None:
        async with http_server(_none) as port:
            pass
        client = ApiClient(plain(port))
        with pytest.raises(ConnectError, match=r"refused|Connect call failed"):
            await client.open()
        await client.close()


class TestTls:
    @pytest.fixture
    def certificate(self) -> tuple[bytes, bytes]:
        return self_signed()

    async def test_whom_to_believe(self, certificate: tuple[bytes, bytes]) -> None:
        pem, key = certificate
        credentials = grpc.ssl_server_credentials([(key, pem)])
        async with grpc_server(versions, credentials=credentials) as (port, _):
            address = f"localhost:{port}"
            for connection in (
                ServerConnection(address=address, authority=pem),
                ServerConnection(address=address, insecure=True),
            ):
                client = ApiClient(connection)
                assert await client.call(VERSION, {}) == {"Version": "v9"}
                await client.close()
            client = ApiClient(ServerConnection(address=address))
            with pytest.raises(ConnectError, match=r"certificate|CERTIFICATE"):
                await client.open()
            await client.close()
            found = await look_at_tls(ServerConnection(address=address))
            assert found.present
            assert "self-signed" in found.problem
            trusted = await look_at_tls(ServerConnection(address=address, authority=pem))
            assert (trusted.present, trusted.problem) == (True, "")
        async with grpc_server(versions) as (port, _):
            assert not (await look_at_tls(ServerConnection(address=f"127.0.0.1:{port}"))).present

    async def test_a_client_certificate(
        self, certificate: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tiphys.adapters.apiclient.client._WAIT_SECONDS", 0.0)
        pem, key = certificate
        own, own_key = self_signed()
        credentials = grpc.ssl_server_credentials(
            [(key, pem)], root_certificates=own, require_client_auth=True
        )
        async with grpc_server(versions, credentials=credentials) as (port, _):
            address = f"localhost:{port}"
            shown = ServerConnection(address=address, authority=pem, certificate=own, key=own_key)
            client = ApiClient(shown)
            assert await client.call(VERSION, {}) == {"Version": "v9"}
            await client.close()
            client = ApiClient(ServerConnection(address=address, authority=pem))
            with pytest.raises(ApiError):
                await client.call(VERSION, {})
            await client.close()


class TestWeb:
    async def test_a_call(self) -> None:
        seen: list[web.Request] = []

        async def answers(request: web.Request) -> web.StreamResponse:
            seen.append(request)
            body = await request.read()
            assert body[:1] == b"\0"
            assert decode("application.ApplicationQuery", body[5:]) == {"name": "a"}
            listed = encode(
                "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1.ApplicationList",
                {"items": [{"metadata": {"name": "a"}}]},
            )
            return web.Response(
                body=framed(listed) + framed(b"grpc-status: 0\r\n", 0x80),
                content_type="application/grpc-web+proto",
                headers={"renew-token": "fresh"},
            )

        async with http_server(answers) as port:
            client = ApiClient(plain(port, grpc_web=True, root_path="/cd/", token="secret"))
            told: dict[str, str] = {}
            found = await client.call(LIST, {"name": "a"}, told=told)
            await client.close()
        assert found["items"][0]["metadata"]["name"] == "a"
        assert told["renew-token"] == "fresh"
        request = seen[0]
        assert request.path == f"/cd/{LIST}"
        assert request.headers["content-type"] == "application/grpc-web+proto"
        assert request.headers["token"] == "secret"
        assert request.headers["user-agent"] == "argocd-client/v3.6.0"

    @pytest.mark.parametrize("late", [False, True])
    async def test_errors(self, late: bool) -> None:
        async def refuses(request: web.Request) -> web.StreamResponse:
            if late:
                trailers = b"grpc-status: 7\r\ngrpc-message: not%20you\r\n"
                return web.Response(body=framed(trailers, 0x80))
            return web.Response(headers={"Grpc-Status": "7", "Grpc-Message": "not%20you"})

        async with http_server(refuses) as port:
            client = ApiClient(plain(port, grpc_web=True))
            with pytest.raises(ApiError) as raised:
                await client.call(LIST, {})
            await client.close()
        assert (raised.value.code, str(raised.value)) == (ApiCode.PERMISSION_DENIED, "not you")

    @pytest.mark.parametrize(("retries", "calls"), [(0, 3), (2, 3)])
    async def test_retries(self, monkeypatch: pytest.MonkeyPatch, retries: int, calls: int) -> None:
        """Without them, calls are tried three times by their codes; with them, each by HTTP."""
        monkeypatch.setattr("tiphys.adapters.apiclient.web._FIRST_WAIT", 0.0)
        monkeypatch.setattr("tiphys.adapters.apiclient.client._WAIT_SECONDS", 0.0)
        asked: list[str] = []

        async def busy(request: web.Request) -> web.StreamResponse:
            asked.append(request.path)
            if len(asked) < 3:
                return web.Response(status=503)
            return web.Response(body=framed(encode("version.VersionMessage", {"Version": "v9"})))

        async with http_server(busy) as port:
            client = ApiClient(plain(port, grpc_web=True, retries=retries))
            assert await client.call(VERSION, {}) == {"Version": "v9"}
            await client.close()
        assert len(asked) == calls

    async def test_it_is_fallen_back_to(self) -> None:
        async def only_web(request: web.Request) -> web.StreamResponse:
            return web.Response(body=framed(encode("version.VersionMessage", {"Version": "v9"})))

        said: list[str] = []
        async with http_server(only_web) as port:
            client = ApiClient(plain(port), warn=said.append)
            await client.open()
            assert await client.call(VERSION, {}) == {"Version": "v9"}
            await client.close()
        assert said == [
            "Failed to invoke grpc call. Use flag --grpc-web in grpc calls to suppress this "
            "warning message."
        ]

    async def test_nothing_is_said_where_grpc_works(self) -> None:
        said: list[str] = []
        async with grpc_server(versions) as (port, _):
            client = ApiClient(plain(port), warn=said.append)
            await client.open()
            await client.close()
        assert said == []


async def _none(request: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


def self_signed() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
