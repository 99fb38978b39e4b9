"""Every method that clients call, by gRPC, gRPC-web and REST: one answer, one effect, one code."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml

from tests.e2e.api import initial_password, port
from tests.e2e.calls import Grpc, Refusal, Rest, Speaker, speakers_of
from tests.e2e.manifests import config_map
from tests.e2e.method_cases import APP, Case, accounts, application, applications, projects
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.stored_cases import clusters, later, repositories, trusted
from tiphys.core.wire import contract
from tiphys.model.errors import ApiCode

INTERNAL = ("repository.RepoServerService", "plugin.", "askpass.", "CommitService")
"""What processes say to each other, and no client to the API server."""
OWN = {"grpc": "zzg", "web": "zzw", "rest": "zzr"}
"""What each protocol's things are named by."""
_OWN = re.compile("zz[gwr]")
_APART = frozenset({
    "creationTimestamp", "generation", "managedFields", "resourceVersion", "uid", "iat",
    "issuedAt", "reconciledAt", "lastTransitionTime", "observedAt", "refreshRequestedAt",
    "argocd.argoproj.io/refresh",
})  # fmt: skip
"""What is another at any call."""


@dataclass(frozen=True)
class Served:
    stack: Stack
    port: int
    token: str
    password: str
    repo: str
    revision: str


@pytest.fixture(scope="module")
async def served(stack: Stack) -> Served:
    repo = stack.repo("calls")
    names = ("settings", *(f"extra-{own}" for own in OWN.values()))
    for name in names:
        repo.write(f"app/{name}.yaml", config_map(name, color="blue"))
    revision = repo.commit("Add settings")
    accounts_of = {"accounts.robot": "apiKey", "accounts.person": "login"}
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": accounts_of})
    for name in (APP, "calls-quiet"):
        made = application(name, repo.url)
        kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
        made["spec"]["syncPolicy"] = {"syncOptions": ["CreateNamespace=true"]}
        stack.kube.create({**kind, **made})
    stack.ok("app", "sync", APP)
    stack.until_done(APP, revision)
    stack.until_status(APP, "Synced", "Healthy")
    where = port(stack)
    password = initial_password(stack)
    anonymous = Grpc(where, "", web=False)
    session = await anonymous.ask(
        "session.SessionService/Create", {"username": "admin", "password": password}
    )
    await anonymous.close()
    assert isinstance(session, dict), session
    return Served(stack, where, session["token"], password, repo.url, revision)


@pytest.fixture(scope="module")
async def speakers(served: Served) -> AsyncIterator[list[Speaker]]:
    speakers = speakers_of(served.port, served.token)
    yield speakers
    for one in speakers:
        await one.close()


def _cluster(stack: Stack) -> tuple[str, dict[str, Any]]:
    """The control plane's own, as an administrator reaches it."""
    config = yaml.safe_load(stack.cluster.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = {"caData": cluster.get("certificate-authority-data", "")}
    tls |= {
        ours: user[theirs]
        for ours, theirs in (
            ("certData", "client-certificate-data"),
            ("keyData", "client-key-data"),
        )
        if theirs in user
    }
    return cluster["server"], {"tlsClientConfig": tls}


def _cases(served: Served) -> Iterator[Case]:
    yield from accounts(served.password)
    yield from projects()
    yield from clusters(*_cluster(served.stack))
    yield from trusted()
    yield from repositories(served.repo, APP)
    yield from applications(served.repo, served.revision)
    yield from later()


def _filled(value: Any, own: str) -> Any:
    match value:
        case str():
            return value.replace("{p}", own)
        case dict():
            return {_filled(key, own): _filled(one, own) for key, one in value.items()}
        case list():
            return [_filled(one, own) for one in value]
        case _:
            return value


def _comparable(value: Any, apart: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {
                key: _comparable(one, apart)
                for key, one in value.items()
                if one is not None and key not in _APART and key not in apart
            }
        case list():
            return [_comparable(one, apart) for one in value]
        case str():
            return _OWN.sub("zz", value)
        case _:
            return value


async def _differences(served: Served, speakers: list[Speaker], case: Case) -> list[str]:
    """What is wrong with one case, in words."""
    found: list[str] = []
    answers: list[tuple[str, Any]] = []
    for speaker in speakers:
        if speaker.name == "rest" and not (case.rest and contract().methods[case.method].http):
            continue
        own = OWN[speaker.name]
        if case.before is not None:
            await speakers[0].ask(case.before.method, _filled(case.before.request, own))
        answer = await speaker.ask(case.method, _filled(case.request, own))
        code = answer.code if isinstance(answer, Refusal) else None
        if code is not case.code:
            found.append(f"{speaker.name}: {str(answer)[:300]}")
            continue
        text = _OWN.sub("zz", answer.text) if isinstance(answer, Refusal) else None
        answers.append((speaker.name, text or _comparable(answer, case.apart)))
        if case.effect is not None and not _comes(served.stack, case, own):
            found.append(f"{speaker.name}: without the effect")
    for name, answer in answers[1:]:
        if answer != answers[0][1]:
            found.append(
                f"{name} {str(answer)[:400]} but {answers[0][0]} {str(answers[0][1])[:400]}"
            )
    return found


def _comes(stack: Stack, case: Case, own: str) -> bool:
    effect = case.effect
    assert effect is not None
    try:
        stack.until("the effect", lambda: effect(stack, own), 5)
    except AssertionError:
        return False
    return True


async def test_every_method_answers_alike(served: Served, speakers: list[Speaker]) -> None:
    wrong: list[str] = []
    for case in _cases(served):
        wrong += [f"{case.method} {one}" for one in await _differences(served, speakers, case)]
    assert not wrong, "\n".join(wrong)


OPEN = frozenset({
    "session.SessionService/Create",
    "session.SessionService/Delete",
    "session.SessionService/GetUserInfo",
    "version.VersionService/Version",
    "cluster.SettingsService/Get",
})  # fmt: skip
"""What anybody may call."""


async def test_nobody_gets_anything_without_a_login(served: Served) -> None:
    speakers = speakers_of(served.port, "")
    wrong: list[str] = []
    for case in _cases(served):
        if case.method not in OPEN:
            refused = replace(case, code=ApiCode.UNAUTHENTICATED, effect=None, before=None)
            found = await _differences(served, speakers, refused)
            wrong += [f"{case.method} {one}" for one in found]
    for speaker in speakers:
        await speaker.close()
    assert not wrong, "\n".join(wrong)


WITHOUT_RIGHTS = frozenset({
    "account.AccountService/CanI",
    "account.AccountService/ListAccounts",
    "account.AccountService/CreateToken",
    "account.AccountService/DeleteToken",
    "application.ApplicationService/List",
    "application.ApplicationService/Watch",
    "cluster.ClusterService/List",
    "cluster.SettingsService/GetPlugins",
    "project.ProjectService/List",
    "repocreds.RepoCredsService/ListRepositoryCredentials",
    "repocreds.RepoCredsService/ListWriteRepositoryCredentials",
    "repository.RepositoryService/List",
    "repository.RepositoryService/ListRepositories",
})  # fmt: skip
"""Lists, which leave out what one may not see, and what everybody may do for himself."""


OTHERWISE = {
    "project.ProjectService/ListLinks": ApiCode.UNKNOWN,
    # Whose project is gone by then: that is looked at first.
    "project.ProjectService/CreateToken": ApiCode.NOT_FOUND,
    "project.ProjectService/DeleteToken": ApiCode.NOT_FOUND,
}
"""What is refused with another code than that of a right that is missing."""


async def test_nobody_gets_anything_without_rights(served: Served, speakers: list[Speaker]) -> None:
    made = await speakers[0].ask(
        "account.AccountService/CreateToken", {"name": "robot", "id": "without-rights"}
    )
    assert isinstance(made, dict), made
    robots = speakers_of(served.port, made["token"])
    wrong: list[str] = []
    for case in _cases(served):
        if case.method in OPEN | WITHOUT_RIGHTS or case.code is not None:
            continue
        code = OTHERWISE.get(case.method, ApiCode.PERMISSION_DENIED)
        refused = replace(case, code=code, effect=None, before=None)
        wrong += [f"{case.method} {one}" for one in await _differences(served, robots, refused)]
    for robot in robots:
        await robot.close()
    assert not wrong, "\n".join(wrong)


async def test_a_body_that_is_no_request_is_a_bad_one(served: Served) -> None:
    """By every route that takes a body, whatever is behind it."""
    rest = Rest(served.port, served.token)
    wrong: list[str] = []
    for method in contract().methods.values():
        for rule in method.http:
            path = re.sub(r"\{[^}]+\}", "x", rule.template)
            if not rule.body:
                continue
            for body in (b'{"a":', b"7", b'{"a" 1}'):
                answer = await rest.send(rule.verb, path, body)
                if answer is None or answer.code is not ApiCode.INVALID_ARGUMENT:
                    wrong.append(f"{rule.verb} {path} with {body!r}: {answer}")
    await rest.close()
    assert not wrong, "\n".join(wrong)


def test_no_method_is_forgotten(served: Served) -> None:
    called = {case.method for case in _cases(served)}
    known = {name for name in contract().methods if not name.startswith(INTERNAL)}
    assert called == known
