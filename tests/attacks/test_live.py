"""Live objects: what Secrets hold, objects of others, terminals whose right has ended."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.live import LiveApi, asked, config_map, pod, secret
from tests.api.terminals import opened
from tests.attacks.switches import try_both_ways
from tests.cli.world import project
from tests.services.liveview.world import config_map as tracked
from tests.services.liveview.world import pod as below
from tests.services.liveview.world import view_of
from tests.services.reconcile.world import application, world
from tiphys.model.errors import ApiError, InvalidObjectError, KubeError
from tiphys.services.applications.values import AtRevision

VALUE = "c2VjcmV0LXZhbHVl"
PLAIN = "secret-value"


def _silent(said: object) -> None:
    text = json.dumps(said, default=str)
    assert VALUE not in text, "the attack saw a value"
    assert PLAIN not in text, "the attack saw a value"


async def test_cve_2026_42880_a_diff_of_what_others_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target says nothing of the data, so that all of it comes from what is predicted."""

    async def attack() -> None:
        live = secret(VALUE)
        api = await LiveApi().begin(live)
        await api.include_mutations()
        target = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}}
        said = await api.run(
            "ServerSideDiff",
            appName="a",
            liveResources=[{**_ref(live), "liveState": json.dumps(live)}],
            targetManifests=[json.dumps(target)],
        )
        assert said["items"][0]["targetState"], "nothing was predicted"
        _silent(said)

    await try_both_ways(attack, "masks of Secrets", monkeypatch)


async def test_cve_2026_45737_last_applied_and_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    async def attack() -> None:
        applied = json.dumps({"kind": "Secret", "apiVersion": "v1", "stringData": {"a": PLAIN}})
        annotations = {
            "kubectl.kubernetes.io/last-applied-configuration": applied,
            "token": PLAIN,
        }
        live = secret(VALUE, metadata={"annotations": annotations})
        api = LiveApi(settings=_masking("token"))
        await api.begin(live)
        said: list[Any] = [await api.manifest("GetResource", **asked(live))]
        target = {**live, "stringData": {"more": PLAIN}}
        for either in (live, target):
            said.append(
                await api.run(
                    "ServerSideDiff",
                    appName="a",
                    liveResources=[{**_ref(live), "liveState": json.dumps(live)}],
                    targetManifests=[json.dumps(either)],
                )
            )
        _silent(said)

    await try_both_ways(attack, "masks of Secrets", monkeypatch)


async def test_cve_2025_23216_a_patch_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no base64 is quoted by the API server, and must not be by us."""

    async def attack() -> None:
        live = secret(VALUE)
        api = await LiveApi().begin(live)

        def fail(verb: str, key: object) -> KubeError | None:
            text = f'illegal base64 data: "{PLAIN}"'
            return InvalidObjectError(text, status=422) if verb == "patch" else None

        api.cluster.fail = fail
        patch = json.dumps({"data": {"password": PLAIN}})
        said = []
        for body in (patch, f'{{"data": {PLAIN}}}'):
            with pytest.raises((ApiError, KubeError)) as refused:
                await api.run(
                    "PatchResource",
                    **asked(live, patch=body, patchType="application/merge-patch+json"),
                )
            said.append(str(refused.value))
        assert "demo/token" in said[0] or "base64" in said[0]
        _silent(said)

    await try_both_ways(attack, "errors quote no Secrets", monkeypatch)


async def test_cve_2018_21034_manifests_of_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    async def attack() -> None:
        api = await LiveApi().begin()
        api.sources.manifests = [secret(VALUE), secret(VALUE, "same")]
        application = await api.rule.cached(api.caller, "get", "", "a")
        _silent(await api.uses.desired(application, AtRevision({0: ""})))

    await try_both_ways(attack, "masks of Secrets", monkeypatch)


@pytest.mark.parametrize("method", ["GetResource", "PatchResource", "DeleteResource"])
async def test_cve_2022_1025_a_namesake(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object of the application is gone, and somebody else's has its name."""
    if method == "DeleteResource":
        await _the_namesake_is_not_deleted()
        return

    async def attack() -> None:
        mine = config_map()
        api = await LiveApi().begin(mine)
        api.view.nodes[0]["uid"] = "uid-of-before"
        patch = {"patch": '{"data": {"a": "2"}}', "patchType": "application/merge-patch+json"}
        try:
            await api.run(method, **asked(mine, **patch))
        except ApiError as refused:
            said = str(refused)
        else:
            raise AssertionError("the attack reached the namesake")
        assert "not found as part of application a" in said

    await try_both_ways(attack, "objects by uid", monkeypatch)


async def _the_namesake_is_not_deleted() -> None:
    """The API server itself holds the uid against it."""
    mine = config_map()
    api = await LiveApi().begin(mine)
    api.view.nodes[0]["uid"] = "uid-of-before"
    with pytest.raises(KubeError):
        await api.run("DeleteResource", **asked(mine))
    assert any(key.name == "cm" for key in api.cluster.objects)


@pytest.mark.parametrize("method", ["GetResource", "PatchResource", "DeleteResource"])
async def test_cve_2022_24768_a_forged_owner(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the tree, for it names an owner there; the project permits none of its kind."""

    async def attack() -> None:
        forged = secret(VALUE)
        api = await LiveApi().begin(forged)
        api.cluster.change(
            {
                **project(namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}]),
                "metadata": api.cluster.objects[_key_of_project()]["metadata"],
            }
        )
        await api.heard()
        patch = {"patch": '{"data": {}}', "patchType": "application/merge-patch+json"}
        try:
            await api.run(method, **asked(forged, **patch))
        except ApiError as refused:
            said = str(refused)
        else:
            raise AssertionError("the attack reached what the project forbids")
        assert "not found as part of application a" in said

    await try_both_ways(attack, "projects bound live objects", monkeypatch)


async def test_cve_2022_1025_an_owner_in_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its uid is known, and where it lives; what claims to be below it lives elsewhere."""

    async def attack() -> None:
        root = tracked("root")
        async with world(application(), root, below("stray", root, namespace="other")) as here:
            await here.refresh()
            tree = await view_of(here).tree("", "web") or {}
            names = [one["name"] for one in tree["nodes"]]
            assert "root" in names
            assert "stray" not in names, "the attack is in the tree"

    await try_both_ways(attack, "owners by all they say", monkeypatch)


@pytest.mark.parametrize("ends", ["right", "token"])
async def test_cve_2024_41666_cve_2023_40025_a_terminal_after_the_right(
    ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attack() -> None:
        api = await LiveApi().begin(pod("web-1"))
        async with opened(api) as page:
            await page.send_json({"operation": "stdin", "data": "ls\n"})
            assert (await page.receive_json())["data"] == "LS\n"
            if ends == "right":
                api.access.deny("*")
                api.access.allow("applications get *")
            else:
                api.sessions.callers.clear()
            await page.send_json({"operation": "stdin", "data": "steal\n"})
            async with asyncio.timeout(5):
                said = (await page.receive_json())["data"]
            typed = api.pods.terminals[0].typed
        assert b"steal\n" not in typed, "the attack typed on"
        assert said in ("Permission denied", "\nReconnect because the token was refreshed...\n")

    await try_both_ways(attack, "rights on every message", monkeypatch)


def _ref(live: dict[str, Any]) -> dict[str, str]:
    return {"kind": live["kind"], "namespace": "demo", "name": live["metadata"]["name"]}


def _masking(*annotations: str) -> Any:
    from tiphys.core.settings import Settings

    return Settings(masked_annotations=annotations)


def _key_of_project() -> Any:
    from tiphys.model.resource import key_of

    return key_of(project())
