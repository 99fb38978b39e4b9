"""What every log line about an application carries."""

from __future__ import annotations

from tiphys.core.app.spec import DEFAULT_PROJECT
from tiphys.model.application import Application


def app_fields(app: Application) -> dict[str, str]:
    """The contract's names; bound once for the work on an application."""
    spec = app.raw.get("spec")
    project = spec.get("project") if isinstance(spec, dict) else ""
    return {
        "application": app.name,
        "app-namespace": app.namespace,
        "project": str(project or DEFAULT_PROJECT),
    }
