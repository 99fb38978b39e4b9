"""Watches that break, end or expire: nothing is lost by it, and nothing is pruned by it."""

from __future__ import annotations

import pytest

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.faults.proxy import Call, Expired, Refusal
from tests.faults.rig import Rig

AUTOMATED = {"automated": {"prune": True, "selfHeal": True}}
CONFIG_MAPS = "/api/v1/configmaps"


def watches(call: Call) -> bool:
    return call.watch and call.path == CONFIG_MAPS


def lists(call: Call) -> bool:
    return call.method == "GET" and not call.watch and call.path == CONFIG_MAPS


def deploy(rig: Rig, name: str) -> Repo:
    repo = rig.stack.repo(f"{name}.git")
    repo.write("app/one.yaml", config_map("one", a="1"))
    repo.write("app/two.yaml", config_map("two", a="1"))
    repo.commit()
    rig.application(name, repo, policy=AUTOMATED)
    rig.stack.until_status(name, "Synced", "Healthy")
    return repo


def drift(rig: Rig, name: str) -> None:
    rig.kube.merge("ConfigMap", name, "one", {"data": {"a": "by hand"}})
    rig.kube.delete("ConfigMap", name, "two")


def until_healed(rig: Rig, name: str) -> None:
    def healed() -> bool:
        one, two = (rig.kube.get("ConfigMap", name, which) for which in ("one", "two"))
        return bool(one and two and one["data"] == two["data"] == {"a": "1"})

    rig.stack.until("both are as in Git", healed, 60)
    rig.stack.until_status(name, "Synced", "Healthy")


def test_what_happens_while_all_watches_are_broken_is_seen(rig: Rig) -> None:
    name = "watches-broken"
    repo = deploy(rig, name)
    mark = rig.stack.audit_offset()
    with rig.proxy.rule(lambda call: call.watch, Refusal(500, "InternalError")) as broken:
        assert rig.proxy.drop_streams() > 40
        drift(rig, name)
        rig.stack.until("watches are refused", lambda: len(broken.hits) > 40)
    until_healed(rig, name)
    repo.remove("app/two.yaml")
    repo.commit()
    rig.stack.until("two is pruned", lambda: rig.kube.get("ConfigMap", name, "two") is None)
    rig.stack.until_status(name, "Synced", "Healthy")
    assert rig.deleted(name, mark) == {"configmaps/two"}
    rig.remove(name)


def test_a_watch_that_has_expired_is_begun_from_a_new_list(rig: Rig) -> None:
    name = "watches-expired"
    deploy(rig, name)
    mark = rig.stack.audit_offset()
    with rig.proxy.rule(watches, Refusal(500, "InternalError")):
        rig.proxy.drop_streams()
        drift(rig, name)
    with rig.proxy.rule(watches, Expired(), times=1) as expired:
        rig.proxy.drop_streams()
        rig.stack.until("the watch expired", lambda: expired.hits)
        since = rig.proxy.seen.index(expired.hits[0])
        rig.stack.until("the kind is listed", lambda: any(map(lists, rig.proxy.seen[since:])))
        until_healed(rig, name)
    assert rig.deleted(name, mark) == set()
    rig.remove(name)


@pytest.mark.parametrize(("status", "reason"), [(500, "InternalError"), (403, "Forbidden")])
def test_nothing_of_a_kind_is_pruned_whose_list_is_refused(
    rig: Rig, status: int, reason: str
) -> None:
    name = f"list-refused-{status}"
    repo = deploy(rig, name)
    mark = rig.stack.audit_offset()
    with (
        rig.proxy.rule(lists, Refusal(status, reason)) as refused,
        rig.proxy.rule(watches, Expired(), times=1),
    ):
        rig.proxy.drop_streams()
        rig.stack.until("the list is refused", lambda: refused.hits)
        repo.remove("app/two.yaml")
        repo.commit()
        rig.until_condition(name, "ComparisonError", "the list of /ConfigMap is not complete")
        rig.stack.until("it asked again", lambda: status == 403 or len(refused.hits) > 5)
        assert rig.stack.status(name)[0] == "Unknown"
        assert rig.kube.get("ConfigMap", name, "two") is not None
        assert rig.deleted(name, mark) == set()
    if status == 403:
        rig.restart()  # rights are asked for again once a minute only
    rig.stack.until("two is pruned", lambda: rig.kube.get("ConfigMap", name, "two") is None, 60)
    rig.stack.until_status(name, "Synced", "Healthy")
    assert rig.deleted(name, mark) == {"configmaps/two"}
    rig.remove(name)


def test_a_cold_start_without_a_list_prunes_nothing(rig: Rig) -> None:
    name = "list-cold"
    repo = deploy(rig, name)
    repo.remove("app/two.yaml")
    rig.stack.kill_tiphys()
    repo.commit()
    mark = rig.stack.audit_offset()
    with rig.proxy.rule(lists, Refusal(500, "InternalError")) as refused:
        rig.start()
        rig.until_condition(name, "ComparisonError", "the list of /ConfigMap is not complete")
        assert refused.hits
        assert rig.deleted(name, mark) == set()
    rig.stack.until("two is pruned", lambda: rig.kube.get("ConfigMap", name, "two") is None, 60)
    rig.stack.until_status(name, "Synced", "Healthy")
    assert rig.deleted(name, mark) == {"configmaps/two"}
    rig.remove(name)
