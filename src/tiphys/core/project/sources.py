"""Which repositories the applications of a project may read."""

from __future__ import annotations

from tiphys.core.project.effective import EffectiveProject
from tiphys.core.project.patterns import glob, is_denial
from tiphys.core.source.url import normal_form


def source_permitted(project: EffectiveProject, url: str) -> bool:
    """A denial wins wherever it stands, and allows whatever it does not deny. A repository of the
    project's own is allowed, as it is: its URL is no pattern.
    """
    wanted = normal_form(url)
    allowed = wanted in project.repositories
    for entry in project.spec.source_repos:
        if not is_denial(entry):
            allowed = allowed or glob(normal_form(entry), wanted, "/")
        elif glob(normal_form(entry[1:]), wanted, "/"):
            return False
        else:
            allowed = True
    return allowed
