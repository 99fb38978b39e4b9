"""Policies as they are loaded, and loaded again."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.services.access.world import NAMESPACE, Replica, World, project, settled
from tiphys.model.access import ANONYMOUS, EVERYTHING, Caller
from tiphys.model.errors import ApiCode, ApiError, SettingsError
from tiphys.model.resource import ResourceKey
from tiphys.services.access.enforcer import Enforcer

ADMIN = Caller({"iss": "argocd", "sub": "admin:login", "iat": 1767268800})
_GET = "p, {}, applications, get, */*, allow"


def alice(**claims: Any) -> Caller:
    return Caller({"iss": "https://id", "sub": "alice", **claims})


def may(replica: Replica, caller: Caller, target: str = "team/app") -> bool:
    return replica.enforcer.allows(caller, "applications", "get", target)


async def test_what_is_built_in(replica: Replica) -> None:
    assert may(replica, ADMIN)
    assert may(replica, EVERYTHING)
    assert not may(replica, alice())
    assert not may(replica, ANONYMOUS)


async def test_a_denial_names_what_was_asked(replica: Replica) -> None:
    caller = alice(iat=1767268800)
    with pytest.raises(ApiError) as caught:
        replica.enforcer.require(caller, "applications", "get", "team/app")
    assert caught.value.code is ApiCode.PERMISSION_DENIED
    assert str(caught.value) == (
        "permission denied: applications, get, team/app, sub: alice, iat: 2026-01-01T12:00:00Z"
    )
    with pytest.raises(ApiError) as caught:
        replica.enforcer.require(ANONYMOUS, "certificates", "get", "")
    assert str(caught.value) == "permission denied: certificates, get, "
    replica.enforcer.require(ADMIN, "applications", "get", "team/app")


async def test_times_are_told_in_the_server_s_zone(replica: Replica) -> None:
    zone = timezone(timedelta(hours=2))
    enforcer = Enforcer(replica.config_maps, replica.projects, zone=zone)
    with pytest.raises(ApiError, match=r"iat: 2026-01-01T14:00:00\+02:00$"):
        enforcer.require(alice(iat=1767268800), "logs", "get", "a/b")


async def test_changed_policies_count_at_once(world: World, replica: Replica) -> None:
    before = replica.enforcer.version
    assert replica.enforcer.version is before
    world.policies(_GET.format("alice"))
    await settled()
    assert may(replica, alice())
    assert replica.enforcer.version is not before


async def test_further_policies_and_the_default_role(world: World, replica: Replica) -> None:
    world.policies("g, alice, role:x", policy_more_csv=_GET.format("role:x"))
    await settled()
    assert may(replica, alice())
    assert not may(replica, ANONYMOUS)
    world.policies(policy_default="role:readonly")
    await settled()
    assert may(replica, ANONYMOUS)


async def test_scopes_say_where_groups_are(world: World, replica: Replica) -> None:
    text = _GET.format("role:x") + "\ng, dev, role:x\ng, a@x.org, role:x"
    world.policies(text)
    await settled()
    by_group, by_mail = alice(groups=["dev"]), alice(email="a@x.org")
    assert may(replica, by_group)
    assert not may(replica, by_mail)
    world.policies(text, scopes="[email, teams]")
    await settled()
    assert not may(replica, by_group)
    assert may(replica, by_mail)
    assert replica.enforcer.groups(alice(email="m", teams=["a"])) == ["m", "a"]


async def test_scopes_that_are_none_keep_the_old_policy(world: World, replica: Replica) -> None:
    world.policies(_GET.format("alice"))
    await settled()
    for bad in ("[", "groups: x", "5", "[1]"):
        world.policies("", scopes=bad, policy_default="role:none")
        await settled()
        assert may(replica, alice())
    world.policies("", scopes=" ")
    await settled()
    assert not may(replica, alice())


async def test_regular_expressions(world: World, replica: Replica) -> None:
    world.policies("p, alice, appl, ^get$, ^team/, allow", policy_matchMode="regex")
    await settled()
    assert may(replica, alice())
    assert not may(replica, alice(), "other/team/app")


async def test_a_bad_policy_ends_the_start(world: World) -> None:
    world.policies("p, alice, applications")
    async with world.replica() as replica:
        with pytest.raises(SettingsError, match=r"^invalid RBAC policy: p, alice, applications$"):
            replica.enforcer.load()


async def test_a_bad_policy_at_a_change_refuses_all(world: World, replica: Replica) -> None:
    world.policies("nonsense", policy_default="role:readonly")
    await settled()
    for caller in (ADMIN, ANONYMOUS, alice()):
        with pytest.raises(ApiError) as caught:
            may(replica, caller)
        assert caught.value.code is ApiCode.INTERNAL
        assert str(caught.value) == "invalid RBAC policy: nonsense"
    assert may(replica, EVERYTHING)
    world.policies()
    await settled()
    assert may(replica, ADMIN)


async def test_the_last_policies_stay_when_they_are_deleted(world: World, replica: Replica) -> None:
    world.policies(_GET.format("alice"))
    await settled()
    world.cluster.vanish(ResourceKey("", "ConfigMap", NAMESPACE, "argocd-rbac-cm"))
    await settled()
    assert may(replica, alice())


async def test_without_any_policies_there_is_what_is_built_in(world: World) -> None:
    world.cluster.vanish(ResourceKey("", "ConfigMap", NAMESPACE, "argocd-rbac-cm"))
    async with world.replica() as replica:
        replica.enforcer.load()
        assert may(replica, ADMIN)
        assert not may(replica, alice())


async def test_roles_without_rules_are_told(world: World, replica: Replica) -> None:
    with capture_logs() as logs:
        world.policies("g, alice, role:admin\ng, alice, role:a\ng, bob, role:b")
        await settled()
    said = [entry["event"] for entry in logs]
    assert said == ["user defined roles not found in policies: role:a,role:b"]


_CI = {
    "name": "ci",
    "policies": ["p, proj:team:ci, applications, get, team/*, allow"],
    "groups": ["ops"],
}


async def test_roles_of_projects(world: World, replica: Replica) -> None:
    token = Caller({"iss": "argocd", "sub": "proj:team:ci"})
    assert not may(replica, token)
    before = replica.enforcer.version
    world.put(project("team", _CI))
    world.put(project("other"))
    await settled()
    assert replica.enforcer.version is not before
    assert may(replica, token)
    assert may(replica, alice(groups=["ops"]))
    assert not may(replica, token, "other/app")
    assert not may(replica, token, "gone/app")
    assert replica.enforcer.allows(token, "projects", "get", "team")


async def test_a_project_s_other_changes_change_no_rights(world: World, replica: Replica) -> None:
    world.put(project("team", _CI))
    await settled()
    before = replica.enforcer.version
    world.put(project("team", {**_CI, "jwtTokens": [{"iat": 1}]}, tokens={"ci": [{"iat": 1}]}))
    await settled()
    assert replica.enforcer.version is before
    world.put(project("team", {**_CI, "groups": ["others"]}))
    await settled()
    assert replica.enforcer.version is not before
    assert not may(replica, alice(groups=["ops"]))
    before = replica.enforcer.version
    world.cluster.vanish(ResourceKey("argoproj.io", "AppProject", NAMESPACE, "team"))
    await settled()
    assert replica.enforcer.version is not before
    assert not may(replica, alice(groups=["others"]))


@pytest.mark.parametrize(
    "role",
    [{**_CI, "policies": ["nonsense"]}, {"name": 5}, {**_CI, "groups": ["a,b"]}],
)
async def test_roles_that_cannot_be_read_add_nothing(
    world: World, replica: Replica, role: dict[str, Any]
) -> None:
    world.put(project("team", role))
    await settled()
    with capture_logs() as logs:
        assert not may(replica, Caller({"iss": "argocd", "sub": "proj:team:ci"}))
        assert may(replica, ADMIN)
    assert [entry["project"] for entry in logs] == ["team"]
