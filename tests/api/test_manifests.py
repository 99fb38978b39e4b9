"""GetManifests and GetManifestsWithFiles: masked, at revisions, and within limits."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.api.live import LiveApi, config_map, secret
from tests.cli.world import app
from tiphys.adapters.plugin.unpack import UnpackLimits
from tiphys.api.calls import Call, ClientStream, Unary
from tiphys.api.handlers import manifests
from tiphys.api.handlers.live import SERVICE
from tiphys.api.handlers.manifests import ManifestHandlers
from tiphys.bootstrap.receiving import receiving
from tiphys.model.errors import ApiCode, ApiError


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def messages(
    data: bytes, query: Mapping[str, Any] | None, size: int = 1024
) -> AsyncIterator[Mapping[str, Any]]:
    if query is not None:
        yield {"query": query}
    for at in range(0, len(data), size):
        chunk = base64.b64encode(data[at : at + size]).decode()
        yield {"chunk": {"chunk": chunk}}


async def ask(api: LiveApi, **message: Any) -> list[Any]:
    handler = ManifestHandlers(api.rule, api.uses, receiving).methods()[f"{SERVICE}/GetManifests"]
    assert isinstance(handler, Unary)
    answer = await handler.run(Call(caller=api.caller), message)
    assert isinstance(answer, Mapping)
    return [json.loads(text) for text in answer.get("manifests", ())]


async def send(
    api: LiveApi, stream: AsyncIterator[Mapping[str, Any]], limits: UnpackLimits | None = None
) -> dict[str, Any]:
    def into() -> Any:
        return receiving(limits) if limits else receiving()

    handlers = ManifestHandlers(api.rule, api.uses, into).methods()
    handler = handlers[f"{SERVICE}/GetManifestsWithFiles"]
    assert isinstance(handler, ClientStream)
    answer = await handler.run(Call(caller=api.caller), stream)
    assert isinstance(answer, Mapping)
    return dict(answer)


async def test_manifests_come_tracked_and_masked() -> None:
    api = await LiveApi().begin()
    api.sources.manifests = [config_map(), secret("c2VjcmV0")]
    found = await ask(api, name="a")
    assert [one["kind"] for one in found] == ["ConfigMap", "Secret"]
    assert found[1]["data"] == {"password": "++++++++"}
    await ask(api, name="a", revision="main")
    assert api.sources.revisions[-1] == "main"
    with pytest.raises(ApiError, match="invalid request: application name is missing"):
        await ask(api)


async def test_sources_are_at_revisions_by_position() -> None:
    api = await LiveApi().begin()
    one = {"repoURL": "http://127.0.0.1:9181/examples.git", "path": "guestbook"}
    spec = {**app("a")["spec"], "sources": [one, {**one, "path": "helm"}]}
    spec.pop("source")
    api.cluster.change({**app("a"), "spec": spec})
    await api.heard()
    await ask(api, name="a", sourcePositions=[2], revisions=["main"])
    assert api.sources.revisions[-1] == "main"
    assert api.sources.revisions[-2] != "main"
    for position in (0, 3):
        with pytest.raises(ApiError, match="source position is out of range"):
            await ask(api, name="a", sourcePositions=[position], revisions=["main"])
    with pytest.raises(ApiError, match="one source only"):
        await send(api, messages(b"", {"name": "a", "checksum": ""}))


async def test_files_stand_for_the_repository() -> None:
    api = await LiveApi().begin()
    api.sources.manifests = [secret("c2VjcmV0")]
    data = archive(guestbook__cm=b"x" * 3000)
    found = await send(api, messages(data, {"name": "a", "checksum": digest(data)}))
    assert "c2VjcmV0" not in json.dumps(found)
    assert found["namespace"] == "demo"
    (files,) = api.sources.local
    assert files.folder == files.root
    # Nothing of them stays.
    assert not Path(files.folder).exists()  # noqa: ASYNC240


@pytest.mark.parametrize(
    ("data", "checksum", "text"),
    [
        (archive(a=b"x"), "0" * 64, "file content does not match"),
        (b"no archive", digest(b"no archive"), "cannot be unpacked"),
    ],
    ids=["another checksum", "no archive"],
)
async def test_files_that_are_refused(data: bytes, checksum: str, text: str) -> None:
    api = await LiveApi().begin()
    with pytest.raises(ApiError, match=text) as refused:
        await send(api, messages(data, {"name": "a", "checksum": checksum}))
    assert refused.value.code is ApiCode.INVALID_ARGUMENT
    assert api.sources.local == []


async def test_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive of much, of many, of paths elsewhere, and an endless stream."""
    api = await LiveApi().begin()
    small = UnpackLimits(archive=1 << 20, content=1 << 20, entries=10)
    for data in (archive(a=b"\0" * (2 << 20)), archive(**{f"f{n}": b"" for n in range(20)})):
        query = {"name": "a", "checksum": digest(data)}
        with pytest.raises(ApiError, match="over the limits"):
            await send(api, messages(data, query), small)
    out = archive(**{"..__..__etc__passwd": b"x"})
    with pytest.raises(ApiError, match="illegal filepath"):
        await send(api, messages(out, {"name": "a", "checksum": digest(out)}))
    monkeypatch.setattr(manifests, "_LARGEST", 10_000)
    with pytest.raises(ApiError) as refused:
        await send(api, messages(b"x" * 1_000_000, {"name": "a", "checksum": ""}))
    assert refused.value.code is ApiCode.RESOURCE_EXHAUSTED


async def test_the_query_comes_first_and_rights_before_files() -> None:
    api = await LiveApi().begin()
    with pytest.raises(ApiError, match="no query was sent first"):
        await send(api, messages(b"x", None))
    api.access.deny("*")
    taken = 0

    async def watched() -> AsyncIterator[Mapping[str, Any]]:
        nonlocal taken
        async for message in messages(b"x" * 9000, {"name": "a", "checksum": ""}):
            taken += 1
            yield message

    with pytest.raises(ApiError, match="permission denied"):
        await send(api, watched())
    assert taken == 1
