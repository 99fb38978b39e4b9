"""Health by the administrator's Lua, from argocd-cm to the application's status, changed live."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.manifests import config_map
from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack

GAUGES = "resource.customizations.health.health.example.com_Gauge"
DEFINITION = textwrap.dedent(
    """\
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: gauges.health.example.com}
    spec:
      group: health.example.com
      scope: Namespaced
      names: {plural: gauges, singular: gauge, kind: Gauge}
      versions:
        - name: v1
          served: true
          storage: true
          schema:
            openAPIV3Schema:
              type: object
              properties:
                spec:
                  type: object
                  properties: {state: {type: string}}
    """
)
BY_STATE = """
if obj.spec.state == nil then return nil end
return {status = obj.spec.state, message = "it is " .. obj.spec.state}
"""


def gauge(name: str, state: str = "", **annotations: str) -> str:
    named = {f"argocd.argoproj.io/{key.replace('_', '-')}": v for key, v in annotations.items()}
    return yaml.safe_dump(
        {
            "apiVersion": "health.example.com/v1",
            "kind": "Gauge",
            "metadata": {"name": name, "annotations": named},
            "spec": {"state": state} if state else {},
        }
    )


def configure(stack: Stack, **data: str | None) -> None:
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-cm", {"data": data})


@pytest.fixture(autouse=True, scope="module")
def kind(stack: Stack) -> Iterator[None]:
    stack.kube.create(yaml.safe_load(DEFINITION))
    configure(stack, **{GAUGES: BY_STATE})
    yield
    configure(stack, **{GAUGES: None})
    stack.kube.delete("CustomResourceDefinition", "", "gauges.health.example.com")


def applied(stack: Stack, name: str, **files: str) -> Repo:
    repo = stack.repo(f"{name}.git")
    for path, text in files.items():
        repo.write(f"app/{path}.yaml", text)
    repo.commit()
    stack.apply(name, repo, "app", syncPolicy={"automated": {}, "retry": {"limit": 0}})
    return repo


def message(stack: Stack, name: str) -> str:
    found: str = stack.app(name)["status"]["health"].get("message", "")
    return found


def test_a_script_judges_and_may_be_changed_while_all_runs(stack: Stack) -> None:
    repo = applied(stack, "lua-live", gauge=gauge("one", "Healthy"), cm=config_map("c", a="1"))
    stack.until_status("lua-live", "Synced", "Healthy")
    repo.write("app/gauge.yaml", gauge("one", "Degraded"))
    repo.commit()
    stack.until_status("lua-live", "Synced", "Degraded")
    assert message(stack, "lua-live") == "Caused by health.example.com/Gauge:lua-live/one"
    rows = stack.ok("app", "get", "lua-live").splitlines()
    (row,) = [line.split() for line in rows if line.startswith("health.example.com")]
    assert row[:6] == ["health.example.com", "Gauge", "lua-live", "one", "Synced", "Degraded"]
    # Another script, and none: nobody has to refresh anything.
    configure(stack, **{GAUGES: 'return {status = "Suspended"}'})
    stack.until_status("lua-live", "Synced", "Suspended", seconds=20)
    configure(stack, **{GAUGES: None})
    stack.until_status("lua-live", "Synced", "Healthy", seconds=20)
    configure(stack, **{GAUGES: BY_STATE})
    stack.until_status("lua-live", "Synced", "Degraded", seconds=20)


def test_a_script_may_say_nothing_and_say_nonsense(stack: Stack) -> None:
    repo = applied(stack, "lua-odd", gauge=gauge("one"))
    stack.until_done("lua-odd")
    stack.until_status("lua-odd", "Synced", "Healthy")
    repo.write("app/gauge.yaml", gauge("one", "Splendid"))
    repo.commit()
    stack.until_status("lua-odd", "Synced", "Unknown")


def test_an_endless_script_harms_only_its_kind(stack: Stack) -> None:
    applied(stack, "lua-endless", gauge=gauge("one", "Healthy"))
    stack.until_status("lua-endless", "Synced", "Healthy")
    configure(stack, **{GAUGES: "while true do end"})
    stack.until_status("lua-endless", "Synced", "Unknown", seconds=30)
    applied(stack, "lua-beside", cm=config_map("settings", a="1"))
    stack.until_status("lua-beside", "Synced", "Healthy", seconds=20)
    configure(stack, **{GAUGES: BY_STATE})
    stack.until_status("lua-endless", "Synced", "Healthy", seconds=30)


def test_wildcards_and_libraries(stack: Stack) -> None:
    legacy = {
        "*.example.com/*": {
            "health.lua": 'return {status = string.gsub("Degrated", "t", "d", 1)}',
            "health.lua.useOpenLibs": True,
        }
    }
    wide = "return {status = (string.gsub('Degrated', 't', 'd', 1))}"
    legacy["*.example.com/*"]["health.lua"] = wide
    configure(stack, **{"resource.customizations": yaml.safe_dump(legacy)})
    try:
        applied(stack, "lua-wide", gauge=gauge("one", "Healthy"))
        # The exact script of the kind goes before the wildcard.
        stack.until_status("lua-wide", "Synced", "Healthy")
        configure(stack, **{GAUGES: None})
        stack.until_status("lua-wide", "Synced", "Degraded", seconds=20)
    finally:
        configure(stack, **{"resource.customizations": None, GAUGES: BY_STATE})
    stack.until_status("lua-wide", "Synced", "Healthy", seconds=20)


def test_a_bad_value_is_said_and_the_last_good_script_stays(stack: Stack) -> None:
    applied(stack, "lua-kept", gauge=gauge("one", "Degraded"))
    stack.until_status("lua-kept", "Synced", "Degraded")
    configure(stack, **{"resource.compareoptions": "ignoreResourceStatusField: some"})
    try:
        stack.until("it is said", lambda: "ignoreResourceStatusField" in stack.log_tail(200))
        assert stack.status("lua-kept") == ("Synced", "Degraded")
    finally:
        configure(stack, **{"resource.compareoptions": None})


@pytest.mark.parametrize(("state", "phase"), [("Healthy", "Succeeded"), ("Degraded", "Failed")])
def test_a_hook_of_the_kind_ends_by_its_script(stack: Stack, state: str, phase: str) -> None:
    name = f"lua-hook-{state.lower()}"
    hook = gauge("before", "Progressing", hook="PreSync")
    applied(stack, name, hook=hook, cm=config_map("settings", a="1"))

    def waits() -> bool:
        return "waiting for completion of hook health.example.com/Gauge/before" in (
            stack.operation(name).get("message") or ""
        )

    stack.until("the hook is waited for", waits)
    assert stack.kube.get("ConfigMap", name, "settings") is None
    stack.kube.merge("Gauge", name, "before", {"spec": {"state": state}})
    stack.until_done(name, phase=phase)
    assert stack.results(name)["before"]["message"] == f"it is {state}"
    assert (stack.kube.get("ConfigMap", name, "settings") is not None) is (phase == "Succeeded")


def test_a_wave_waits_for_the_script(stack: Stack) -> None:
    applied(
        stack,
        "lua-wave",
        first=gauge("first", "Progressing", sync_wave="0"),
        later=config_map("later", {"argocd.argoproj.io/sync-wave": "1"}, a="1"),
    )
    stack.until(
        "the wave is waited for",
        lambda: "healthy state of" in (stack.operation("lua-wave").get("message") or ""),
    )
    assert stack.kube.get("ConfigMap", "lua-wave", "later") is None
    stack.kube.merge("Gauge", "lua-wave", "first", {"spec": {"state": "Healthy"}})
    stack.until_done("lua-wave")
    assert stack.kube.get("ConfigMap", "lua-wave", "later") is not None


def test_child_applications_count_only_by_a_script(stack: Stack) -> None:
    children = stack.repo("lua-child.git")
    children.write("app/gauge.yaml", gauge("one", "Degraded"))
    children.commit()
    child = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "lua-child", "namespace": NAMESPACE},
        "spec": {
            "project": "default",
            "source": {"repoURL": children.url, "path": "app"},
            "destination": {"name": "in-cluster", "namespace": "lua-child"},
            "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
        },
    }
    applied(stack, "lua-parent", child=yaml.safe_dump(child))
    stack.until_status("lua-child", "Synced", "Degraded")
    assert stack.status("lua-parent") == ("Synced", "Healthy")
    key = "resource.customizations.health.argoproj.io_Application"
    script = """
    local hs = {status = "Progressing"}
    if obj.status ~= nil and obj.status.health ~= nil then hs.status = obj.status.health.status end
    return hs
    """
    configure(stack, **{key: script})
    try:
        stack.until_status("lua-parent", "Synced", "Degraded", seconds=20)
    finally:
        configure(stack, **{key: None})
    stack.until_status("lua-parent", "Synced", "Healthy", seconds=20)
