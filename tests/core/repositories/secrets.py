"""Secrets of repositories as Kubernetes keeps them."""

from __future__ import annotations

import base64
from typing import Any

from tiphys.core.repositories.known import Known
from tiphys.core.repositories.secret import read_secret
from tiphys.model.names import LABEL_SECRET_TYPE


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(name: str = "repo-1", /, kind: str = "repository", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "argocd", "labels": {LABEL_SECRET_TYPE: kind}},
        "data": {key: encoded(text) for key, text in data.items()},
    }


def template(name: str = "creds-1", /, **data: str) -> dict[str, Any]:
    return secret(name, "repo-creds", **data)


def known(*manifests: dict[str, Any], **trust: Any) -> Known:
    read = [one for each in manifests if (one := read_secret(each)) is not None]
    return Known({one.name: one for one in read}, **trust)
