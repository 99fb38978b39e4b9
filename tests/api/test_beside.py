"""The badge and extensions over HTTP: who is told what, and what is handed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.routing import Route
from yarl import URL

from tests.api.access import ALICE
from tests.fakes.access import FakeAccess
from tiphys.api.badge import Badges
from tiphys.api.extensions import Extensions
from tiphys.api.server import HttpServer
from tiphys.core.extensions import Backend, Service
from tiphys.core.settings import parse_settings
from tiphys.model.access import Caller
from tiphys.model.appproject import AppProject
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.live import ObjectList
from tiphys.model.repository import Confidential
from tiphys.model.resource import ApiResource
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.projects.rules import ProjectRules

APPS = ApiResource("argoproj.io", "v1alpha1", "Application", "applications", True, frozenset())


def app(name: str, health: str, sync: str, project: str = "team") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "argocd", "resourceVersion": "1"},
        "spec": {
            "project": project,
            "destination": {"server": "https://c", "namespace": "shop"},
            "source": {"repoURL": "u", "path": "."},
        },
        "status": {
            "health": {"status": health},
            "sync": {"status": sync},
            "operationState": {"syncResult": {"revision": "0123456789abcdef"}},
        },
    }


def catalogue(*apps: dict[str, Any]) -> ApplicationCatalogue:
    found = ApplicationCatalogue()
    found.replaced(APPS, ObjectList(apps, "9"))
    return found


@dataclass
class Found:
    status_code: int
    text: str
    headers: Mapping[str, str]


async def asked(route: Route, method: str, path: str, headers: Mapping[str, str]) -> Found:
    server = HttpServer(Starlette(routes=[route]))
    await server.start("127.0.0.1", 0)
    try:
        url = URL(f"http://127.0.0.1:{server.port}{path}", encoded=True)
        data = b"body" if method == "POST" else None
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, url, headers=headers, data=data) as answer,
        ):
            return Found(answer.status, await answer.text(), answer.headers)
    finally:
        await server.close()


# -- the badge ------------------------------------------------------------------------------------


async def badge(query: str, *apps: dict[str, Any], enabled: str = "true") -> Found:
    badges = Badges(
        catalogue(*apps),
        lambda: {"statusbadge.enabled": enabled},
        lambda namespace: namespace == "team-a",
        "argocd",
    )
    return await asked(badges.route(), "GET", f"/api/badge{query}", {})


SHOP = app("shop", "Healthy", "OutOfSync")


async def test_a_badge_that_is_off_says_nothing() -> None:
    found = await badge("?name=shop", SHOP, enabled="True")
    assert found.status_code == 200
    assert found.text.count(">Unknown<") == 2
    assert (await badge("?name=..%2F", SHOP, enabled="")).status_code == 200


async def test_a_badge_of_an_application() -> None:
    found = await badge("?name=shop&revision=true&showAppName=true", SHOP)
    assert found.headers["content-type"].startswith("image/svg+xml")
    assert found.headers["cache-control"] == "private, no-store"
    assert found.headers["access-control-allow-origin"] == "*"
    for text in (">Healthy<", ">OutOfSync<", ">0123456<", ">shop<", 'width="192"'):
        assert text in found.text
    whole = (await badge("?name=shop&revision=true&keepFullRevision=true&width=500", SHOP)).text
    assert ">0123456789abcdef<" in whole
    assert 'width="500"' in whole


@pytest.mark.parametrize("query", ["?name=nothing", "?name=shop&namespace=elsewhere"])
async def test_what_is_absent_or_out_of_bounds_looks_alike(query: str) -> None:
    found = await badge(query, SHOP)
    assert found.status_code == 200
    assert ">Not Found<" in found.text
    assert ">Healthy<" not in found.text


@pytest.mark.parametrize("query", ["?name=A_b", "?name=shop&namespace=../x", "?project=%00"])
async def test_names_that_are_none(query: str) -> None:
    found = await badge(query, SHOP)
    assert found.status_code == 400
    assert found.text == ""


async def test_a_badge_of_projects() -> None:
    other = app("b", "Healthy", "Synced", "other")
    assert ">OutOfSync<" in (await badge("?project=team", SHOP, other)).text
    assert ">Synced<" in (await badge("?project=other", SHOP, other)).text
    both = (await badge("?project=other&project=team", SHOP, other)).text
    assert ">Healthy<" in both
    assert ">OutOfSync<" in both
    assert (await badge("?project=none", SHOP)).text.count(">Unknown<") == 2


# -- extensions -----------------------------------------------------------------------------------


class _Sessions:
    async def caller(self, token: str) -> tuple[Caller, str]:
        if token != "good":
            raise ApiError(ApiCode.UNAUTHENTICATED, "invalid session: no")
        return ALICE, ""


class World:
    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self.access = FakeAccess("applications get team/shop", "extensions invoke metrics")
        self.backends = {
            "metrics": Backend(
                services=(Service(f"{url}/base", headers=(("X-Key", Confidential("k")),)),)
            )
        }
        project = AppProject(
            {
                "metadata": {"name": "team"},
                "spec": {"destinations": [{"server": "https://c", "namespace": "shop"}]},
            }
        )
        self.projects = {"team": project}
        settings = parse_settings({}, {})
        rules = ProjectRules(
            self.projects.get,
            lambda _: Cluster(server="https://c", name="c"),
            lambda: settings,
            control_plane="argocd",
        )
        self.extensions = Extensions(
            lambda: self.backends,
            _Sessions(),
            self.access,
            catalogue(SHOP),
            rules,
            lambda _backend: client,
        )

    async def get(self, path: str = "/extensions/metrics/a%2Fb?q=1", **headers: str) -> Found:
        given = {
            "cookie": "argocd.token=good; other=1",
            "argocd-application-name": "argocd:shop",
            "argocd-project-name": "team",
            "host": "cd.example",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await asked(self.extensions.route(), "POST", path, given)


@pytest.fixture
def seen() -> list[web.Request]:
    return []


@pytest.fixture
async def world(seen: list[web.Request]) -> AsyncIterator[World]:
    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        text = (await request.read()).decode()
        return web.Response(text=f"{text} back", status=201, headers={"X-Own": "1"})

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as client:
        yield World(f"http://127.0.0.1:{port}", client)
    await runner.cleanup()
    await asyncio.sleep(0)


async def test_a_request_is_handed_on(world: World, seen: list[web.Request]) -> None:
    found = await world.get(authorization="Bearer x", argocd_username="admin", x_forwarded_for="1")
    assert (found.status_code, found.text, found.headers["x-own"]) == (201, "body back", "1")
    (request,) = seen
    assert request.raw_path == "/base/a%2Fb?q=1"
    assert "Authorization" not in request.headers
    assert "Cookie" not in request.headers
    said = {name: request.headers.get(name) for name in request.headers}
    assert said["X-Key"] == "k"
    assert said["Argocd-Username"] == said["Argocd-User-Id"] == "alice"
    assert said["Argocd-Target-Cluster-URL"] == "https://c"
    assert said["Argocd-Namespace"] == "argocd"
    assert said["X-Forwarded-Host"] == "cd.example"
    assert said["X-Forwarded-For"] != "1"


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"cookie": "a=b"}, 400, "Auth cookie not found"),
        ({"cookie": "argocd.token=bad"}, 401, "Invalid token"),
        ({"argocd_application_name": "shop"}, 400, "Invalid headers"),
        ({"argocd_application_name": "argocd:none"}, 401, "Unauthorized extension request"),
        ({"argocd_project_name": "other"}, 401, "Unauthorized extension request"),
    ],
)
async def test_who_is_refused(
    world: World, seen: list[web.Request], headers: dict[str, str], status: int, said: str
) -> None:
    world.access.allow("applications get */*")
    found = await world.get(**headers)
    assert (found.status_code, found.text.startswith(said)) == (status, True)
    assert not seen


async def test_rights_and_destinations(world: World, seen: list[web.Request]) -> None:
    for right in ("applications get team/shop", "extensions invoke metrics"):
        world.access.deny(right)
        assert (await world.get()).status_code == 401
        world.access.allow(right)
    world.projects["team"] = AppProject({"metadata": {"name": "team"}, "spec": {}})
    assert (await world.get()).status_code == 401
    assert not seen


async def test_paths_and_backends_that_are_none(world: World, seen: list[web.Request]) -> None:
    world.access.allow("extensions invoke *")
    assert (await world.get("/extensions/nothing/x")).status_code == 404
    assert (await world.get("/extensions/metrics/x/..%2F..%2Fetc")).status_code == 400
    services = (Service("http://a", name="a"), Service("http://b", name="b"))
    world.backends["metrics"] = Backend(services=services)
    found = await world.get()
    assert (found.status_code, found.text) == (400, "invalid extension\n")
    world.backends["metrics"] = Backend(services=(Service("http://127.0.0.1:1"),))
    assert (await world.get()).status_code == 502
    assert not seen
