"""Access control over a cluster in memory, with a clock that tests set."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.kube import BUILT_IN, CONFIG_MAPS, SECRETS, FakeCluster
from tiphys.adapters.jose import Signer
from tiphys.core.session.ledger import Limits
from tiphys.model.resource import ResourceKey
from tiphys.services.access.accounts import AccountUse
from tiphys.services.access.beginning import Beginning
from tiphys.services.access.book import AccountBook
from tiphys.services.access.enforcer import Enforcer
from tiphys.services.access.ledger import SharedLedger
from tiphys.services.access.logins import Logins, Pace
from tiphys.services.access.ports import TokenVerifier
from tiphys.services.access.sessions import OwnSessions
from tiphys.services.live.watcher import KindWatcher
from tiphys.services.projects.surroundings import PROJECTS
from tiphys.services.reconcile.named import NamedObjects

NAMESPACE = "argocd"
KEY = "c2VjcmV0LWtleS1vZi10aGUtdGVzdHMtd2l0aC0zMi1ieXRlcw=="
BEGIN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def encoded(**data: str) -> dict[str, str]:
    return {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}


def named(kind: str, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/part-of": "argocd"},
        },
        "data": data,
    }


def project(
    name: str, *roles: Mapping[str, Any], tokens: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`tokens` are the lists of tokens by role."""
    by_role = {role: {"items": items} for role, items in (tokens or {}).items()}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"roles": list(roles)},
        "status": {"jwtTokensByRole": by_role},
    }


class FakePasswords:
    """Hashes that are none; it counts how often it was asked."""

    def __init__(self) -> None:
        self.checked: list[str] = []

    async def check(self, password: str, stored: str) -> bool:
        self.checked.append(stored)
        await asyncio.sleep(0)
        return stored == f"hash of {password}"

    async def hash(self, password: str) -> str:
        return f"hash of {password}"


@dataclass
class Clock:
    """`slept` is what was waited for."""

    now: datetime = BEGIN
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Replica:
    """One API server. What it knows of the cluster comes by watches."""

    def __init__(self, world: World, *, disabled: bool, verifier: TokenVerifier | None) -> None:
        cluster, clock = world.cluster, world.clock
        self.config_maps = NamedObjects()
        self.secrets = NamedObjects()
        self.projects = NamedObjects()
        self.book = AccountBook(
            cluster, cluster, self.config_maps, self.secrets, namespace=NAMESPACE
        )
        self.enforcer = Enforcer(self.config_maps, self.projects)
        self.ledger = SharedLedger(
            cluster, cluster, self.secrets, namespace=NAMESPACE, now=clock, limits=world.limits
        )
        self.sessions = OwnSessions(
            self.book,
            self.ledger,
            self.projects,
            Signer(),
            now=clock,
            new_id=world.new_id,
            disabled=disabled,
            verifier=verifier,
        )
        self.passwords = FakePasswords()
        pace = Pace(clock.seconds, lambda: world.spread, clock.sleep, at_once=world.at_once)
        self.counted: list[bool] = []
        self.logins = Logins(
            self.book,
            self.sessions,
            self.ledger,
            self.passwords,
            now=clock,
            pace=pace,
            counted=self.counted.append,
        )
        self.accounts = AccountUse(
            self.book,
            self.sessions,
            self.logins,
            self.enforcer,
            self.passwords,
            namespace=NAMESPACE,
            now=clock,
            new_id=world.new_id,
        )
        self.beginning = Beginning(
            cluster, cluster, self.book, self.passwords, namespace=NAMESPACE, now=clock
        )


@dataclass
class World:
    cluster: FakeCluster = field(default_factory=lambda: FakeCluster([*BUILT_IN, PROJECTS]))
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)
    at_once: int = 50
    spread: float = 0.0
    ids: int = 0

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def put(self, manifest: Mapping[str, Any]) -> None:
        """As somebody else would."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        group = "argoproj.io" if kind == "AppProject" else ""
        key = ResourceKey(group, kind, NAMESPACE, name)
        if key in self.cluster.objects:
            self.cluster.change(manifest)
        else:
            self.cluster.seed(manifest)

    def general(self, **data: str) -> None:
        self.put(named("ConfigMap", "argocd-cm", data))

    def policies(self, csv: str = "", **data: str) -> None:
        more = {key.replace("_", "."): text for key, text in data.items()}
        self.put(named("ConfigMap", "argocd-rbac-cm", {"policy.csv": csv, **more}))

    def secret(self, **data: str) -> None:
        """argocd-secret; in names an underscore stands for a point."""
        found = {key.replace("_", "."): text for key, text in data.items()}
        self.put(named("Secret", "argocd-secret", encoded(**{"server.secretkey": KEY, **found})))

    def stored(self, name: str) -> dict[str, str]:
        """The data of a Secret."""
        found = self.cluster.objects[ResourceKey("", "Secret", NAMESPACE, name)]
        return {key: base64.b64decode(text).decode() for key, text in found.get("data", {}).items()}

    @asynccontextmanager
    async def replica(
        self, *, disabled: bool = False, verifier: TokenVerifier | None = None
    ) -> AsyncIterator[Replica]:
        found = Replica(self, disabled=disabled, verifier=verifier)
        watches = [
            asyncio.create_task(
                KindWatcher(self.cluster, resource, sink, namespace=NAMESPACE).run()
            )
            for resource, sink in (
                (CONFIG_MAPS, found.config_maps),
                (SECRETS, found.secrets),
                (PROJECTS, found.projects),
            )
        ]
        try:
            await settled()
            yield found
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)


async def settled() -> None:
    """Until watches have told what happened."""
    for _ in range(50):
        await asyncio.sleep(0)


def make_world() -> World:
    """With an admin whose password is `password`."""
    world = World()
    world.general(**{"accounts.alice": "login, apiKey", "accounts.robot": "apiKey"})
    world.secret(
        admin_password="hash of password",
        accounts_alice_password="hash of alice's",
        accounts_robot_password="hash of robot's",
    )
    world.policies()
    return world
