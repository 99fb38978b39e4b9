"""Flags of `proj`, one by one: the project that a line leaves behind, with the flag and without."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.proofs import Change
from tests.cli.world import World, project

WINDOW = {
    "kind": "deny", "schedule": "0 1 * * *", "duration": "1h", "applications": ["web"],
    "timeZone": "UTC",
}  # fmt: skip
ASKED = ("--kind", "deny", "--schedule", "0 1 * * *", "--duration", "1h", "--applications", "web")
ADD, UPDATE = ("team", *ASKED), ("team", "0")
POLICY = ("team", "ci", "--action", "get", "--object", "web")
GET = "p, proj:team:ci, applications, get, team/web, allow"


def window(**fields: Any) -> dict[str, Any]:
    return {"syncWindows": [WINDOW | fields]}


def policies(*texts: str) -> dict[str, Any]:
    return {"roles": [{"name": "ci", **({"policies": list(texts)} if texts else {})}]}


def integrity(keys: str, urls: str, mode: str = "head") -> dict[str, Any]:
    gpg: dict[str, Any] = {"mode": mode, "keys": keys.split(",")}
    policy = {"repos": [{"url": url} for url in urls.split(",")], "gpg": gpg}
    return {"sourceIntegrity": {"git": {"policies": [policy]}}}


LOGS = GET.replace("applications", "logs")
DENIED = GET.replace("allow", "deny")
CHANGES = [
    ({}, Change("proj windows add", "--clusters a,b", ADD, window(clusters=["a", "b"]))),
    ({}, Change("proj windows add", "--description Night", ADD, window(description="Night"))),
    ({}, Change("proj windows add", "--manual-sync", ADD, window(manualSync=True))),
    ({}, Change("proj windows add", "--namespaces a,b", ADD, window(namespaces=["a", "b"]))),
    ({}, Change("proj windows add", "--sync-overrun", ADD, window(syncOverrun=True))),
    ({}, Change("proj windows add", "--time-zone Asia/Tokyo", ADD, window(timeZone="Asia/Tokyo"))),
    ({}, Change("proj windows add", "--use-and-operator", ADD, window(andOperator=True))),
    (
        window(),
        Change(
            "proj windows update", "--applications a,b", UPDATE, window(applications=["a", "b"])
        ),
    ),
    (
        window(),
        Change("proj windows update", "--description Night", UPDATE, window(description="Night")),
    ),
    (window(), Change("proj windows update", "--duration 2h", UPDATE, window(duration="2h"))),
    (
        window(),
        Change("proj windows update", "--namespaces a,b", UPDATE, window(namespaces=["a", "b"])),
    ),
    (
        window(),
        Change(
            "proj windows update", "--time-zone Asia/Tokyo", UPDATE, window(timeZone="Asia/Tokyo")
        ),
    ),
    (
        {},
        Change(
            "proj role create",
            "--description Builds",
            ("team", "ci"),
            {"roles": [{"name": "ci", "description": "Builds"}]},
        ),
    ),
    (policies(), Change("proj role add-policy", "--permission deny", POLICY, policies(DENIED))),
    (policies(), Change("proj role add-policy", "--resource logs", POLICY, policies(LOGS))),
    (
        policies(GET, DENIED),
        Change("proj role remove-policy", "--permission deny", POLICY, policies(GET)),
    ),
    (
        policies(GET, LOGS),
        Change("proj role remove-policy", "--resource logs", POLICY, policies(GET)),
    ),
    (
        integrity("A", "x"),
        Change(
            "proj source-integrity git policies update",
            "--add-gpg-key B",
            UPDATE,
            integrity("A,B", "x"),
        ),
    ),
    (
        integrity("A", "x"),
        Change(
            "proj source-integrity git policies update",
            "--gpg-key B",
            (*UPDATE, "-y"),
            integrity("B", "x"),
        ),
    ),
    (
        integrity("A", "x"),
        Change(
            "proj source-integrity git policies update",
            "--repo-url y",
            (*UPDATE, "-y"),
            integrity("A", "y"),
        ),
    ),
    (
        integrity("A", "x,y"),
        Change(
            "proj source-integrity git policies update",
            "--delete-repo-url x",
            (*UPDATE, "-y"),
            integrity("A", "y"),
        ),
    ),
]


@pytest.mark.parametrize(
    ("before", "change"), CHANGES, ids=lambda one: getattr(one, "given", "") or None
)
def test_specs(capsys: pytest.CaptureFixture[str], before: dict[str, Any], change: Change) -> None:
    def left(*flag: str) -> Any:
        team = project("team")
        world = World(capsys).seed({**team, "spec": before})
        world.run(*change.command.split(), *change.line, *flag)
        found = world.find("AppProject", "team")
        assert found is not None
        return found["spec"]

    assert left(*change.words) == change.shows
    assert left() != change.shows
