"""Finds the install manifests: beside the package where it is installed, else in the checkout."""

from __future__ import annotations

from pathlib import Path

import yaml

import tiphys
from tiphys.model.resource import Manifest

_PACKAGE = Path(tiphys.__file__).parent
_FOLDERS = (_PACKAGE / "deploy_manifests", _PACKAGE.parents[1] / "deploy")


def install_manifests() -> list[Manifest]:
    """Every manifest in the order in which the kustomization names the files."""
    folder = next(path for path in _FOLDERS if (path / "kustomization.yaml").exists())
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [
        manifest for name in listed for manifest in yaml.safe_load_all((folder / name).read_text())
    ]
