"""Installing: once, again, over a user's settings, and with the controller's own credentials."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.conftest import NAMESPACE, Cluster
from tiphys.adapters.kube import KubeClient, KubeDiscovery, Transport, load_kubeconfig
from tiphys.bootstrap.manifests import install_manifests
from tiphys.model.live import PatchKind
from tiphys.model.names import LABEL_PART_OF
from tiphys.model.resource import ApiResource, GroupVersionKind, gvk_of, key_of
from tiphys.services.applications.service import APPLICATIONS, PROJECTS
from tiphys.services.install import CONTROLLER_ACCOUNT, account_kubeconfig, into_namespace


def kind(cluster: Cluster, group: str, version: str, name: str) -> ApiResource:
    found = cluster.discovery.find(GroupVersionKind(group, version, name))
    assert found is not None
    return found


async def test_everything_is_there_with_its_label(cluster: Cluster) -> None:
    for manifest in install_manifests():
        wanted = into_namespace(manifest, NAMESPACE)
        key, gvk = key_of(wanted), gvk_of(wanted)
        live = await cluster.client.get(
            kind(cluster, gvk.group, gvk.version, gvk.kind), key.namespace, key.name
        )
        if key.kind != "AppProject":
            assert live["metadata"]["labels"][LABEL_PART_OF] == "argocd"


async def test_again_changes_nothing(cluster: Cluster) -> None:
    again = await cluster.installer.install(install_manifests(), NAMESPACE)
    assert again.created == ()
    assert again.updated == ()
    assert set(again.kept) == {*cluster.first.created, *cluster.first.kept, *cluster.first.updated}


async def test_settings_stay_the_users_and_rights_ours(cluster: Cluster) -> None:
    settings = kind(cluster, "", "v1", "ConfigMap")
    roles = kind(cluster, "rbac.authorization.k8s.io", "v1", "Role")
    name = "argocd-application-controller"
    wide = await cluster.client.get(roles, NAMESPACE, name)
    for resource, target, body in (
        (settings, "argocd-cm", {"data": {"url": "https://tiphys.example.com"}}),
        (PROJECTS, "default", {"spec": {"description": "ours"}}),
        (roles, name, {"rules": []}),
    ):
        await cluster.client.patch(resource, NAMESPACE, target, PatchKind.MERGE, body)

    done = await cluster.installer.install(install_manifests(), NAMESPACE)

    assert [(key.kind, key.name) for key in done.updated] == [("Role", name)]
    data = (await cluster.client.get(settings, NAMESPACE, "argocd-cm"))["data"]
    assert data["url"] == "https://tiphys.example.com"
    project = await cluster.client.get(PROJECTS, NAMESPACE, "default")
    assert project["spec"]["description"] == "ours"
    assert (await cluster.client.get(roles, NAMESPACE, name))["rules"] == wide["rules"]


async def test_the_controllers_kubeconfig_is_its_own(cluster: Cluster, tmp_path: Path) -> None:
    text = await account_kubeconfig(
        cluster.client,
        CONTROLLER_ACCOUNT,
        server=cluster.config.server,
        ca=cluster.config.ca,
        namespace=NAMESPACE,
        seconds=3600,
    )
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    config = load_kubeconfig([path])
    assert config.namespace == NAMESPACE
    transport = Transport(config, component="test")
    try:
        client, discovery = KubeClient(transport), KubeDiscovery(transport)
        await discovery.refresh()
        assert (await client.list(APPLICATIONS, namespace=NAMESPACE)).items == ()
        assert await _who(client, discovery) == (
            f"system:serviceaccount:{NAMESPACE}:argocd-application-controller"
        )
    finally:
        await transport.close()


async def _who(client: KubeClient, discovery: KubeDiscovery) -> str:
    review = ApiResource(
        "authentication.k8s.io",
        "v1",
        "SelfSubjectReview",
        "selfsubjectreviews",
        False,
        frozenset({"create"}),
    )
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = await client.create(review, asked)
    return str(answer["status"]["userInfo"]["username"])
