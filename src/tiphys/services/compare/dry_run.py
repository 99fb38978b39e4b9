"""What a desired object looks like as the body of a server-side apply."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.core.diff.applied import without_last_applied
from tiphys.core.diff.normalise import strip_server_fields, without_nulls
from tiphys.model.resource import Manifest


def body_of(desired: Manifest) -> Manifest:
    """Without what only the server writes, which an apply would try to own."""
    body = strip_server_fields(without_last_applied(desired), status=True)
    meta = body.get("metadata")
    if isinstance(meta, Mapping):
        body = {**body, "metadata": without_nulls(meta)}
    return body
