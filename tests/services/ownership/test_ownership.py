"""One controller at a time: whom it waits for, works not beside, and gives way to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.kube import FakeCluster
from tiphys.model.errors import ForbiddenError, KubeError
from tiphys.model.resource import ResourceKey
from tiphys.services.ownership.ownership import LEASES, WORKLOADS, OwnedElsewhereError, Ownership

KINDS = (LEASES, *WORKLOADS)
LEASE = ResourceKey("coordination.k8s.io", "Lease", "argocd", "tiphys-application-controller")


class Here:
    """A clock that moves while somebody waits; `running` are the processes of this host."""

    def __init__(self) -> None:
        self.cluster = FakeCluster(KINDS)
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.running: set[int] = set()
        self.meanwhile: Callable[[], None] = lambda: None

    def ownership(self, identity: str = "here_1") -> Ownership:
        return Ownership(
            self.cluster,
            self.cluster,
            "argocd",
            identity=identity,
            is_running=self.running.__contains__,
            now=lambda: self.now,
            wait=self._wait,
        )

    async def _wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.meanwhile()

    @property
    def holder(self) -> str:
        return str(self.cluster.objects[LEASE]["spec"]["holderIdentity"])

    def renew(self, holder: str) -> None:
        lease = self.cluster.objects[LEASE]
        time = self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {**lease["spec"], "holderIdentity": holder, "renewTime": time}
        self.cluster.change({**lease, "spec": spec})

    def app(self, ago: float) -> dict[str, Any]:
        time = (self.now - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = [{"manager": "argocd-application-controller", "time": time}]
        return {"metadata": {"name": "web", "namespace": "argocd", "managedFields": fields}}


async def test_the_first_one_claims_and_the_next_takes_up_after_it_ended() -> None:
    here = Here()
    first = here.ownership()
    await first.begin([], take_over=False)
    assert here.holder == "here_1"
    await first.end()
    assert here.holder == ""
    await here.ownership("there_9").begin([here.app(5)], take_over=False)
    assert here.holder == "there_9"


async def test_one_that_was_killed_on_this_host_is_not_waited_for() -> None:
    here = Here()
    await here.ownership("here_1").begin([], take_over=False)
    began = here.now
    await here.ownership("here_2").begin([], take_over=False)
    assert (here.holder, here.now) == ("here_2", began)


async def test_one_that_fell_silent_elsewhere_is_waited_for() -> None:
    here = Here()
    await here.ownership("there_1").begin([], take_over=False)
    began = here.now
    await here.ownership("here_1").begin([], take_over=False)
    assert here.holder == "here_1"
    assert timedelta(seconds=29) < here.now - began < timedelta(seconds=32)


async def test_one_that_is_alive_is_named_and_not_worked_beside() -> None:
    here = Here()
    await here.ownership("there_1").begin([], take_over=False)
    here.meanwhile = lambda: here.renew("there_1")
    with pytest.raises(OwnedElsewhereError, match=r"Tiphys runs as there_1.*--take-over"):
        await here.ownership("here_1").begin([], take_over=False)
    assert here.holder == "there_1"


async def test_strange_writes_and_workloads_are_all_said() -> None:
    here = Here()
    here.cluster.seed(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {
                "name": "argocd-application-controller",
                "namespace": "argocd",
                "labels": {"app.kubernetes.io/name": "argocd-application-controller"},
            },
            "status": {"readyReplicas": 1},
        }
    )
    with pytest.raises(OwnedElsewhereError) as raised:
        await here.ownership().begin([here.app(10)], take_over=False)
    assert "wrote the status of argocd/web" in str(raised.value)
    assert "StatefulSet argocd-application-controller runs" in str(raised.value)
    assert LEASE not in here.cluster.objects


async def test_told_to_it_goes_on_and_says_beside_whom() -> None:
    here = Here()
    await here.ownership("there_1").begin([], take_over=False)
    with capture_logs() as logs:
        await here.ownership("here_1").begin([], take_over=True)
    assert here.holder == "here_1"
    assert [entry["found"] for entry in logs] == ["Tiphys runs as there_1"]


async def test_whom_somebody_took_over_from_gives_way() -> None:
    here = Here()
    first = here.ownership("there_1")
    await first.begin([], take_over=False)
    rounds = []

    def meanwhile() -> None:
        rounds.append(here.holder)
        if len(rounds) == 3:
            here.renew("here_1")

    here.meanwhile = meanwhile
    with pytest.raises(OwnedElsewhereError, match="here_1 took over"):
        await first.keep()
    await first.end()
    assert here.holder == "here_1"


async def test_an_api_server_that_is_away_is_no_reason_to_stop() -> None:
    here = Here()
    owner = here.ownership()
    await owner.begin([], take_over=False)
    failures = iter([KubeError("away"), KubeError("away")])
    here.cluster.fail = lambda _verb, _key: next(failures, None)
    rounds = []

    def meanwhile() -> None:
        rounds.append(1)
        if len(rounds) == 5:
            here.renew("other_1")

    here.meanwhile = meanwhile
    with pytest.raises(OwnedElsewhereError):
        await owner.keep()
    assert len(rounds) == 5


async def test_who_may_not_look_goes_on_and_says_so() -> None:
    here = Here()
    here.cluster.fail = lambda _verb, _key: ForbiddenError("no", status=403)
    with capture_logs() as logs:
        await here.ownership().begin([], take_over=False)
    assert logs[0]["log_level"] == "warning"


async def test_of_two_that_begin_at_one_moment_one_does() -> None:
    for there_was_one in (False, True):
        here = Here()
        if there_was_one:
            before = here.ownership("before_1")
            await before.begin([], take_over=False)
            await before.end()
        real = here.cluster.list

        async def slowly(*arguments: Any, **named: Any) -> Any:
            await asyncio.sleep(0.01)
            return await real(*arguments, **named)  # noqa: B023

        here.cluster.list = slowly  # type: ignore[method-assign]
        both = await asyncio.gather(
            *(here.ownership(f"{host}_1").begin([], take_over=False) for host in ("a", "b")),
            return_exceptions=True,
        )
        refused = [one for one in both if one is not None]
        assert [type(one) for one in refused] == [OwnedElsewhereError]
        assert here.holder in ("a_1", "b_1")


async def test_a_start_waits_for_an_api_server_that_is_in_trouble() -> None:
    here = Here()
    failures = iter([KubeError("busy", status=500)] * 3)
    here.cluster.fail = lambda _verb, _key: next(failures, None)
    await here.ownership().begin([], take_over=False)
    assert here.holder == "here_1"
