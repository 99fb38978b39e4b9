"""What a source reads beside its tree and outside of it, and what that means for what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.decoder import FakeDecoder
from tests.fakes.git import FakeGit
from tests.fakes.remotes import FakeRemotes
from tests.fakes.renderer import FakeRenderer
from tests.fakes.verifier import FakeVerifier
from tiphys.adapters.cache import FolderCache
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.refs import RefTree
from tiphys.model.errors import RenderError, RenderLimitError, RepositoryError
from tiphys.model.render import KustomizeOptions
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode
from tiphys.services.render.failures import Pause
from tiphys.services.render.job import RenderJob, Surroundings, ToolSettings
from tiphys.services.render.service import Rendered, RenderService
from tiphys.services.sources.upstream import UpstreamByKind

URL, VALUES = "https://git.example.com/web", "https://git.example.com/values"
CONTEXT = BuildContext("web", "demo")
CHART = {"web/Chart.yaml": "name: web"}


class Bench:
    def __init__(self, archive: Path | None = None, **options: Any) -> None:
        self.git = FakeGit()
        self.remotes = FakeRemotes()
        self.clock = FakeClock()
        self.archive = archive
        self.options = options
        self.restart()

    def restart(self) -> None:
        self.renderer = FakeRenderer()
        self.service = RenderService(
            UpstreamByKind(self.git),
            self.renderer,
            FakeDecoder(),
            self.remotes,
            archive=FolderCache(self.archive) if self.archive is not None else None,
            clock=self.clock,
            **self.options,
        )

    def commit(self, files: Mapping[str, str], url: str = URL) -> str:
        return self.git.commit(url, files)

    def job(self, commit: str, **fields: Any) -> RenderJob:
        values, project = fields.pop("values", ""), fields.pop("project", "default")
        paths = tuple(fields.pop("generate_paths", ()))
        written = {"repoURL": URL, "path": "web"} | fields
        source = decode(written, ApplicationSource, at="spec.source")
        refs = {"values": RefTree(Repository(VALUES), values)} if values else {}
        context = replace(CONTEXT, project=project)
        return RenderJob(source, Repository(URL), commit, context, refs, generate_paths=paths)

    async def render(self, commit: str, **parts: Any) -> Rendered:
        fresh = bool(parts.pop("fresh", False))
        return await self.service.render(self.job(commit, **parts), fresh=fresh)

    @property
    def renders(self) -> int:
        return len(self.renderer.requests)


def texts(rendered: Rendered) -> list[str]:
    return [manifest["data"]["text"] for manifest in rendered.manifests]


# Trees beside the main one

REFERS = {"helm": {"valueFiles": ["$values/envs/prod.yaml"]}}


async def test_a_values_file_of_another_repository_counts_by_its_path() -> None:
    bench = Bench()
    chart = bench.commit(CHART)
    first = bench.commit({"envs/prod.yaml": "a: 1", "envs/dev.yaml": "a: 1"}, VALUES)
    before = await bench.render(chart, values=first, **REFERS)
    assert texts(before) == ["name: web", "a: 1"]
    quiet = bench.commit({"envs/prod.yaml": "a: 1", "envs/dev.yaml": "a: 2"}, VALUES)
    assert (await bench.render(chart, values=quiet, **REFERS)).from_cache
    loud = bench.commit({"envs/prod.yaml": "a: 2"}, VALUES)
    after = await bench.render(chart, values=loud, **REFERS)
    assert not after.from_cache
    assert texts(after) == ["name: web", "a: 2"]
    assert await bench.service.unchanged(bench.job(chart, values=first, **REFERS), before.digest)


async def test_a_repository_that_nothing_is_read_of_is_not_fetched() -> None:
    bench = Bench()
    chart = bench.commit(CHART)
    await bench.render(chart, values="0" * 40)
    assert bench.git.requests["tree"] == 1
    with pytest.raises(RepositoryError):
        await bench.render(chart, values="0" * 40, **REFERS)


async def test_a_failure_counts_for_what_lies_beside_too() -> None:
    bench = Bench()
    chart = bench.commit(CHART)
    bad = bench.commit({"envs/prod.yaml": "broken"}, VALUES)
    with pytest.raises(RenderError):
        await bench.render(chart, values=bad, **REFERS)
    good = bench.commit({"envs/prod.yaml": "a: 1"}, VALUES)
    assert await bench.render(chart, values=good, **REFERS)


# Remotes

BASE = "https://git.example.com/base"
REMOTE = {"web/cm": f"remote tree {BASE} main"}


async def test_what_is_remote_is_fetched_and_mounted() -> None:
    bench = Bench()
    bench.remotes.put(BASE, {"x": "far"})
    rendered = await bench.render(bench.commit(REMOTE))
    assert texts(rendered) == ["far"]
    assert bench.renders == 2
    assert bench.remotes.asked == {"fetch": 1}


async def test_a_remote_that_moved_is_another_render_and_one_that_did_not_is_none() -> None:
    bench = Bench()
    bench.remotes.put(BASE, {"x": "one"})
    commit = bench.commit(REMOTE)
    first = await bench.render(commit)
    assert (await bench.render(commit)).from_cache
    bench.remotes.put(BASE, {"x": "two"})
    assert not await bench.service.unchanged(bench.job(commit), first.digest)
    assert texts(await bench.render(commit)) == ["two"]
    bench.remotes.put(BASE, {"x": "one"})
    back = await bench.render(commit)
    assert (back.from_cache, back.digest) == (True, first.digest)


async def test_remotes_that_name_remotes_are_fetched_in_rounds() -> None:
    bench = Bench()
    for depth in range(5):
        bench.remotes.put(f"https://f/{depth}", {"x": f"remote file https://f/{depth + 1}"})
    bench.remotes.put("https://f/5", {"x": "end"})
    commit = bench.commit({"web/cm": "remote file https://f/0"})
    assert texts(await bench.render(commit)) == ["end"]
    assert bench.renders == 7
    for depth in range(5, 20):
        bench.remotes.put(f"https://f/{depth}", {"x": f"remote file https://f/{depth + 1}"})
    with pytest.raises(RenderLimitError, match="more than 10 deep"):
        await bench.render(commit)


async def test_remotes_of_one_round_are_fetched_at_once() -> None:
    bench = Bench()
    bench.remotes.put(BASE, {"x": "far"})
    bench.remotes.put("https://charts.example.com", {"y": "chart"})
    files = {**REMOTE, "web/dep": "remote chart https://charts.example.com 1.x redis"}
    assert texts(await bench.render(bench.commit(files))) == ["far", "chart"]
    assert bench.renders == 2


async def test_a_render_of_one_project_is_no_way_in_for_another() -> None:
    bench = Bench()
    bench.remotes.put(BASE, {"x": "far"})
    commit = bench.commit(REMOTE)
    assert not (await bench.render(commit)).from_cache
    bench.remotes.forbidden = {"team"}
    with pytest.raises(RenderError, match="not permitted in project 'team'"):
        await bench.render(commit, project="team")
    assert (await bench.render(commit)).from_cache


async def test_what_fails_for_one_project_is_no_failure_of_another() -> None:
    bench = Bench(pause=Pause(attempts=1))
    bench.remotes.put(BASE, {"x": "far"})
    commit = bench.commit(REMOTE)
    bench.remotes.forbidden = {"team"}
    for text in ("not permitted in project 'team'", "cached"):
        with pytest.raises(RenderError, match=text):
            await bench.render(commit, project="team")
    assert texts(await bench.render(commit)) == ["far"]


async def test_what_a_project_permits_now_is_tried_at_once() -> None:
    bench = Bench(pause=Pause(attempts=1))
    bench.remotes.put(BASE, {"x": "far"})
    job = bench.job(bench.commit(REMOTE), project="team")
    bench.remotes.forbidden = {"team"}
    with pytest.raises(RenderError, match="not permitted"):
        await bench.service.render(job)
    bench.remotes.forbidden = set()
    permitted = replace(job, surroundings=Surroundings(source_repos=("*", BASE)))
    assert texts(await bench.service.render(permitted)) == ["far"]


async def test_fresh_asks_remotes_too() -> None:
    bench = Bench()
    bench.remotes.put(BASE, {"x": "far"})
    commit = bench.commit(REMOTE)
    await bench.render(commit)
    assert bench.remotes.fresh == []
    await bench.render(commit, fresh=True)
    assert bench.remotes.fresh == [BASE]


async def test_too_many_remotes_are_a_limit() -> None:
    bench = Bench()
    files = {f"web/{number}": f"remote file https://f/{number}" for number in range(201)}
    with pytest.raises(RenderLimitError, match="more than 200 remotes"):
        await bench.render(bench.commit(files))
    assert bench.remotes.asked == {}


async def test_remotes_outlive_the_process(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.remotes.put(BASE, {"x": "one"})
    commit = bench.commit(REMOTE | {"web/note": "warn me"})
    first = await bench.render(commit)
    assert first.warnings == ("web/note",)
    bench.restart()
    again = await bench.render(commit)
    assert (bench.renders, again.digest, again.warnings) == (0, first.digest, first.warnings)
    bench.restart()
    bench.remotes.put(BASE, {"x": "two"})
    assert (await bench.render(commit)).digest != first.digest


# What the spec edits

KUSTOMIZATION = {"web/kustomization.yaml": "resources: [a.yaml]", "web/a.yaml": "one"}
PREFIX = {"kustomize": {"namePrefix": "$ARGOCD_APP_NAME-"}}


async def test_edits_stand_in_for_the_kustomization() -> None:
    bench = Bench()
    commit = bench.commit(KUSTOMIZATION)
    await bench.render(commit, kustomize={"namePrefix": "x-"})
    request = bench.renderer.requests[0]
    text = request.overlay["web/kustomization.yaml"].decode()
    assert text == '{"resources":["a.yaml"],"namePrefix":"x-"}'
    assert isinstance(request.options, KustomizeOptions)
    quiet = bench.commit(KUSTOMIZATION | {"README": "x"})
    assert (await bench.render(quiet, kustomize={"namePrefix": "x-"})).from_cache
    assert not (await bench.render(quiet, kustomize={"namePrefix": "y-"})).from_cache
    loud = bench.commit(KUSTOMIZATION | {"web/kustomization.yaml": "resources: []"})
    assert not (await bench.render(loud, kustomize={"namePrefix": "x-"})).from_cache


async def test_a_kustomization_that_is_a_link_is_edited_where_it_lies() -> None:
    bench = Bench()
    files = {"web/kustomization.yaml": "-> ../base.yaml", "base.yaml": "resources: []"}
    await bench.render(bench.commit(files), kustomize={"namePrefix": "x-"})
    assert list(bench.renderer.requests[0].overlay) == ["base.yaml"]


async def test_patches_need_a_kustomization() -> None:
    bench = Bench()
    with pytest.raises(RenderError, match="kustomization file not found in the path"):
        await bench.render(
            bench.commit({"web/a.yaml": "one"}), kustomize={"patches": [{"patch": "x"}]}
        )


async def test_a_component_that_appears_is_noticed() -> None:
    bench = Bench()
    spec = {"components": ["../one", "../gone", "../c-*"], "ignoreMissingComponents": True}
    files = KUSTOMIZATION | {"one/kustomization.yaml": "x", "c-a/kustomization.yaml": "x"}
    commit = bench.commit(files)
    await bench.render(commit, kustomize=spec)
    text = bench.renderer.requests[0].overlay["web/kustomization.yaml"].decode()
    assert text == '{"resources":["a.yaml"],"components":["../one","../c-a"]}'
    assert (await bench.render(commit, kustomize=spec)).from_cache
    for more in ({"gone/kustomization.yaml": "x"}, {"c-b/kustomization.yaml": "x"}):
        after = await bench.render(bench.commit(files | more), kustomize=spec)
        assert not after.from_cache
    strict = {"components": ["../gone"]}
    with pytest.raises(RenderError, match=r"kustomize edit add component: \.\./gone has no match"):
        await bench.render(commit, kustomize=strict)


# Links


@pytest.mark.parametrize(
    ("files", "file"),
    [
        ({"web/bad": "-> ../../etc/passwd"}, "web/bad"),
        ({"web/deep/bad": "-> /etc/passwd"}, "web/deep/bad"),
        ({"web/deep/fine": "-> ../../gone"}, ""),
        ({"elsewhere/bad": "-> /etc/passwd"}, ""),
    ],
)
async def test_links_out_of_the_repository(files: dict[str, str], file: str) -> None:
    bench = Bench()
    commit = bench.commit({"web/cm": "one", **files})
    if not file:
        assert await bench.render(commit)
        return
    with pytest.raises(RenderError) as caught:
        await bench.render(commit)
    assert str(caught.value) == f"repository contains out-of-bounds symlinks. file: {file}"
    assert bench.renders == 0
    lenient = Surroundings(ToolSettings(allow_oob_symlinks=True))
    assert await bench.service.render(replace(bench.job(commit), surroundings=lenient))


async def test_a_folder_is_looked_through_for_links_once() -> None:
    reads = []
    for allowed in (False, True):
        bench = Bench()
        files = {"web/cm": "one", "web/a/b": "x"}
        tree = await bench.git.tree(Repository(URL), bench.commit(files))
        around = Surroundings(ToolSettings(allow_oob_symlinks=allowed))
        counts = []
        for recurse in (False, True):
            job = bench.job(tree.commit, directory={"recurse": recurse})
            await bench.service.render(replace(job, surroundings=around))
            counts.append(tree.calls["read"])
        reads.append((counts[0], counts[1] - counts[0]))
    assert reads[0][0] > reads[1][0]
    assert reads[0][1] == reads[1][1]


# What manifest-generate-paths name


async def test_a_commit_outside_of_the_paths_carries_the_render_over() -> None:
    bench = Bench()
    paths = ["web/cm", "shared/*.yaml"]
    files = {"web/cm": "one", "web/other": "x", "shared/a.yaml": "x"}
    first = await bench.render(bench.commit(files), generate_paths=paths)
    outside = bench.commit(files | {"web/other": "y", "shared/deep/b.yaml": "y"})
    carried = await bench.render(outside, generate_paths=paths)
    assert (carried.from_cache, carried.digest) == (True, first.digest)
    assert carried.revision == outside
    assert await bench.service.unchanged(bench.job(outside, generate_paths=paths), first.digest)
    assert not (await bench.render(outside)).from_cache
    for change in ({"web/cm": "two"}, {"shared/b.yaml": "new"}):
        inside = bench.commit(files | {"web/other": "z"} | change)
        assert not (await bench.render(inside, generate_paths=paths)).from_cache


async def test_the_paths_say_nothing_of_what_lies_beside() -> None:
    bench = Bench()
    paths = ["elsewhere"]
    chart = bench.commit(CHART)
    first = bench.commit({"envs/prod.yaml": "a: 1"}, VALUES)
    await bench.render(chart, values=first, generate_paths=paths, **REFERS)
    changed = bench.commit(CHART | {"web/values.yaml": "x"})
    carried = await bench.render(changed, values=first, generate_paths=paths, **REFERS)
    assert carried.from_cache
    second = bench.commit({"envs/prod.yaml": "a: 2"}, VALUES)
    after = await bench.render(changed, values=second, generate_paths=paths, **REFERS)
    assert not after.from_cache


async def test_fresh_renders_whatever_the_paths_say() -> None:
    bench = Bench()
    commit = bench.commit({"web/cm": "one"})
    await bench.render(commit, generate_paths=["elsewhere"])
    later = bench.commit({"web/cm": "two"})
    assert texts(await bench.render(later, generate_paths=["elsewhere"])) == ["one"]
    assert texts(await bench.render(later, generate_paths=["elsewhere"], fresh=True)) == ["two"]


# Failures in a row


async def test_after_three_failures_nothing_is_tried_for_an_hour() -> None:
    bench = Bench(errors_kept_for=0.0)
    commit = bench.commit({"web/cm": "broken"})
    for _ in range(3):
        with pytest.raises(RenderError, match=r"^web/cm: broken$"):
            await bench.render(commit)
    for _ in range(5):
        with pytest.raises(RenderError) as caught:
            await bench.render(commit)
        assert str(caught.value) == "Manifest generation error (cached): web/cm: broken"
    assert bench.renders == 3
    await bench.clock.advance(3600)
    with pytest.raises(RenderError, match=r"^web/cm: broken$"):
        await bench.render(commit)
    assert bench.renders == 4


async def test_a_pause_ends_with_so_many_answers() -> None:
    bench = Bench(errors_kept_for=0.0, pause=Pause(attempts=1, minutes=0, requests=2))
    commit = bench.commit({"web/cm": "broken"})
    said = []
    for _ in range(7):
        with pytest.raises(RenderError) as caught:
            await bench.render(commit)
        said.append("cached" in str(caught.value))
    assert said == [False, True, True, False, True, True, False]


async def test_there_may_be_no_pause_and_another_commit_has_its_own() -> None:
    bench = Bench(errors_kept_for=0.0, pause=Pause(attempts=0))
    commit = bench.commit({"web/cm": "broken"})
    for _ in range(5):
        with pytest.raises(RenderError, match=r"^web/cm: broken$"):
            await bench.render(commit)
    paused = Bench(errors_kept_for=0.0, pause=Pause(attempts=1))
    broken = paused.commit({"web/cm": "broken"})
    with pytest.raises(RenderError):
        await paused.render(broken)
    assert await paused.render(paused.commit({"web/cm": "fine"}))
    with pytest.raises(RenderError, match="cached"):
        await paused.render(broken)
    with pytest.raises(RenderError, match=r"^web/cm: broken$"):
        await paused.render(broken, fresh=True)


# What speaks against a revision


async def test_a_revision_is_verified_whether_its_manifests_are_known_or_not() -> None:
    verifier = FakeVerifier()
    bench = Bench(verifier=verifier)
    chart = bench.commit(CHART)
    values = bench.commit({"envs/prod.yaml": "a: 1"}, VALUES)
    first = await bench.render(chart, values=values, **REFERS)
    assert first.problems == ()
    assert verifier.asked == [(chart, ("values",))]
    unsigned = bench.commit(CHART | {"README": "x"})
    verifier.unsigned = {unsigned}
    job = bench.job(unsigned, values=values, **REFERS)
    assert not await bench.service.unchanged(job, first.digest)
    known = await bench.service.known(job)
    assert known is not None
    again = await bench.service.render(job)
    assert again.from_cache
    assert known.problems == again.problems == (f"{unsigned} is unsigned",)
    assert again.digest == first.digest
