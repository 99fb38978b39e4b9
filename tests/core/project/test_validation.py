"""Which projects may be stored."""

from typing import Any

import pytest

from tests.core.project.build import app_project
from tiphys.core.project.policies import normal_policy, policy_text
from tiphys.core.project.validation import validated
from tiphys.model.appproject import AppProjectSpec
from tiphys.model.errors import ApiCode, ApiError

GOOD = "p, proj:team:ci, applications, sync, team/*, allow"
WINDOW = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}


def stored(**spec: Any) -> AppProjectSpec:
    return validated("team", app_project(**spec).spec, lambda zone: zone == "Europe/Berlin")


def role(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "ci", **fields}]


def test_a_good_project() -> None:
    spec = stored(
        sourceRepos=["*", "!https://x"],
        destinations=[{"server": "*", "namespace": "a"}, {"name": "*", "namespace": "b"}],
        sourceNamespaces=["a", "b"],
        roles=[
            *role(policies=[GOOD], groups=["org:team", '"a, b"', "a b"]),
            {"name": "x-1_y"},
        ],
        syncWindows=[WINDOW, {**WINDOW, "timeZone": "Europe/Berlin"}],
        destinationServiceAccounts=[
            {"server": "*", "namespace": "a", "defaultServiceAccount": "b:c"}
        ],
    )
    assert [window.time_zone for window in spec.sync_windows] == ["UTC", "Europe/Berlin"]


SAME = {"server": "https://a", "namespace": "b"}
ACCOUNT = {"server": "*", "namespace": "a", "defaultServiceAccount": "b"}


@pytest.mark.parametrize(
    ("spec", "code", "text"),
    [
        ({"destinations": [{"server": "!*"}]}, ApiCode.INVALID_ARGUMENT, "server has an invalid"),
        ({"destinations": [{"name": "!*"}]}, ApiCode.INVALID_ARGUMENT, "name has an invalid"),
        (
            {"destinations": [{"namespace": "!*"}]},
            ApiCode.INVALID_ARGUMENT,
            "namespace has an invalid",
        ),
        (
            {"destinations": [SAME, SAME]},
            ApiCode.INVALID_ARGUMENT,
            "destination 'https://a/b' already added",
        ),
        (
            {"sourceNamespaces": ["a", "a"]},
            ApiCode.INVALID_ARGUMENT,
            "source namespace 'a' already added",
        ),
        (
            {"sourceRepos": ["a", "a"]},
            ApiCode.INVALID_ARGUMENT,
            "source repository 'a' already added",
        ),
        ({"sourceRepos": ["!*"]}, ApiCode.INVALID_ARGUMENT, "source repository has an invalid"),
        ({"roles": role() + role()}, ApiCode.ALREADY_EXISTS, "role 'ci' already exists"),
        ({"roles": [{"name": "-a"}]}, ApiCode.INVALID_ARGUMENT, "invalid role name '-a'"),
        (
            {"roles": role(policies=[GOOD, GOOD])},
            ApiCode.ALREADY_EXISTS,
            f"policy '{GOOD}' already exists for role 'ci'",
        ),
        (
            {"roles": role(groups=["a", "a"])},
            ApiCode.ALREADY_EXISTS,
            "group 'a' already exists for role 'ci'",
        ),
        ({"roles": role(groups=[" "])}, ApiCode.INVALID_ARGUMENT, "must not be empty"),
        ({"roles": role(groups=[" a"])}, ApiCode.INVALID_ARGUMENT, "begins or ends with a blank"),
        ({"roles": role(groups=["a\tb"])}, ApiCode.INVALID_ARGUMENT, "quote, newline or tab"),
        ({"roles": role(groups=['a"b'])}, ApiCode.INVALID_ARGUMENT, "quote, newline or tab"),
        ({"roles": role(groups=["a,b"])}, ApiCode.INVALID_ARGUMENT, "double quotes"),
        (
            {"syncWindows": [WINDOW, {**WINDOW, "manualSync": True}]},
            ApiCode.ALREADY_EXISTS,
            "window 'deny:* * * * *:1h' already exists",
        ),
        ({"syncWindows": [{**WINDOW, "kind": "x"}]}, ApiCode.UNKNOWN, "kind 'x'"),
        ({"syncWindows": [{**WINDOW, "schedule": "x"}]}, ApiCode.UNKNOWN, "schedule 'x'"),
        ({"syncWindows": [{**WINDOW, "duration": "x"}]}, ApiCode.UNKNOWN, "duration 'x'"),
        (
            {"syncWindows": [{**WINDOW, "description": "x" * 256}]},
            ApiCode.INVALID_ARGUMENT,
            "255 characters",
        ),
        (
            {"syncWindows": [{**WINDOW, "applications": []}]},
            ApiCode.OUT_OF_RANGE,
            "requires one of",
        ),
        (
            {"destinationServiceAccounts": [{**ACCOUNT, "server": "!a"}]},
            ApiCode.INVALID_ARGUMENT,
            "server has an invalid format",
        ),
        (
            {"destinationServiceAccounts": [{**ACCOUNT, "defaultServiceAccount": "a/b"}]},
            ApiCode.INVALID_ARGUMENT,
            "defaultServiceAccount has an invalid format, 'a/b'",
        ),
        (
            {"destinationServiceAccounts": [ACCOUNT, ACCOUNT]},
            ApiCode.INVALID_ARGUMENT,
            "'*/a' already added",
        ),
    ],
)
def test_refused(spec: dict[str, Any], code: ApiCode, text: str) -> None:
    with pytest.raises(ApiError) as caught:
        stored(**spec)
    assert caught.value.code is code
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("p, a, b", "must be of the form"),
        ("g" + GOOD[1:], "must be of the form"),
        (GOOD.replace("proj:team:ci", "proj:other:ci"), "policy subject must be"),
        (GOOD.replace("applications", "accounts"), "resource must be one of"),
        (GOOD.replace("sync", ""), "no such action: ''"),
        (GOOD.replace("sync", "sinc"), "no such action: 'sinc'"),
        (GOOD.replace("team/*", "team/a/b/c"), "object must be of the form 'team/*'"),
        (GOOD.replace("team/*", "other/*"), "object must be of the form 'team/*'"),
        (GOOD.replace("team/*", "team"), "object must be of the form 'team/*'"),
        (GOOD.replace("allow", "maybe"), "effect must be"),
    ],
)
def test_refused_policies(policy: str, text: str) -> None:
    with pytest.raises(ApiError, match=r"invalid policy rule") as caught:
        stored(roles=role(policies=[policy]))
    assert text in str(caught.value)


def test_policies_are_written_one_way() -> None:
    assert normal_policy("p,proj:team:ci ,applications,  sync,team/*,allow") == GOOD
    assert (
        policy_text("team", "ci", resource="applications", action="sync", obj="*", effect="allow")
        == GOOD
    )
