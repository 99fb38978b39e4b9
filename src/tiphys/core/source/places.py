"""Which places are one: told apart by what is asked there, not by what opens them."""

from __future__ import annotations

from dataclasses import replace

from tiphys.core.source.url import normal_form
from tiphys.model.repository import Place, Repository, RepositoryKind
from tiphys.model.source import ApplicationSource

_OCI = "oci://"


def place_of(source: ApplicationSource, repository: Repository) -> Place:
    """Where a source's revision is looked up."""
    return Place(repository, source.chart)


def place_key(place: Place) -> str:
    """Equal for one place whatever its credentials: other ones replace those that were there."""
    repository = place.repository
    return "\n".join((normal_form(repository.url), repository.project, place.chart))


def opened_key(place: Place) -> str:
    """Tells apart what opens a place, too: what one login was shown is nothing for another."""
    return f"{place_key(place)}\n{hash(place.repository):x}"


def place_kind(place: Place) -> RepositoryKind:
    """What kind of repository is asked: the source decides it, whatever its Secret says."""
    if place.chart:
        return RepositoryKind.HELM
    if place.repository.url.strip().lower().startswith(_OCI):
        return RepositoryKind.OCI
    return RepositoryKind.GIT


def opens_alike(one: Repository, other: Repository) -> bool:
    """Whether two ways to one place differ at most in how its URL is written."""
    return one is other or replace(one, url=other.url) == other
