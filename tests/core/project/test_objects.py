"""Which objects an application of a project may touch."""

from tests.core.project.build import OPEN, project
from tiphys.core.project import live_permitted, object_refusal
from tiphys.model.cluster import Cluster
from tiphys.model.resource import ResourceKey

CLUSTER = Cluster(server="https://one", name="one")
CONFIG = ResourceKey("", "ConfigMap", "demo", "a")
NAMESPACE = ResourceKey("", "Namespace", "", "demo")


def test_an_open_project() -> None:
    for key in (CONFIG, NAMESPACE):
        assert live_permitted(project(**OPEN), CLUSTER, key)


def test_kinds() -> None:
    narrow = project(
        destinations=[{"server": "*", "namespace": "*"}],
        namespaceResourceBlacklist=[{"group": "", "kind": "ConfigMap"}],
    )
    assert object_refusal(narrow, CLUSTER, CONFIG, namespaced=True) == (
        "resource :ConfigMap is not permitted in project team"
    )
    assert object_refusal(narrow, CLUSTER, NAMESPACE, namespaced=False) == (
        "resource :Namespace is not permitted in project team"
    )
    assert not live_permitted(narrow, CLUSTER, CONFIG)


def test_namespaces_count_only_for_namespaced_objects() -> None:
    narrow = project(
        destinations=[{"server": "https://one", "namespace": "other"}],
        clusterResourceWhitelist=[{"group": "*", "kind": "*"}],
    )
    assert object_refusal(narrow, CLUSTER, CONFIG, namespaced=True) == (
        "namespace demo is not permitted in project 'team'"
    )
    assert live_permitted(narrow, CLUSTER, NAMESPACE)
    # A target may name a namespace although its kind has none.
    spelled = NAMESPACE._replace(namespace="demo")
    assert object_refusal(narrow, CLUSTER, spelled, namespaced=False) == ""


def test_what_is_in_no_namespace_is_on_a_cluster_all_the_same() -> None:
    everything = {"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}
    said = "cluster https://one is not permitted in project 'team'"

    def refusal(*destinations: dict[str, str], **spec: object) -> str:
        made = project(destinations=list(destinations), **everything, **spec)
        return object_refusal(made, CLUSTER, NAMESPACE, namespaced=False)

    assert refusal() == said
    assert refusal({"server": "https://other", "namespace": "*"}) == said
    assert refusal({"server": "https://one", "namespace": "a"}) == ""
    assert refusal({"name": "on*", "namespace": "a"}) == ""
    anywhere = {"server": "*", "namespace": "*"}
    assert refusal(anywhere, {"name": "!one", "namespace": "*"}) == said
    assert refusal(anywhere, {"server": "!https://one", "namespace": "*"}) == said
    # What is denied in some namespaces only says nothing of what is in none.
    assert refusal(anywhere, {"server": "!https://one", "namespace": "kube-*"}) == ""
    assert refusal(anywhere, permitOnlyProjectScopedClusters=True) == said
