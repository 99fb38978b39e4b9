"""What Bitbucket's API is asked, and what is made of its answers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from tests.attacks.test_webhooks import LOGIN, Metadata
from tests.core.webhook.payloads import NEW, OLD
from tiphys.adapters.bitbucket import BitbucketCloud
from tiphys.core.webhook.events import PushedFiles, PushEvent
from tiphys.model.errors import RepositoryError, RepositoryUnreachableError
from tiphys.model.repository import BearerLogin, Confidential, Repository

PATH = "/2.0/repositories/team/repo"
DIFFSTAT = f"{PATH}/diffstat/{NEW}..{OLD}"


@pytest.fixture
async def api() -> AsyncIterator[Metadata]:
    async with Metadata() as service:
        yield service


def cloud(api: Metadata) -> BitbucketCloud:
    return BitbucketCloud(f"{api.url}/2.0", frozenset({"127.0.0.1"}))


def repository(api: Metadata) -> Repository:
    return Repository(f"{api.url}/team/repo.git", credentials=LOGIN)


def push(api: Metadata) -> PushEvent:
    return PushEvent((repository(api).url,), "main", default=True, before=OLD, after=NEW)


async def test_files_of_all_pages_and_the_main_branch(api: Metadata) -> None:
    second = f"{PATH}/diffstat/second"
    first_page = [{"new": {"path": "a"}, "old": None}, {"new": {"path": "c"}, "old": {"path": "b"}}]
    api.answers = {
        DIFFSTAT: web.json_response({"values": first_page, "next": f"{api.url}{second}"}),
        second: web.json_response({"values": [{"new": {"path": "d"}}]}),
        PATH: web.json_response({"mainbranch": {"name": "trunk"}}),
    }
    told = await cloud(api).pushed(repository(api), "team/repo", push(api))
    assert told == PushedFiles(frozenset("abcd"), "trunk")
    assert api.heard[0] == "Basic " + base64.b64encode(b"ada:hushed").decode()


async def test_a_token_is_sent_as_one(api: Metadata) -> None:
    bearer = replace(repository(api), credentials=BearerLogin(Confidential("hushed")))
    await cloud(api).pushed(bearer, "team/repo", push(api))
    assert api.heard[0] == "Bearer hushed"


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=401, text="hushed"),
        web.Response(text="no json"),
        web.Response(text="[]"),
        web.Response(body=b" " * (9 << 20)),
    ],
)
async def test_what_is_no_answer(api: Metadata, answer: web.Response) -> None:
    api.answers[DIFFSTAT] = answer
    with pytest.raises(RepositoryError) as raised:
        await cloud(api).pushed(repository(api), "team/repo", push(api))
    assert "hushed" not in str(raised.value)


async def test_nobody_there() -> None:
    away = BitbucketCloud("http://127.0.0.1:9/2.0", frozenset({"127.0.0.1"}))
    one = Repository("http://127.0.0.1:9/team/repo")
    event = PushEvent((one.url,), "main", default=True, before=OLD, after=NEW)
    with pytest.raises(RepositoryUnreachableError):
        await away.pushed(one, "team/repo", event)
