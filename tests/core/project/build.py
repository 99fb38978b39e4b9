"""Projects for the tests, from their specs as users write them."""

from typing import Any

from tiphys.core.project import EffectiveProject, effective_project
from tiphys.model.appproject import AppProject

OPEN: dict[str, Any] = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


def app_project(
    name: str = "team", labels: dict[str, str] | None = None, **spec: Any
) -> AppProject:
    return AppProject.from_manifest(
        {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}
    )


def project(**spec: Any) -> EffectiveProject:
    return effective_project(app_project(**spec))
