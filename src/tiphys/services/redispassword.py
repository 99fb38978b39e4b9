"""The password of Redis: made once, in a Secret that Redis and its users read."""

from __future__ import annotations

import base64

from tiphys.model.errors import ObjectExistsError
from tiphys.model.names import LABEL_PART_OF
from tiphys.model.resource import ApiResource
from tiphys.services.live.ports import KubeWriter

SECRET = "argocd-redis"  # noqa: S105 - a name
_SECRETS = ApiResource("", "v1", "Secret", "secrets", True, frozenset())


async def require_redis_password(writer: KubeWriter, namespace: str, password: str) -> str:
    """The name of the Secret; one that is there stays as it is. Raises KubeError."""
    made = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": namespace, "labels": {LABEL_PART_OF: "argocd"}},
        "type": "Opaque",
        "data": {"auth": base64.b64encode(password.encode()).decode()},
    }
    try:
        await writer.create(_SECRETS, made, manager="argocd")
    except ObjectExistsError:
        return SECRET
    return SECRET
