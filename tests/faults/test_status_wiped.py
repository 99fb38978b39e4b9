"""A careless writer replaces an Application without its status: nothing is forgotten by that."""

from __future__ import annotations

from typing import Any

from tests.e2e.kube import ApiError
from tests.e2e.manifests import config_map, job
from tests.e2e.stack import NAMESPACE
from tests.faults.rig import Rig


def wipe(rig: Rig, name: str) -> None:
    """As a client does that read the Application, dropped what it does not know, and put it."""
    while True:
        app = rig.stack.app(name)
        app.pop("status", None)
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications/{name}"
        try:
            rig.kube.call("PUT", path, app)
            return
        except ApiError as error:
            if error.status != 409:
                raise


def pre_running(rig: Rig, name: str) -> bool:
    resources: list[dict[str, Any]] = (rig.operation(name).get("syncResult") or {}).get(
        "resources"
    ) or []
    return any(one["name"] == "pre" and one["hookPhase"] == "Running" for one in resources)


def test_a_status_wiped_in_a_sync_is_written_again(rig: Rig) -> None:
    name = "wiped-running"
    repo = rig.stack.repo(f"{name}.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync", behaviour="slow"))
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    repo.write("app/post.yaml", job("post", hook="PostSync"))
    commit = repo.commit()
    mark = rig.stack.audit_offset()
    rig.application(name, repo, sync={})
    rig.stack.until("the hook runs", lambda: pre_running(rig, name))
    started = rig.operation(name)["startedAt"]
    wipe(rig, name)
    rig.stack.until("its state is back", lambda: rig.operation(name).get("startedAt") == started)
    wipe(rig, name)
    rig.until_history(name, commit)
    rig.stack.until_status(name, "Synced", "Healthy")
    state = rig.operation(name)
    assert (state["phase"], state["startedAt"]) == ("Succeeded", started)
    created = rig.audited(name, mark, "create")
    assert created == {"jobs/pre": 1, "jobs/post": 1, "configmaps/settings": 1}
    rig.remove(name)


def test_a_status_wiped_at_rest_is_written_again(rig: Rig) -> None:
    name = "wiped-resting"
    repo = rig.stack.repo(f"{name}.git")
    repo.write("app/pre.yaml", job("pre", hook="PreSync"))
    repo.write("app/settings.yaml", config_map("settings", a="1"))
    commit = repo.commit()
    rig.application(name, repo, policy={"automated": {"selfHeal": True}})
    rig.until_history(name, commit)
    rig.stack.until_status(name, "Synced", "Healthy")
    rig.until_quiet(rig.arm(name))
    before, mark = rig.ended(name), rig.stack.audit_offset()
    trap = rig.arm(name)
    wipe(rig, name)
    rig.stack.until("it is written again", lambda: rig.status(name).get("history"))
    rig.until_quiet(trap)
    assert rig.ended(name) == before
    assert rig.audited(name, mark, "create") == {}
    assert {call.path.rsplit("/", 1)[-1] for call in trap.writes} == {name}
    rig.remove(name)
