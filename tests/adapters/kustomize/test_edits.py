"""Our edits of a kustomization, beside those that the kustomize program makes itself.

Both kustomizations are built by the program, so that only what was edited can make a difference.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fixtures.programs import program
from tiphys.core.source.kustomization import edited
from tiphys.model.errors import RenderError
from tiphys.model.source import ApplicationSourceKustomize
from tiphys.model.structs import decode

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: nginx:1.0}
      - {name: side, image: "h:5000/team/side@sha256:0123"}
"""
COMPONENT = """
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
commonAnnotations: {component: "true"}
"""
SHA = "sha256:" + "ab" * 32
BASES: list[dict[str, Any]] = [
    {},
    {"images": [{"name": "nginx", "newName": "old", "newTag": "7"}]},
    {"imageTags": [{"name": "nginx", "newTag": "7"}], "namePrefix": "old-"},
    {"images": [{"name": "x", "newTag": "1"}, {"name": "x", "newTag": "2"}]},
    {"commonLabels": {"team": "old"}, "commonAnnotations": {"note": "old"}},
    {"labels": [{"pairs": {"team": "old"}, "includeSelectors": True}]},
    {"labels": [{"pairs": {"team": "old"}}, {"pairs": {"tier": "old"}, "includeTemplates": True}]},
    {"replicas": [{"name": "web", "count": 5}], "namespace": "old"},
    {"patches": [{"patch": "- {op: add, path: /spec/paused, value: true}",
                  "target": {"kind": "Deployment"}}]},
    {"components": ["../part"]},
]  # fmt: skip


def fields(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


WORDS = st.sampled_from(["a", "b-1", "x.y", "1", "true", '"quoted"', "k:v", "", "~", "a b"])
NAMES = st.sampled_from(["team", "tier", "note", "example.com/x"])
IMAGES = st.sampled_from(
    [
        "nginx:2.0", f"nginx@{SHA}", f"nginx:2@{SHA}", "nginx=other", "nginx=other:3",
        "nginx=*:4", "nginx=new:*", f"nginx=h:5000/n@{SHA}", "h:5000/team/side=side:1",
        "h:5000/team/side:9", "nginx", "nginx=", "x:3", "nginx:", "unknown=y:1",
    ]
)  # fmt: skip
PATCHES: list[dict[str, Any]] = [
    {"patch": "- {op: replace, path: /spec/replicas, value: 9}", "target": {"kind": "Deployment"}},
    {"path": "patch.yaml", "options": {"allowNameChange": True}},
]
BLOCKS = fields(
    namePrefix=st.sampled_from(["pre-", "-dash"]),
    nameSuffix=st.sampled_from(["-post"]),
    namespace=st.sampled_from(["demo"]),
    images=st.lists(IMAGES, min_size=1, max_size=3),
    replicas=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["web", "api", "a=b"]),
                "count": st.sampled_from([0, 3, "4"]),
            }
        ),
        min_size=1,
        max_size=2,
    ),
    commonLabels=st.dictionaries(NAMES, WORDS, min_size=1, max_size=2),
    commonAnnotations=st.dictionaries(NAMES, WORDS, min_size=1, max_size=2),
    forceCommonLabels=st.booleans(),
    forceCommonAnnotations=st.booleans(),
    labelWithoutSelector=st.booleans(),
    labelIncludeTemplates=st.booleans(),
    components=st.just(["../part"]),
    patches=st.lists(st.sampled_from(PATCHES), min_size=1, max_size=2),
)


class Folder:
    def __init__(self, root: Path, kustomization: Mapping[str, Any]) -> None:
        self.app = root / "app"
        self.file = self.app / "kustomization.yaml"
        for name, text in {
            "app/web.yaml": DEPLOYMENT,
            "app/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\n"
            "metadata: {name: web, annotations: {patched: 'yes'}}\n",
            "part/kustomization.yaml": COMPONENT,
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        self.write(kustomization)

    def write(self, kustomization: Mapping[str, Any]) -> None:
        self.file.write_text(json.dumps(kustomization))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("kustomize"), *arguments],
            cwd=self.app,
            capture_output=True,
            text=True,
            check=False,
        )

    def built(self) -> str | None:
        """None where it cannot be built."""
        ran = self.run("build", ".")
        return ran.stdout if ran.returncode == 0 else None

    def edit(self, block: Mapping[str, Any]) -> bool:
        if any(self.run("edit", *command).returncode != 0 for command in commands(block)):
            return False
        if block.get("patches"):
            written = yaml.safe_load(self.file.read_text())
            self.write({**written, "patches": [*written.get("patches", []), *block["patches"]]})
        if "components" in block:
            return self.run("edit", "add", "component", *block["components"]).returncode == 0
        return True


def commands(block: Mapping[str, Any]) -> Iterator[list[str]]:
    """As the contract gives them, in its order; patches and components come after these."""
    for field, name in (("namePrefix", "nameprefix"), ("nameSuffix", "namesuffix")):
        if block.get(field):
            yield ["set", name, "--", block[field]]
    if block.get("images"):
        yield ["set", "image", *block["images"]]
    if block.get("replicas"):
        yield ["set", "replicas", *(f"{one['name']}={one['count']}" for one in block["replicas"])]
    if block.get("commonLabels"):
        flags = {
            "forceCommonLabels": "--force",
            "labelWithoutSelector": "--without-selector",
            "labelIncludeTemplates": "--include-templates",
        }
        yield ["add", "label", *(flag for field, flag in flags.items() if block.get(field)),
               *(f"{name}:{value}" for name, value in block["commonLabels"].items())]  # fmt: skip
    if block.get("commonAnnotations"):
        force = ["--force"] if block.get("forceCommonAnnotations") else []
        pairs = (f"{name}:{value}" for name, value in block["commonAnnotations"].items())
        yield ["add", "annotation", *force, *pairs]
    if block.get("namespace"):
        yield ["set", "namespace", "--", block["namespace"]]


def ours(kustomization: Mapping[str, Any], block: Mapping[str, Any]) -> Mapping[str, Any] | None:
    given = decode(block, ApplicationSourceKustomize, at="spec.source.kustomize")
    try:
        return edited(kustomization, given, {})
    except RenderError:
        return None


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.sampled_from(BASES), BLOCKS)
@example({}, {"images": ["nginx=*:4"]})
@example(BASES[1], {"images": ["nginx=*:*"]})
@example(BASES[3], {"images": ["nginx:2.0"]})
@example(BASES[6], {"commonLabels": {"tier": "a"}, "labelWithoutSelector": True})
@example(
    BASES[6],
    {
        "commonLabels": {"tier": "a"},
        "labelWithoutSelector": True,
        "labelIncludeTemplates": True,
        "forceCommonLabels": True,
    },
)
def test_they_build_alike(base: dict[str, Any], block: dict[str, Any]) -> None:
    kustomization = {"resources": ["web.yaml"], **deepcopy(base)}
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        theirs = Folder(Path(one), kustomization)
        edits = theirs.edit(block)
        expected = theirs.built() if edits else None
        value = ours(kustomization, block)
        assert (value is not None) is edits
        if value is not None:
            folder = Folder(Path(other), kustomization)
            folder.write(value)
            assert folder.built() == expected


@pytest.mark.parametrize("block", [{"images": ["nginx"]}, {"commonLabels": {"team": "x"}}])
def test_what_the_program_refuses_is_refused(block: dict[str, Any]) -> None:
    base = {"resources": ["web.yaml"], "commonLabels": {"team": "old"}}
    with tempfile.TemporaryDirectory() as place:
        assert not Folder(Path(place), base).edit(block)
    assert ours(base, block) is None
