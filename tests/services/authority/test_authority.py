"""The authority of the render process: made once, renewed in time, and never over another's."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.kube import SECRETS, FakeCluster
from tiphys.adapters.certificates import CertificateIssuer
from tiphys.model.resource import ResourceKey
from tiphys.services.authority.authority import AUTHORITY, CALLERS, SERVER, Authority

NAMESPACE = "argocd"
ISSUER = CertificateIssuer()


class World:
    def __init__(self) -> None:
        self.cluster = FakeCluster((SECRETS,))
        self.time = datetime(2026, 11, 23, 12, tzinfo=UTC)

    @property
    def authority(self) -> Authority:
        return Authority(self.cluster, self.cluster, ISSUER, NAMESPACE, now=lambda: self.time)

    def texts(self, name: str) -> dict[str, str]:
        data = self.cluster.objects[ResourceKey("", "Secret", NAMESPACE, name)]["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def seed(self, name: str, **texts: str) -> None:
        data = {
            key.replace("_", "."): base64.b64encode(text.encode()).decode()
            for key, text in texts.items()
        }
        meta = {"name": name, "namespace": NAMESPACE}
        self.cluster.seed({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})

    def writes(self) -> int:
        return sum(verb in ("create", "patch") for verb, _ in self.cluster.calls)


@pytest.fixture
def here() -> World:
    return World()


async def test_everything_is_made_once(here: World) -> None:
    first = await here.authority.ensure()
    root = here.texts(AUTHORITY)
    assert first.ca == root["tls.crt"]
    assert ISSUER.issued_by(here.texts(SERVER)["tls.crt"], root["tls.crt"])
    assert ISSUER.issued_by(first.client.certificate, root["tls.crt"])
    assert here.texts(CALLERS)["client-ca.crt"] == root["tls.crt"]
    assert here.writes() == 3
    second = await here.authority.ensure()
    assert here.writes() == 3
    assert (second.ca, second.cache_key) == (first.ca, first.cache_key)


async def test_the_render_process_gets_nothing_that_is_not_its_own(here: World) -> None:
    await here.authority.ensure()
    key = here.texts(AUTHORITY)["tls.key"]
    assert key not in str(here.texts(SERVER)) + str(here.texts(CALLERS))


async def test_those_who_begin_at_once_end_with_one_authority(here: World) -> None:
    found = await asyncio.gather(*(here.authority.ensure() for _ in range(5)))
    assert len({one.ca for one in found}) == 1
    assert len({one.cache_key for one in found}) == 1


async def test_a_certificate_is_renewed_in_time(here: World) -> None:
    await here.authority.ensure()
    before = here.texts(SERVER)
    here.time += timedelta(days=59)
    await here.authority.ensure()
    assert here.texts(SERVER) == before
    here.time += timedelta(days=2)
    await here.authority.ensure()
    after = here.texts(SERVER)["tls.crt"]
    assert ISSUER.until(after) > ISSUER.until(before["tls.crt"]) + timedelta(days=50)


async def test_a_certificate_of_somebody_else_stays(here: World) -> None:
    lasts = timedelta(days=1)
    other = ISSUER.authority("theirs", now=here.time, lasts=lasts)
    theirs = ISSUER.issue(other, ["x"], client=False, now=here.time, lasts=lasts)
    here.seed(SERVER, tls_crt=theirs.certificate, tls_key=theirs.key, ca_crt=other.certificate)
    found = await here.authority.ensure()
    assert here.texts(SERVER)["tls.crt"] == theirs.certificate
    assert found.ca == other.certificate
    assert ISSUER.issued_by(found.client.certificate, here.texts(AUTHORITY)["tls.crt"])


@pytest.mark.parametrize("held", [{"tls_crt": "x"}, {"tls_crt": "", "tls_key": ""}, {}])
async def test_what_is_half_there_is_made_whole(here: World, held: dict[str, str]) -> None:
    here.seed(SERVER, **held)
    here.seed(AUTHORITY, **({"tls_crt": ""} if held else {}))
    found = await here.authority.ensure()
    assert ISSUER.issued_by(here.texts(SERVER)["tls.crt"], found.ca)


async def test_bytes_that_are_no_text_are_made_anew(here: World) -> None:
    meta = {"name": AUTHORITY, "namespace": NAMESPACE}
    broken: dict[str, Any] = {"tls.crt": "***", "tls.key": base64.b64encode(b"\xff").decode()}
    here.cluster.seed({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": broken})
    found = await here.authority.ensure()
    assert found.ca == here.texts(AUTHORITY)["tls.crt"]


async def test_no_key_is_shown(here: World) -> None:
    found = await here.authority.ensure()
    assert "PRIVATE" not in repr(found)
    assert here.texts(CALLERS)["cache.key"] not in repr(found)
