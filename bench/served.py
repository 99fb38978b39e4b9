"""The server of scenario S7: the API's own edge, handlers, policies and lists, over Applications
that are put into the catalogue as the watch would. Only the control plane and logins are left out.

It listens on a free port, says so on standard output, and changes applications as it is told on
standard input: `change <each second> <seconds>`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tiphys.api.edge import ApiServer
from tiphys.api.handlers.application import ApplicationHandlers
from tiphys.api.handlers.applications import ListHandlers
from tiphys.api.options import ApiOptions
from tiphys.core.settings import Settings
from tiphys.core.settings.clusters import ClusterTable
from tiphys.model.access import Caller
from tiphys.model.live import ObjectList, WatchEvent, WatchState, WatchVerb
from tiphys.model.resource import Manifest
from tiphys.services.access.enforcer import Enforcer
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.calls import ApplicationCalls
from tiphys.services.applications.catalogue import ApplicationCatalogue
from tiphys.services.applications.following import Following
from tiphys.services.applications.roster import Roster
from tiphys.services.applications.store import APPLICATIONS
from tiphys.services.projects.rules import ProjectRules
from tiphys.services.reconcile.named import NamedObjects, Projects

NAMESPACE = "argocd"
STAMP = "bench.tiphys.dev/stamp"
_SAMPLE = Path(__file__).parent.parent / "tests" / "api" / "data" / "guestbook.json"
_POLICY = "p, role:team, applications, *, team-*/*, allow\ng, alice, role:team\n"
_HEALTH = ("Healthy",) * 8 + ("Degraded", "Progressing")
_SYNC = ("Synced",) * 4 + ("OutOfSync",)
_SERVED = Any


class Applications:
    """The stored objects; versions go on as the API server's do."""

    def __init__(self, count: int) -> None:
        sample = json.loads(_SAMPLE.read_text())
        self._version = 1000
        self.all = [self._made(sample, number) for number in range(count)]

    def changed(self, number: int) -> Manifest:
        manifest = self.all[number]
        metadata = {**manifest["metadata"], "resourceVersion": self._next()}
        metadata["annotations"] = {STAMP: f"{time.time():.6f}"}
        self.all[number] = {**manifest, "metadata": metadata}
        return self.all[number]

    def _made(self, sample: Manifest, number: int) -> Manifest:
        metadata = {
            **sample["metadata"],
            "name": f"app-{number:05}",
            "uid": f"uid-{number}",
            "resourceVersion": self._next(),
            "labels": {"team": f"t{number % 20}"},
        }
        spec = {**sample["spec"], "project": f"team-{number % 20}"}
        status = {
            **sample["status"],
            "health": {"status": _HEALTH[number % len(_HEALTH)]},
            "sync": {**sample["status"]["sync"], "status": _SYNC[number % len(_SYNC)]},
        }
        # The controller of the sample kept health elsewhere, where this server has no tree of it.
        status["resourceHealthSource"] = "inline"
        return {**sample, "metadata": metadata, "spec": spec, "status": status}

    def _next(self) -> str:
        self._version += 1
        return str(self._version)


class Anyone:
    """Sessions: every token is alice's."""

    async def caller(self, token: str) -> tuple[Caller, str]:  # noqa: ARG002
        return Caller(claims={"iss": "argocd", "sub": "alice:login", "iat": 1}), ""


class Nowhere:
    """LiveView of nothing; Audit, reader and use cases that nobody asks here."""

    async def tree(self, namespace: str, name: str) -> Mapping[str, Any] | None:  # noqa: ARG002
        return None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the bench does not go as far as {name}")


def _named(*manifests: Manifest) -> NamedObjects:
    found = NamedObjects()
    found.replaced(APPLICATIONS, ObjectList(manifests, "1"))
    return found


def _projects() -> Sequence[Manifest]:
    spec = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    return [
        {"metadata": {"name": f"team-{number}", "namespace": NAMESPACE}, "spec": spec}
        for number in range(20)
    ]


def served(catalogue: ApplicationCatalogue) -> ApiServer:
    nowhere: _SERVED = Nowhere()
    projects = _named(*_projects())
    policies = _named({"metadata": {"name": "argocd-rbac-cm"}, "data": {"policy.csv": _POLICY}})
    enforcer = Enforcer(policies, projects)
    enforcer.load()
    rules = ProjectRules(
        Projects(projects).find, ClusterTable.of([]).resolve, Settings, control_plane=NAMESPACE
    )
    access = AppAccess(enforcer, catalogue, nowhere, rules, Settings)
    calls = ApplicationCalls(nowhere, access, catalogue, nowhere, nowhere)
    roster = Roster(catalogue, access, enforcer)
    following = Following(catalogue, roster, calls.judged, access.enabled)
    handlers = {
        **ApplicationHandlers(calls).methods(),
        **ListHandlers(roster, following, home=NAMESPACE).methods(),
    }
    return ApiServer(handlers, Anyone(), ApiOptions(insecure=True))


async def _serve(count: int) -> None:
    catalogue, stored = ApplicationCatalogue(), Applications(count)
    server = served(catalogue)
    catalogue.replaced(APPLICATIONS, ObjectList(tuple(stored.all), "1000"))
    catalogue.fares(APPLICATIONS, WatchState.CURRENT)
    server.start("127.0.0.1", 0)
    print(f"port {server.port}", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        _, rate, seconds = line.split()
        await _change(catalogue, stored, int(rate), float(seconds))
        print("done", flush=True)
    await server.close()


async def _change(
    catalogue: ApplicationCatalogue, stored: Applications, rate: int, seconds: float
) -> None:
    """Evenly spread, as controllers write."""
    begun = time.monotonic()
    for count in range(int(rate * seconds)):
        await asyncio.sleep(max(begun + count / rate - time.monotonic(), 0))
        manifest = stored.changed(count * 7 % len(stored.all))
        catalogue.changed(APPLICATIONS, WatchEvent(WatchVerb.MODIFIED, manifest))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
