"""What means the same is written the same, in the object too."""

from typing import Any

import pytest

from tiphys.core.app.spec import normal_spec_patch

SOURCE = {"repoURL": "https://git.example.com/x", "path": "p"}


def op(verb: str, path: str, value: Any = None) -> dict[str, Any]:
    return {"op": verb, "path": path} | ({} if verb == "remove" else {"value": value})


@pytest.mark.parametrize(
    ("spec", "patch"),
    [
        ({"project": "default", "source": SOURCE}, []),
        ({"project": "p", "syncPolicy": {"syncOptions": ["Validate=false"]}}, []),
        ({"project": "p", "syncPolicy": None, "source": None}, []),
        ({}, [op("add", "/spec/project", "default")]),
        (
            {"project": ""},
            [op("test", "/spec/project", ""), op("add", "/spec/project", "default")],
        ),
        (
            {"project": "p", "syncPolicy": {"syncOptions": []}},
            [
                op("test", "/spec/syncPolicy", {"syncOptions": []}),
                op("remove", "/spec/syncPolicy"),
            ],
        ),
        (
            {"project": "p", "source": {**SOURCE, "kustomize": {}, "helm": {"releaseName": "x"}}},
            [op("test", "/spec/source/kustomize", {}), op("remove", "/spec/source/kustomize")],
        ),
        (
            {"project": "p", "source": {**SOURCE, "directory": {"jsonnet": {}, "recurse": False}}},
            [
                op("test", "/spec/source/directory", {"jsonnet": {}, "recurse": False}),
                op("remove", "/spec/source/directory"),
            ],
        ),
        ({"project": "p", "source": {**SOURCE, "directory": {"include": "*.yaml"}}}, []),
        (
            {"project": "p", "source": {**SOURCE, "helm": {}}, "sources": [SOURCE, {"helm": {}}]},
            [op("test", "/spec/sources/1/helm", {}), op("remove", "/spec/sources/1/helm")],
        ),
    ],
)
def test_what_is_rewritten(spec: dict[str, Any], patch: list[dict[str, Any]]) -> None:
    assert normal_spec_patch(spec) == patch
