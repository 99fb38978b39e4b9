"""Each resource and action by the API: allowed, denied, without a rule, by a role, by a group.

A provider of the test's own says who somebody is, so that one policy holds for all of them: each
right has callers of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import aiohttp
import pytest
import yaml

from tests.adapters.oidc.forging import Forge, forging
from tests.e2e.api import Api, as_admin
from tests.e2e.calls import Refusal, Rest
from tests.e2e.manifests import config_map
from tests.e2e.method_cases import IN_CLUSTER
from tests.e2e.rbac_cases import (
    APP,
    CLUSTER,
    OF_PROJECTS,
    PAIRS,
    PROJECT,
    ROBOT,
    SHORT,
    TEMPLATE,
    Right,
    rights,
)
from tests.e2e.stack import NAMESPACE, Stack
from tiphys.model.errors import ApiCode

_TYPE = "argocd.argoproj.io/secret-type"
CAN = "can"
"""The role that may all that a role may."""
_CODES = {400: ApiCode.INVALID_ARGUMENT, 401: ApiCode.PERMISSION_DENIED, 404: ApiCode.NOT_FOUND}


class Way(Enum):
    """How somebody comes by a right, or does not."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NO_RULE = "none"
    ROLE = "role"
    GROUP = "group"


@dataclass(frozen=True)
class Who:
    token: str
    subject: str


@dataclass(frozen=True)
class Site:
    stack: Stack
    address: str
    admin: Api
    forge: Forge
    repo: str
    rights: list[Right]
    role_tokens: dict[str, str]

    def who(self, way: Way, key: object) -> Who:
        """The caller of a right, which is called by its number."""
        match way:
            case Way.ROLE:
                name = f"right-{key}" if isinstance(key, int) else CAN
                return Who(self.role_tokens[name], f"proj:{PROJECT}:{name}")
            case Way.GROUP:
                subject = f"member-{key}"
                token = self.forge.token(sub=subject, groups=["rbac-any", f"rbac-{key}"])
                return Who(token, subject)
            case _:
                subject = f"{way.value}-{key}"
                return Who(self.forge.token(sub=subject), subject)


def policy(wanted: list[Right]) -> str:
    found: list[str] = []
    for number, right in enumerate(wanted):
        found += _rules(number, right.line)
        callers = [f"{way.value}-{number}" for way in (Way.ALLOWED, Way.DENIED, Way.NO_RULE)]
        for subject in (*callers, f"role:rbac-{number}", f"proj:{PROJECT}:right-{number}"):
            found += [f"p, {subject}, {line}, allow" for line in right.needs]
    for resource, action in PAIRS:
        found += _rules(f"{resource}-{action}", f"{resource}, {action}, {_object(resource)}")
    return "\n".join(found)


def _rules(key: object, line: str) -> list[str]:
    return [
        f"p, allowed-{key}, {line}, allow",
        f"p, denied-{key}, *, *, *, allow",
        f"p, denied-{key}, {line}, deny",
        f"p, role:rbac-{key}, {line}, allow",
        f"g, rbac-{key}, role:rbac-{key}",
    ]


def _object(resource: str) -> str:
    """What `can-i` is asked about."""
    return f"{PROJECT}/{APP}" if resource in OF_PROJECTS else PROJECT


def roles(wanted: list[Right]) -> Iterator[dict[str, Any]]:
    for number, right in enumerate(wanted):
        name = f"right-{number}"
        given = right.of_project and right.resource in OF_PROJECTS
        # A project's policies name no address, only what is like it.
        target = f"{PROJECT}/*" if "://" in right.target else right.target
        line = f"p, proj:{PROJECT}:{name}, {right.resource}, {right.action}, {target}, allow"
        yield {"name": name, "policies": [line] if given else []}
    given_by_can = [
        f"p, proj:{PROJECT}:{CAN}, {resource}, {action}, {_object(resource)}, allow"
        for resource, action in PAIRS
        if resource in OF_PROJECTS
    ]
    yield {"name": CAN, "policies": given_by_can}


def project(repo: str, wanted: list[Right]) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": PROJECT, "namespace": NAMESPACE},
        "spec": {
            "sourceRepos": [repo],
            "destinations": [{"server": IN_CLUSTER, "namespace": APP}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            "roles": list(roles(wanted)),
        },
    }


def kept(stack: Stack, name: str, kind: str, /, **data: str) -> Callable[[], bool]:
    """Makes a Secret where it is missing, and says whether it is there to stay."""
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {_TYPE: kind},
        "annotations": {"managed-by": "argocd.argoproj.io"},
    }

    def keep() -> bool:
        found = stack.kube.get("Secret", NAMESPACE, name) or stack.kube.create(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
        )
        return "deletionTimestamp" not in found["metadata"]

    return keep


def secrets(stack: Stack, repo: str) -> list[Callable[[], bool]]:
    return [
        kept(stack, "rbac-cluster", "cluster", server=CLUSTER, name="rbac-far", project=PROJECT,
             config="{}"),
        kept(stack, "rbac-repo", "repository", url=repo, name="rbac-repo", project=PROJECT),
        kept(stack, "rbac-creds", "repo-creds", url=TEMPLATE, username="a", password="b"),
        kept(stack, "rbac-write", "repo-write-creds", url=TEMPLATE, username="a", password="b"),
    ]  # fmt: skip


def _settings(issuer: str) -> dict[str, str]:
    provider = {"name": "rbac", "issuer": issuer, "clientID": "web"}
    return {
        "oidc.config": yaml.safe_dump(provider),
        "exec.enabled": "true",
        "server.rbac.rollback.enforce.enable": "true",
        f"accounts.{ROBOT}": "apiKey",
    }


@pytest.fixture(scope="module")
async def site(stack: Stack) -> AsyncIterator[Site]:
    repo = stack.repo("rbac")
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    wanted = rights(repo.url)
    stack.kube.create(project(repo.url, wanted))
    for keep in secrets(stack, repo.url):
        keep()
    source = {"repoURL": repo.url, "path": "app", "targetRevision": "main"}
    stack.apply(APP, repo, "app", project=PROJECT, source=source,
                destination={"server": IN_CLUSTER, "namespace": APP},
                syncPolicy={"automated": {}})  # fmt: skip
    stack.until_done(APP, commit)
    admin = as_admin(stack)
    async with forging() as forge:
        settings = _settings(forge.issuer)
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": settings})
        rules = {"data": {"policy.csv": policy(wanted)}}
        stack.kube.merge("ConfigMap", NAMESPACE, "argocd-rbac-cm", rules)
        names = [one["name"] for one in roles(wanted)]
        tokens = {name: _role_token(admin, name) for name in names}
        found = Site(stack, admin.address, admin, forge, repo.url, wanted, tokens)
        try:
            await _settled(found)
            yield found
        finally:
            gone = {"data": dict.fromkeys(settings)}
            stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", gone)
            none = {"data": {"policy.csv": None}}
            stack.kube.merge("ConfigMap", NAMESPACE, "argocd-rbac-cm", none)
            for name in ("rbac-cluster", "rbac-repo", "rbac-creds", "rbac-write"):
                if stack.kube.get("Secret", NAMESPACE, name) is not None:
                    stack.kube.delete("Secret", NAMESPACE, name)


def _role_token(admin: Api, name: str) -> str:
    path = f"/api/v1/projects/{PROJECT}/roles/{name}/token"
    token: str = admin.ok("POST", path, {"project": PROJECT, "role": name, "id": "one"})["token"]
    return token


async def _settled(site: Site) -> None:
    """The policy counts, all settings do, and tokens that were made are known."""
    async with asyncio.timeout(60):
        while True:
            if await _counts(site):
                return
            await asyncio.sleep(0.1)


async def _counts(site: Site) -> bool:
    last = len(site.rights) - 1
    for way, number in ((Way.ALLOWED, last), (Way.GROUP, last), (Way.ROLE, 0)):
        right, who = site.rights[number], site.who(way, number)
        if _wrong(right, who, await _ask(site, right, who), granted=True):
            return False
    robots = site.admin.ask("GET", f"/api/v1/account/{ROBOT}")[0]
    shells = site.admin.ok("GET", "/api/v1/settings")["execEnabled"]
    return robots == 200 and bool(shells)


async def _ask(site: Site, right: Right, who: Who) -> dict[str, Any] | Refusal:
    if right.method.startswith("/"):
        return await _page(site, right.method, who)
    rest = Rest(int(site.address.rpartition(":")[2]), who.token)
    try:
        return await rest.ask(right.method, right.request)
    finally:
        await rest.close()


async def _page(site: Site, path: str, who: Who) -> Refusal:
    """What pages ask for with their cookie."""
    headers = {
        "Cookie": f"argocd.token={who.token}",
        "Argocd-Application-Name": f"{NAMESPACE}:{APP}",
        "Argocd-Project-Name": PROJECT,
    }
    address = f"http://{site.address}{path}"
    async with aiohttp.ClientSession() as web, web.get(address, headers=headers) as answer:
        return Refusal(_CODES[answer.status], (await answer.text()).strip())


def _refusal_of(right: Right, who: Who) -> str:
    if right.refused:
        return right.refused
    claims = who.token.split(".")[1]
    issued = json.loads(base64.urlsafe_b64decode(claims + "=="))["iat"]
    when = datetime.fromtimestamp(issued).astimezone().isoformat().replace("+00:00", "Z")
    asked = f"{right.resource}, {right.action}, {right.target}"
    return f"{SHORT}: {asked}, sub: {who.subject}, iat: {when}"


def _wrong(right: Right, who: Who, answer: dict[str, Any] | Refusal, *, granted: bool) -> str:
    """What is wrong with an answer, in words."""
    if granted and right.code is not None:
        good = isinstance(answer, Refusal) and answer.code is right.code
        good = good and right.text in str(answer)
    elif granted:
        good = isinstance(answer, dict) and right.text in json.dumps(answer)
    elif right.hidden:
        good = isinstance(answer, dict) and right.text not in json.dumps(answer)
    else:
        good = answer == Refusal(ApiCode.PERMISSION_DENIED, _refusal_of(right, who))
    return "" if good else f"{right.method} {right.line} as {who.subject}: {str(answer)[:300]}"


async def _until_kept(site: Site) -> None:
    """What a call took away is there again, and known: it may be a moment on its way out."""
    paths = (f"/api/v1/clusters?server={CLUSTER}", f"/api/v1/repositories?repo={site.repo}")
    async with asyncio.timeout(30):
        while True:
            there = [keep() for keep in secrets(site.stack, site.repo)]
            if all(there) and all(site.admin.ok("GET", path).get("items") for path in paths):
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("way", list(Way), ids=lambda way: way.value)
async def test_rights_by_the_api(site: Site, way: Way) -> None:
    wrong: list[str] = []
    for number, right in enumerate(site.rights):
        who = site.who(way, number)
        granted = way in (Way.ALLOWED, Way.GROUP) or (way is Way.ROLE and right.of_project)
        wrong.append(_wrong(right, who, await _ask(site, right, who), granted=granted))
        if granted and right.action == "delete":
            await _until_kept(site)
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.parametrize("way", list(Way), ids=lambda way: way.value)
async def test_rights_that_are_asked_for(site: Site, way: Way) -> None:
    """By `can-i`, of whatever there is: of what no method does yet, too."""
    wrong: list[str] = []
    for resource, action in PAIRS:
        target = _object(resource)
        who = site.who(way, f"{resource}-{action}")
        rest = Rest(int(site.address.rpartition(":")[2]), who.token)
        asked = {"resource": resource, "action": action, "subresource": target}
        answer = await rest.ask("account.AccountService/CanI", asked)
        await rest.close()
        # That it sees its project is every role's.
        of_role = resource in OF_PROJECTS or (resource, action) == ("projects", "get")
        granted = way in (Way.ALLOWED, Way.GROUP) or (way is Way.ROLE and of_role)
        if answer != {"value": "yes" if granted else "no"}:
            wrong.append(f"{resource} {action} as {who.subject}: {answer}")
    assert not wrong, "\n".join(wrong)
