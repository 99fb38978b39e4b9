"""What the API server makes of our definitions: accepted, pruned, refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.conftest import NAMESPACE, Cluster
from tiphys.model.application import Application
from tiphys.model.errors import InvalidObjectError
from tiphys.model.live import Propagation
from tiphys.model.resource import GroupVersionKind
from tiphys.services.applications.service import APPLICATIONS, PROJECTS

SOURCE = {"repoURL": "https://git.example.com/a.git", "path": "web"}
SPEC: dict[str, Any] = {
    "project": "default",
    "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
    "source": SOURCE,
}
STATUS: dict[str, Any] = {
    "resources": [
        {"version": "v1", "kind": "Service", "name": "ui", "status": "Synced", "syncWave": 3}
    ],
    "sync": {"status": "Synced", "comparedTo": {"source": SOURCE, "destination": {}}},
    "health": {"status": "Healthy", "lastTransitionTime": "2026-11-23T10:03:34Z"},
    "history": [{"revision": "c89a47e", "deployedAt": "2026-11-23T10:03:33Z", "id": 0}],
    "operationState": {
        "operation": {"sync": {"syncStrategy": {"hook": {}}}, "initiatedBy": {}, "retry": {}},
        "phase": "Running",
        "startedAt": "2026-11-23T10:03:33Z",
        "syncResult": {
            "revision": "c89a47e",
            "resources": [
                {"group": "", "version": "v1", "kind": "Secret", "namespace": "", "name": "s"}
            ],
        },
    },
    "summary": {"images": ["registry.example.com/a:v1"]},
    "sourceHydrator": {},
}


def app(name: str, spec: object = None, **parts: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": SPEC if spec is None else spec,
        **parts,
    }


async def store(cluster: Cluster, manifest: dict[str, Any]) -> dict[str, Any]:
    """Stored and read back, then removed; unknown fields are let through to see what is kept."""
    stored = dict(await cluster.client.create(APPLICATIONS, manifest, validation="Ignore"))
    meta = stored["metadata"]
    await cluster.client.delete(
        APPLICATIONS,
        NAMESPACE,
        meta["name"],
        uid=meta["uid"],
        propagation=Propagation.BACKGROUND,
    )
    return stored


async def test_a_whole_application_is_kept(cluster: Cluster) -> None:
    operation = {"sync": {"revision": "main", "prune": True}, "retry": {"limit": 5}}
    stored = await store(cluster, app("whole", status=STATUS, operation=operation))
    assert (stored["spec"], stored["status"], stored["operation"]) == (SPEC, STATUS, operation)


async def test_helm_values_keep_whatever_they_hold(cluster: Cluster) -> None:
    helm = {"valuesObject": {"a": {"b": [1, "2", None, {"c": 1.5}]}, "": "x"}}
    stored = await store(cluster, app("values", {**SPEC, "source": {**SOURCE, "helm": helm}}))
    assert stored["spec"]["source"]["helm"] == helm


async def test_unknown_fields_are_pruned(cluster: Cluster) -> None:
    spec = {**SPEC, "madeUp": 1, "source": {**SOURCE, "helm": {"releaseName": "r", "madeUp": 1}}}
    stored = await store(cluster, app("pruned", spec, madeUp=1))
    assert "madeUp" not in stored
    assert stored["spec"] == {**SPEC, "source": {**SOURCE, "helm": {"releaseName": "r"}}}


async def test_nothing_is_defaulted(cluster: Cluster) -> None:
    spec = {**SPEC, "syncPolicy": {"automated": {}, "retry": {}}, "source": {**SOURCE, "helm": {}}}
    assert (await store(cluster, app("defaults", spec)))["spec"] == spec


async def test_null_is_as_good_as_absent(cluster: Cluster) -> None:
    stored = await store(cluster, app("nulls", {**SPEC, "syncPolicy": None}, operation=None))
    assert stored["spec"] == SPEC
    assert "operation" not in stored


async def test_counts_may_be_numbers_or_texts(cluster: Cluster) -> None:
    replicas = [{"name": "a", "count": 2}, {"name": "b", "count": "3"}]
    source = {**SOURCE, "kustomize": {"replicas": replicas}}
    stored = await store(cluster, app("counts", {**SPEC, "source": source}))
    assert stored["spec"]["source"]["kustomize"]["replicas"] == replicas


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        (app("bad", {key: SPEC[key] for key in ("project", "source")}), "spec.destination"),
        (app("bad", {key: SPEC[key] for key in ("destination", "source")}), "spec.project"),
        (app("bad", {**SPEC, "source": {"path": "web"}}), "spec.source.repoURL"),
        (app("bad", {**SPEC, "project": 3}), "spec.project"),
        (app("bad", {**SPEC, "revisionHistoryLimit": "ten"}), "spec.revisionHistoryLimit"),
        (
            app("bad", {**SPEC, "syncPolicy": {"automated": {"prune": "yes"}}}),
            "spec.syncPolicy.automated.prune",
        ),
        (
            app("bad", status={"reconciledAt": "yesterday"}),
            "status.reconciledAt",
        ),
        (
            app(
                "bad",
                status={"sourceHydrator": {"currentOperation": {"message": "", "phase": "Wet"}}},
            ),
            "status.sourceHydrator.currentOperation.phase",
        ),
    ],
)
async def test_what_is_wrong_is_refused(
    cluster: Cluster, manifest: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidObjectError) as caught:
        await cluster.client.create(APPLICATIONS, manifest, validation="Ignore")
    assert field in str(caught.value)


async def test_a_status_that_the_contract_writes_is_read_back(cluster: Cluster) -> None:
    stored = Application(await store(cluster, app("typed", status=STATUS)))
    assert stored.status.operation_state is not None
    assert stored.status.resources[0].sync_wave == 3


async def test_a_projects_description_has_an_end(cluster: Cluster) -> None:
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "long", "namespace": NAMESPACE},
        "spec": {"description": "x" * 256},
    }
    with pytest.raises(InvalidObjectError) as caught:
        await cluster.client.create(PROJECTS, project)
    assert "spec.description" in str(caught.value)


async def test_applications_have_the_contracts_names_and_columns(cluster: Cluster) -> None:
    kind = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    resource = cluster.discovery.find(kind)
    assert resource is not None
    definition = await cluster.client.get(resource, "", "applications.argoproj.io")
    assert definition["spec"]["names"]["shortNames"] == ["app", "apps"]
    columns = definition["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns] == [
        "Sync Status",
        "Health Status",
        "Revision",
        "Project",
    ]
