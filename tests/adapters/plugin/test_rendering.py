"""Sources rendered by plugins that run as processes of their own."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.engine.trees import Link, Table, config_map
from tests.adapters.plugin.conftest import ContentTree, Plugins, shell
from tests.fixtures.gitfront import GitFront, basic
from tests.fixtures.gitrepo import GitRepo
from tiphys.adapters.gitserver.server import GitServer
from tiphys.model.errors import RenderError, RenderLimitError
from tiphys.model.render import PluginOptions, ReadSet, RenderRequest, RenderResult
from tiphys.model.repository import (
    BasicLogin,
    BearerLogin,
    Confidential,
    Credentials,
    Repository,
    SshKey,
)

APP: Table = {"app/in.txt": "one", "app/lib/x.txt": "x", "other/y.txt": "y", "top.md": "z"}
SAY = 'printf \'kind: ConfigMap\\nmetadata: {name: made}\\ndata: {said: "%s"}\\n\' "$1"'


def saying(script: str) -> str:
    """A generate command whose only object says what a script prints."""
    return f'set -- "$({script})"; {SAY}'


def said(result: RenderResult) -> str:
    (manifest,) = result.manifests
    text = manifest["data"]["said"]
    assert isinstance(text, str)
    return text


async def test_init_comes_before_generate(plugins: Plugins) -> None:
    await plugins.start("own", saying("cat in.txt made.txt"), init=shell("echo two > made.txt"))
    result = await plugins.render(APP, name="own")
    assert said(result).split() == ["onetwo"]
    assert result.reads == ReadSet(listings=frozenset({""}))


async def test_documents_and_lists(plugins: Plugins) -> None:
    text = config_map("a") + "---\nkind: List\nitems:\n- {kind: Secret, metadata: {name: b}}\n---\n"
    await plugins.start("own", f"cat <<'E'\n{text}E")
    result = await plugins.render(APP, name="own")
    assert [one["metadata"]["name"] for one in result.manifests] == ["a", "b"]


async def test_nothing_is_no_manifest(plugins: Plugins) -> None:
    await plugins.start("own", "true")
    assert (await plugins.render(APP, name="own")).manifests == ()


@pytest.mark.parametrize("text", ["just text", "[1]", "metadata: {name: x}"])
async def test_output_that_is_no_object(plugins: Plugins, text: str) -> None:
    await plugins.start("own", f"echo '{text}'")
    with pytest.raises(RenderError, match="no object with a kind"):
        await plugins.render(APP, name="own")


async def test_the_environment(plugins: Plugins) -> None:
    script = saying("echo $OWN,$ARGOCD_APP_NAME,$ARGOCD_ENV_A,$SHARED,$GIT_CONFIG_COUNT")
    await plugins.start("own", script, {"OWN": "sidecar", "SHARED": "sidecar"})
    given = {"ARGOCD_APP_NAME": "web", "ARGOCD_ENV_A": "a b", "SHARED": "application"}
    result = await plugins.render(APP, name="own", environment=given)
    assert said(result) == "sidecar,web,a b,application,"


async def test_all_of_the_repository_is_sent(plugins: Plugins) -> None:
    await plugins.start("own", saying("cd ..; find . -type f | sort | tr '\\n' ' '"))
    result = await plugins.render(APP, name="own")
    assert said(result).split() == ["./app/in.txt", "./app/lib/x.txt", "./other/y.txt", "./top.md"]


async def test_only_what_is_needed_is_sent(plugins: Plugins) -> None:
    await plugins.start("own", saying("cd ..; pwd | xargs basename; find . -type f | sort"))
    result = await plugins.render(APP, name="own", root="app")
    assert "top.md" not in said(result)
    assert result.reads == ReadSet(listings=frozenset({"app"}))


async def test_what_is_excluded_is_not_sent(plugins: Plugins) -> None:
    await plugins.start("own", saying("cd ..; find . -type f | sort | tr '\\n' ' '"))
    result = await plugins.render(APP, name="own", exclude=("*.md", "app/l*", "y.txt"))
    assert said(result).split() == ["./app/in.txt", "./other/y.txt"]


async def test_nothing_to_send(plugins: Plugins) -> None:
    await plugins.start("own", "true")
    with pytest.raises(RenderError, match=r"^no files to send\(\.\)$"):
        await plugins.render(APP, name="own", exclude=("*",))


async def test_links_inside_are_kept(plugins: Plugins) -> None:
    await plugins.start("own", saying("cat link"))
    table = {**APP, "app/link": Link("../other/y.txt")}
    assert said(await plugins.render(table, name="own")) == "y"


async def test_a_link_that_leads_out_is_refused(plugins: Plugins) -> None:
    await plugins.start("own", saying("cat link"))
    table = {**APP, "app/link": Link("../../../../../../etc/passwd")}
    with pytest.raises(RenderError, match="illegal filepath") as caught:
        await plugins.render(table, name="own")
    assert "root:" not in str(caught.value)


async def test_with_a_version_the_name_has_it(plugins: Plugins) -> None:
    await plugins.start("own", saying("echo x"), version="v1.0")
    assert said(await plugins.render(APP, name="own-v1.0")) == "x"
    with pytest.raises(RenderError, match='plugin with name "own" supporting'):
        await plugins.render(APP, name="own")


async def test_a_failure_says_what_the_command_said(plugins: Plugins) -> None:
    await plugins.start("own", "echo broken >&2; exit 3")
    with pytest.raises(RenderError) as caught:
        await plugins.render(APP, name="own")
    assert str(caught.value) == (
        'CMP processing failed for application "web": error generating manifests in cmp: '
        "`sh -c 'echo broken >&2; exit 3'` failed exit status 3: broken"
    )


async def test_a_program_that_is_not_there(plugins: Plugins) -> None:
    await plugins.start("own", "", generate={"command": ["no-such-program"]})
    with pytest.raises(RenderError, match="`no-such-program` failed to start: No such file"):
        await plugins.render(APP, name="own")


async def test_secrets_do_not_come_back(plugins: Plugins) -> None:
    script = "echo token=$VAULT_TOKEN at https://me:pass@h/r >&2; exit 1"
    await plugins.start("own", script, {"VAULT_TOKEN": "s3cr3t-value"})
    with pytest.raises(RenderError) as caught:
        await plugins.render(APP, name="own")
    assert "token=*** at https://***@h/r" in str(caught.value)


async def test_the_deadline_ends_a_command(plugins: Plugins) -> None:
    await plugins.start("own", "sleep 60")
    with pytest.raises(RenderError, match=r"in time|failed timeout after 0\.\d"):
        await plugins.render(APP, name="own", seconds=1.0)


async def test_a_plugin_that_answers_too_late_met_a_limit(plugins: Plugins) -> None:
    # It cannot be asked to end, so that the answer comes seconds after the deadline.
    await plugins.start("own", "trap '' TERM; sleep 60 & wait; sleep 60")
    with pytest.raises(RenderLimitError, match="did not answer in time"):
        await plugins.render(APP, name="own", seconds=1.0)


@pytest.mark.parametrize(("keeps", "mode"), [(True, "ran"), (False, "not executable")])
async def test_modes_of_files(plugins: Plugins, keeps: bool, mode: str) -> None:
    await plugins.start(
        "own", saying("./tool.sh 2>/dev/null || echo not executable"), preserveFileMode=keeps
    )
    tree = ContentTree({"app/tool.sh": "#!/bin/sh\necho ran\n"})
    tree.entries["app/tool.sh"] = replace(tree.entries["app/tool.sh"], executable=True)
    request = RenderRequest("app", PluginOptions("own"), "web")
    assert said(await plugins.renderer.render(request, tree)) == mode


HTTPS = "https://h.example.com/r"
SHOW = "echo $GIT_CONFIG_KEY_0 $GIT_CONFIG_VALUE_0"


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (
            BasicLogin("me", Confidential("pass1234")),
            "Basic " + base64.b64encode(b"me:pass1234").decode(),
        ),
        (
            BasicLogin("", Confidential("pass1234")),
            "Basic " + base64.b64encode(b"x-access-token:pass1234").decode(),
        ),
        (BearerLogin(Confidential("token1234")), "Bearer token1234"),
    ],
)
async def test_credentials_where_they_are_asked_for(
    plugins: Plugins, credentials: Credentials, header: str
) -> None:
    await plugins.start("own", saying(SHOW), provideGitCreds=True)
    await plugins.start("another", saying(SHOW))
    repository = Repository(HTTPS, credentials=credentials)
    given = await plugins.render(APP, name="own", repository=repository)
    assert said(given) == f"http.{HTTPS}.extraHeader Authorization: {header}"
    kept = await plugins.render(APP, name="another", repository=repository)
    assert said(kept).strip() == ""


async def test_git_reaches_the_source_s_repository(plugins: Plugins, tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "served" / "web")
    commit = repo.commit({"a": "1"})
    server = GitServer(tmp_path / "served")
    front = GitFront(server)
    await server.start()
    await front.start()
    front.wanted = basic("me", "pass1234")
    try:
        url = f"{front.url}/web"
        await plugins.start(
            "own", saying(f"git ls-remote {url} HEAD | cut -f1"), provideGitCreds=True
        )
        login = BasicLogin("me", Confidential("pass1234"))
        given = await plugins.render(APP, name="own", repository=Repository(url, credentials=login))
        assert said(given) == commit
        front.answers.append((302, {"Location": f"{front.url}/elsewhere/web/info/refs"}))
        await plugins.render(
            {**APP, "new": ""}, name="own", repository=Repository(url, credentials=login)
        )
        # The login goes nowhere else: a redirect is not followed.
        assert front.requests["refs"] == 2
    finally:
        await front.stop()
        await server.stop()


async def test_credentials_do_not_come_back_in_errors(plugins: Plugins) -> None:
    login = BasicLogin("me", Confidential("pass1234"))
    await plugins.start("own", f"{SHOW} pass1234 >&2; exit 1", provideGitCreds=True)
    with pytest.raises(RenderError) as caught:
        await plugins.render(APP, name="own", repository=Repository(HTTPS, credentials=login))
    encoded = base64.b64encode(b"me:pass1234").decode()
    assert "pass1234" not in str(caught.value)
    assert encoded not in str(caught.value)


async def test_an_ssh_key_is_not_handed_over(plugins: Plugins) -> None:
    await plugins.start("own", saying("env | grep -c PRIVATE || true"), provideGitCreds=True)
    repository = Repository("git@h:r", credentials=SshKey(Confidential("PRIVATE KEY")))
    result = await plugins.render(APP, name="own", repository=repository)
    assert said(result) == "0"
    (warning,) = result.warnings
    assert "SSH" in warning


async def test_a_plugin_that_was_started_again(plugins: Plugins) -> None:
    first = await plugins.start("own", saying("echo first"))
    was, all_were = plugins.renderer.identity("own"), plugins.renderer.identity("")
    assert said(await plugins.render(APP, name="own")) == "first"
    assert plugins.renderer.identity("own") == was
    await plugins.stop(first)
    with pytest.raises(RenderError, match="could not find cmp-server plugin"):
        await plugins.render(APP, name="own")
    await plugins.start("own", saying("echo again"))
    assert said(await plugins.render(APP, name="own")) == "again"
    assert plugins.renderer.identity("own") != was
    assert plugins.renderer.identity("") != all_were
    assert plugins.renderer.identity("../own") == plugins.renderer.identity("none")


async def test_a_plugin_that_died(plugins: Plugins) -> None:
    process = await plugins.start("own", saying("echo x"))
    process.kill()
    await process.wait()
    with pytest.raises(RenderError, match="own does not answer at its socket"):
        await plugins.render(APP, name="own")


ANNOUNCED: list[dict[str, Any]] = [
    {
        "name": "images",
        "title": "Images",
        "tooltip": "x",
        "required": True,
        "collectionType": "map",
        "map": {"a": "b"},
    },
    {"name": "list", "itemType": "number", "array": ["1"]},
]


async def test_parameters_are_announced(plugins: Plugins) -> None:
    script = 'echo "[{\\"name\\": \\"$ARGOCD_APP_NAME\\", \\"string\\": \\"$(cat in.txt)\\"}]"'
    parameters = {"static": ANNOUNCED, "dynamic": shell(script)}
    await plugins.start("own", "true", parameters=parameters)
    found = await plugins.renderer.announcements(
        RenderRequest("app", PluginOptions("own"), "web"),
        ContentTree(APP),
        (("ARGOCD_APP_NAME", "web"),),
    )
    assert found == [{"name": "web", "string": "one"}, *ANNOUNCED]


async def test_announcements_that_are_none(plugins: Plugins) -> None:
    await plugins.start("own", "true", parameters={"dynamic": shell("echo nothing")})
    with pytest.raises(RenderError, match="no JSON list"):
        await plugins.renderer.announcements(
            RenderRequest("app", PluginOptions("own"), "web"), ContentTree(APP), ()
        )
