"""Files behind URLs: what is asked, what is refused, and that nobody logs in."""

from __future__ import annotations

import pytest

from tests.fixtures.chartserver import ChartServer
from tiphys.adapters.packages.packages import Packages
from tiphys.core.source.remotes import FileAt, WebFile
from tiphys.model.errors import RepositoryError, RevisionNotFoundError, UnsupportedRepositoryError
from tiphys.model.repository import Proxy, Trust

LIMIT = 1 << 20


def at(url: str, *, near: bool = True) -> FileAt:
    return FileAt(url, Trust(), Proxy(), near=near)


async def test_a_file_is_read(packages: Packages, server: ChartServer) -> None:
    server.files["values.yaml"] = b"a: 1"
    url = f"{server.url}/values.yaml"
    file = await packages.files.get(at(url), etag="", limit=LIMIT)
    assert isinstance(file, WebFile)
    assert file.data == b"a: 1"
    with_login = url.replace("http://", "http://me:s3cret@")
    await packages.files.get(at(with_login), etag="", limit=LIMIT)
    assert [request.headers.get("Authorization") for request in server.seen] == [None, None]


async def test_one_that_did_not_change_is_not_sent_again(
    packages: Packages, server: ChartServer
) -> None:
    server.answers = [(304, {})]
    url = f"{server.url}/values.yaml"
    assert await packages.files.get(at(url), etag='"1"', limit=LIMIT) is None
    assert server.seen[-1].headers["If-None-Match"] == '"1"'


async def test_what_is_not_near_is_not_on_this_machine(
    packages: Packages, server: ChartServer
) -> None:
    server.files["values.yaml"] = b"a: 1"
    for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0"):  # noqa: S104 - asked, not bound
        url = f"http://{host}:{server.port}/charts/values.yaml"
        with pytest.raises(RepositoryError) as caught:
            await packages.files.get(at(url, near=False), etag="", limit=LIMIT)
        assert "this machine" in str(caught.value)
    assert server.seen == []


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/", "http://metadata/"],
)
async def test_metadata_is_never_read(
    packages: Packages, server: ChartServer, location: str
) -> None:
    server.answers = [(302, {"Location": location})]
    with pytest.raises(UnsupportedRepositoryError, match="metadata service"):
        await packages.files.get(at(f"{server.url}/values.yaml"), etag="", limit=LIMIT)
    with pytest.raises(UnsupportedRepositoryError, match="metadata service"):
        await packages.files.get(at(location), etag="", limit=LIMIT)


async def test_a_file_has_a_limit(packages: Packages, server: ChartServer) -> None:
    server.files["values.yaml"] = b"x" * 2000
    with pytest.raises(RepositoryError, match="larger than 1000 bytes"):
        await packages.files.get(at(f"{server.url}/values.yaml"), etag="", limit=1000)


async def test_a_file_that_is_not_there(packages: Packages, server: ChartServer) -> None:
    url = f"{server.url}/gone.yaml?token=s3cret"
    with pytest.raises(RevisionNotFoundError) as caught:
        await packages.files.get(at(url), etag="", limit=LIMIT)
    text = str(caught.value)
    assert text.startswith(f"failed to read '{server.url}/gone.yaml': ")
    assert "s3cret" not in text
