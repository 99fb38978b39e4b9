"""When an application is looked at again, and how little is rendered for it."""

from __future__ import annotations

import time

from tests.e2e.manifests import config_map, deployment
from tests.e2e.stack import NAMESPACE, Stack

REFRESH = "argocd.argoproj.io/refresh"
SKIP = "argocd.argoproj.io/skip-reconcile"


def annotate(stack: Stack, name: str, annotation: str, value: str | None) -> None:
    patch = {"metadata": {"annotations": {annotation: value}}}
    stack.kube.merge("Application", NAMESPACE, name, patch)


def answered(stack: Stack, name: str) -> bool:
    return REFRESH not in stack.app(name)["metadata"].get("annotations", {})


def test_the_annotation_asks_for_a_comparison_and_is_removed(stack: Stack) -> None:
    repo = stack.repo("refresh.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("refresh", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("refresh")
    stack.until_status("refresh", "Synced", "Healthy")
    before = stack.app("refresh")["status"]["reconciledAt"]
    time.sleep(1.1)
    renders = stack.renders()
    annotate(stack, "refresh", REFRESH, "normal")
    stack.until("it is answered", lambda: answered(stack, "refresh"))
    assert stack.app("refresh")["status"]["reconciledAt"] > before
    assert stack.renders() == renders
    # Only the word hard is hard.
    annotate(stack, "refresh", REFRESH, "harder")
    stack.until("it is answered", lambda: answered(stack, "refresh"))
    assert stack.renders() == renders
    annotate(stack, "refresh", REFRESH, "hard")
    stack.until("it is answered", lambda: answered(stack, "refresh"))
    assert stack.renders() == renders + 1


def test_a_comparison_that_finds_nothing_new_writes_only_when_it_was(stack: Stack) -> None:
    repo = stack.repo("quiet.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("quiet", repo, "app", syncPolicy={"automated": {}})
    stack.until_done("quiet")
    stack.until_status("quiet", "Synced", "Healthy")
    time.sleep(1)
    mark = stack.audit_offset()
    # An object that is none of its own changes.
    for number in range(5):
        stack.kube.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"foreign-{number}", "namespace": "quiet"},
            }
        )
    time.sleep(1.5)
    written = [event for event in stack.audit(since=mark) if _is_of(event, "quiet")]
    assert written == []


def _is_of(event: dict[str, object], name: str) -> bool:
    reference = event["objectRef"]
    assert isinstance(reference, dict)
    return name in (reference.get("name"), reference.get("namespace"))


def test_a_skipped_application_is_left_alone(stack: Stack) -> None:
    repo = stack.repo("skip.git")
    repo.write("app/cm.yaml", config_map("settings", a="1"))
    repo.commit()
    stack.apply("skip", repo, "app", syncPolicy={"automated": {"selfHeal": True}})
    stack.until_done("skip")
    stack.until_status("skip", "Synced", "Healthy")
    annotate(stack, "skip", SKIP, "true")
    time.sleep(0.5)
    before = stack.app("skip")["status"]
    repo.write("app/cm.yaml", config_map("settings", a="2"))
    commit = repo.commit()
    stack.kube.merge("ConfigMap", "skip", "settings", {"data": {"a": "9"}})
    # Longer than a poll of the repository takes.
    time.sleep(4)
    assert stack.app("skip")["status"] == before
    live = stack.kube.get("ConfigMap", "skip", "settings")
    assert live is not None
    assert live["data"] == {"a": "9"}

    annotate(stack, "skip", SKIP, None)
    stack.until_done("skip", commit)
    stack.until_status("skip", "Synced", "Healthy")
    live = stack.kube.get("ConfigMap", "skip", "settings")
    assert live is not None
    assert live["data"] == {"a": "2"}


def test_a_commit_renders_only_what_it_touches(stack: Stack) -> None:
    repo = stack.repo("many.git")
    names = ["many-one", "many-two", "many-three", "many-kustomize", "many-helm"]
    for name in names[:3]:
        repo.write(f"{name}/cm.yaml", config_map("settings", a="1"))
    repo.write("base/cm.yaml", config_map("settings", a="1"))
    repo.write("base/kustomization.yaml", "resources: [cm.yaml]\n")
    repo.write("many-kustomize/kustomization.yaml", "resources: [../base]\nnamePrefix: k-\n")
    repo.write("many-helm/Chart.yaml", "apiVersion: v2\nname: many\nversion: 0.1.0\n")
    repo.write("many-helm/values.yaml", "colour: blue\n")
    template = config_map("settings", a="COLOUR").replace("COLOUR", "{{ .Values.colour }}")
    repo.write("many-helm/templates/cm.yaml", template)
    repo.commit()
    for name in names:
        stack.apply(name, repo, name, syncPolicy={"automated": {}})
    for name in names:
        stack.until_done(name)
        stack.until_status(name, "Synced", "Healthy")

    def touches(path: str, text: str, app: str, renders: int) -> None:
        before = stack.renders()
        repo.write(path, text)
        commit = repo.commit()
        if app:
            stack.until_done(app, commit)
        # All of them name the new commit, though only one was rendered for it.
        for name in names:
            stack.until_compared(name, commit)
        assert stack.renders() - before == renders, path

    touches("many-two/cm.yaml", config_map("settings", a="2"), "many-two", 1)
    # A file of another folder that is read from here.
    touches("base/cm.yaml", config_map("settings", a="2"), "many-kustomize", 1)
    touches("many-helm/values.yaml", "colour: red\n", "many-helm", 1)
    touches("README.md", "Nobody reads this.\n", "", 0)
    live = stack.kube.get("ConfigMap", "many-helm", "settings")
    assert live is not None
    assert live["data"] == {"a": "red"}


def test_a_change_of_the_spec_is_compared_at_once(stack: Stack) -> None:
    repo = stack.repo("respec.git")
    repo.write("blue/cm.yaml", config_map("settings", colour="blue"))
    repo.write("red/cm.yaml", config_map("settings", colour="red"))
    repo.commit()
    stack.apply("respec", repo, "blue", syncPolicy={"automated": {}})
    stack.until_done("respec")
    stack.until_status("respec", "Synced", "Healthy")
    stack.kube.merge("Application", NAMESPACE, "respec", {"spec": {"source": {"path": "red"}}})

    def red() -> bool:
        live = stack.kube.get("ConfigMap", "respec", "settings")
        return live is not None and live["data"] == {"colour": "red"}

    stack.until("it is red", red)
    stack.until_status("respec", "Synced", "Healthy")
    compared = stack.app("respec")["status"]["sync"]["comparedTo"]
    assert compared["source"] == {"repoURL": repo.url, "path": "red"}
    # Another destination is compared at once as well. It is no new attempt for an automatic
    # sync, which tries a revision of a source once.
    patch = {"spec": {"destination": {"namespace": "respec-2"}}}
    stack.kube.merge("Application", NAMESPACE, "respec", patch)
    stack.until_status("respec", "OutOfSync", "Healthy")
    compared = stack.app("respec")["status"]["sync"]["comparedTo"]
    assert compared["destination"]["namespace"] == "respec-2"
    stack.ok("app", "sync", "respec", "--prune")
    assert stack.kube.get("ConfigMap", "respec-2", "settings") is not None
    assert stack.kube.get("ConfigMap", "respec", "settings") is None
    stack.until_status("respec", "Synced", "Healthy")


def test_branches_and_tags_are_followed(stack: Stack) -> None:
    repo = stack.repo("branches.git")
    repo.write("app/cm.yaml", config_map("settings", a="main"))
    first = repo.commit()
    repo.git("tag", "v1")
    repo.git("branch", "stable")
    repo.write("app/cm.yaml", config_map("settings", a="next"))
    repo.commit()
    sources = {"stable": "stable", "v1": "v1", "sha": first, "short": first[:8]}
    for name, target in sources.items():
        source = {"repoURL": repo.url, "path": "app", "targetRevision": target}
        stack.apply(f"at-{name}", repo, "app", source=source, syncPolicy={"automated": {}})
    for name in sources:
        stack.until_done(f"at-{name}")
        assert stack.app(f"at-{name}")["status"]["sync"]["revision"] == first
        live = stack.kube.get("ConfigMap", f"at-{name}", "settings")
        assert live is not None
        assert live["data"] == {"a": "main"}
    repo.git("branch", "--force", "stable", "main")
    newest = repo.git("rev-parse", "HEAD")
    stack.until_done("at-stable", newest)
    assert stack.app("at-v1")["status"]["sync"]["revision"] == first
    assert stack.app("at-sha")["status"]["sync"]["revision"] == first


def test_what_controllers_make_shows_in_the_tree_only(stack: Stack) -> None:
    repo = stack.repo("tree.git")
    repo.write("app/web.yaml", deployment("web"))
    repo.commit()
    stack.apply("tree", repo, "app", syncPolicy={"automated": {}})
    stack.until_status("tree", "Synced", "Healthy")
    assert set(stack.resources("tree")) == {"web"}
    assert stack.app("tree")["status"]["summary"]["images"] == ["registry.example.com/web:1"]
    shown = stack.ok("app", "get", "tree", "-o", "tree")
    assert "Deployment/web" in shown
    assert "ReplicaSet/web-" in shown
    assert "Pod/web-" in shown
