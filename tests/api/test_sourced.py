"""Links and revisions of applications by the API, and what comes later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.api.access import ALICE
from tests.api.test_contents import FILES, URL
from tests.api.test_contents import Api as ContentApi
from tiphys.api.calls import Call, Handler, ServerStream, Unary
from tiphys.api.handlers.later import later
from tiphys.api.handlers.links import LinkHandlers
from tiphys.api.handlers.revisions import RevisionHandlers
from tiphys.core.links import DeepLink, Made, MadeLink
from tiphys.core.project import effective_project
from tiphys.model.access import Caller
from tiphys.model.application import Application
from tiphys.model.appproject import AppProject
from tiphys.model.cluster import Cluster
from tiphys.model.errors import ApiCode, ApiError
from tiphys.services.links import Links

CLUSTER = Cluster(server="https://c", name="c")


def app(**source: Any) -> Application:
    return Application(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd"},
            "spec": {
                "project": "team",
                "source": {"repoURL": URL, **source},
                "destination": {"server": "https://c", "namespace": "shop"},
            },
        }
    )


class Apps:
    """AppAccess of which only the calls are noted."""

    def __init__(self, application: Application, *servers: str) -> None:
        self.application = application
        self.asked: list[tuple[str, ...]] = []
        destinations = [{"server": one, "namespace": "*"} for one in servers]
        self._project = AppProject(
            {"metadata": {"name": "team"}, "spec": {"destinations": destinations}}
        )

    async def live(self, _caller: Caller, *asked: str) -> Application:
        self.asked.append(("live", *asked))
        return self.application

    async def cached(self, _caller: Caller, *asked: str) -> Application:
        self.asked.append(("cached", *asked))
        return self.application

    def project(self, _application: Application) -> Any:
        return effective_project(self._project)


class Maker:
    """Answers with what it was given to fill in."""

    def __init__(self) -> None:
        self.data: Mapping[str, Any] = {}

    async def links(self, links: Sequence[DeepLink], data: Mapping[str, Any]) -> Made:
        self.data = data
        return [MadeLink(one.title, one.url) for one in links]


def linking(apps: Apps, maker: Maker, found: Cluster | str = CLUSTER) -> Mapping[str, Any]:
    text = "[{title: T, url: https://x}]"
    general = {"application.links": text, "resource.links": text}
    return LinkHandlers(
        cast("Any", apps),
        cast("Any", None),
        cast("Any", None),
        cast("Any", SimpleNamespace(resolved=lambda _: found)),
        Links(maker, lambda: general),
        lambda name: {"metadata": {"name": name}, "status": {"jwtTokensByRole": {"a": {}}}},
        lambda: "https://cd",
    ).methods()


async def run(handlers: Mapping[str, Any], method: str, message: dict[str, Any]) -> Any:
    handler = handlers[f"application.ApplicationService/{method}"]
    assert isinstance(handler, Unary)
    return await handler.run(Call(ALICE), message)


async def test_links_of_an_application() -> None:
    apps, maker = Apps(app(path="."), "https://c"), Maker()
    found = await run(linking(apps, maker), "ListLinks", {"name": "web", "namespace": "ns"})
    assert found == {"items": [{"title": "T", "url": "https://x"}]}
    assert apps.asked == [("live", "get", "ns", "web", "")]
    assert set(maker.data) == {"application", "app", "cluster", "managedByURL"}
    assert maker.data["managedByURL"] == "https://cd"
    assert maker.data["cluster"]["name"] == "c"


async def test_an_unknown_destination_is_left_out_and_a_forbidden_one_refused() -> None:
    maker = Maker()
    await run(linking(Apps(app(path=".")), maker, "none"), "ListLinks", {"name": "web"})
    assert "cluster" not in maker.data
    with pytest.raises(ApiError, match=r"^error getting destination cluster$"):
        await run(linking(Apps(app(path=".")), maker), "ListLinks", {"name": "web"})


async def test_links_of_the_application_as_a_resource() -> None:
    apps, maker = Apps(app(path="."), "https://c"), Maker()
    message = {
        "name": "web",
        "group": "argoproj.io",
        "kind": "Application",
        "resourceName": "web",
    }
    await run(linking(apps, maker), "ListResourceLinks", message)
    assert apps.asked == [("cached", "get", "", "web", "")]
    assert maker.data["resource"]["kind"] == "Application"
    assert maker.data["project"] == {"metadata": {"name": "team"}, "status": {}}


async def test_revisions() -> None:
    contents = ContentApi()
    trailers = "Argocd-reference-commit-sha: abcdef1\nArgocd-reference-commit-repourl: https://dry"
    commit = contents.git.commit(URL, FILES, message=f"hello\n\n{trailers}")
    apps = Apps(app(path="."))
    handlers = RevisionHandlers(
        cast("Any", apps), contents.contents, lambda: contents.known
    ).methods()
    found = await run(handlers, "RevisionMetadata", {"name": "web", "revision": commit})
    assert found["author"] == "Ada <ada@example.com>"
    assert found["references"] == [{"commit": {"sha": "abcdef1", "repoURL": "https://dry"}}]
    assert apps.asked == [("live", "get", "", "web", "")]
    for message, said in (
        ({"versionId": 0}, "version ID 0 not found because the app has no history"),
        ({"sourceIndex": 1}, "source index 1 not found because there is only 1 source"),
    ):
        with pytest.raises(ApiError, match=said):
            await run(handlers, "RevisionMetadata", {"name": "web", **message})
    with pytest.raises(ApiError, match=r"^no chart found for application: web$"):
        await run(handlers, "RevisionChartDetails", {"name": "web", "revision": "1"})
    apps.application = app(chart="web")
    contents.charts.publish(URL, "web", "1.0.0", {"Chart.yaml": "description: D\n"})
    details = {"name": "web", "revision": "1.0.0"}
    assert await run(handlers, "RevisionChartDetails", details) == {"description": "D"}


async def test_what_comes_later_is_refused() -> None:
    handlers = later()
    assert "application.ApplicationService/RunResourceActionV2" in handlers
    for handler in handlers.values():
        with pytest.raises(ApiError) as caught:
            await answered(handler)
        assert caught.value.code is ApiCode.UNIMPLEMENTED


async def answered(handler: Handler) -> None:
    match handler:
        case ServerStream():
            await anext(handler.run(Call(ALICE), {}))
        case Unary():
            await handler.run(Call(ALICE), {})
