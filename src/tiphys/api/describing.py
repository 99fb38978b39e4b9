"""The description of the API as a page that needs no script."""

from __future__ import annotations

import json
from functools import lru_cache
from html import escape
from typing import Any

_HEAD = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>The API of Tiphys</title>'
    "</head><body><h1>The API of Tiphys</h1>"
    '<p>As data: <a href="swagger.json">swagger.json</a></p>'
)


@lru_cache(maxsize=2)
def described(swagger: bytes) -> bytes:
    """Every path with its verbs and parameters."""
    paths: dict[str, dict[str, Any]] = json.loads(swagger).get("paths") or {}
    parts = [_HEAD]
    for path, verbs in sorted(paths.items()):
        parts.append(f"<h2><code>{escape(path)}</code></h2><dl>")
        parts += [_operation(verb, one) for verb, one in verbs.items() if isinstance(one, dict)]
        parts.append("</dl>")
    return "".join([*parts, "</body></html>"]).encode()


def _operation(verb: str, operation: dict[str, Any]) -> str:
    about = str(operation.get("summary") or operation.get("operationId") or "")
    rows = "".join(
        f"<li><code>{escape(str(one.get('name', '')))}</code> in {escape(str(one.get('in', '')))}"
        f" ({escape(str(one.get('type') or 'object'))})</li>"
        for one in operation.get("parameters") or ()
    )
    listed = f"<ul>{rows}</ul>" if rows else ""
    return f"<dt><b>{escape(verb.upper())}</b> {escape(about)}</dt><dd>{listed}</dd>"
