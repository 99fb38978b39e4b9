"""What a process that lives on follows, in place of what a command reads once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tiphys.core.settings.clusters import ClusterTable
from tiphys.services.applications.settings import SettingsReader
from tiphys.services.projects.rules import ProjectRules


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Each is None where it has to be read when it is asked for."""

    settings: SettingsReader | None = None
    clusters: Callable[[], ClusterTable] | None = None
    rules: ProjectRules | None = None
