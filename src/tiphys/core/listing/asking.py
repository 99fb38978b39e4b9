"""What is asked of a list of applications: filters, an order, a page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tiphys.core.listing.facts import Facts
from tiphys.core.listing.selectors import Selector, selected

MOST = 1000
"""Applications on one page, whatever is asked for."""


class AskingError(ValueError):
    """A parameter cannot be read; the text names it."""


class Sort(StrEnum):
    NAME = "name"
    NAMESPACE = "namespace"
    PROJECT = "project"
    SYNC = "sync"
    HEALTH = "health"
    CLUSTER = "cluster"
    CREATED = "created"
    RECONCILED = "reconciled"


Place = tuple[str, str, str]
"""Where an application stands in an order: what it is sorted by, then its name and namespace."""

_PLACE = 3
_WORST = ("Degraded", "Missing", "Unknown", "Progressing", "Suspended", "Healthy")
_OUTMOST = ("Unknown", "OutOfSync", "Synced")


@dataclass(frozen=True, slots=True)
class Filters:
    """An empty one lets everything pass. Of several values any will do, of several filters all
    have to. `first_repo` is the contract's: it looks at the first source alone.
    """

    name: str = ""
    namespace: str = ""
    projects: frozenset[str] = frozenset()
    first_repo: str = ""
    selector: Selector = ()
    search: str = ""
    sync: frozenset[str] = frozenset()
    health: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    repos: frozenset[str] = frozenset()
    auto_sync: bool | None = None

    @property
    def empty(self) -> bool:
        return self == ALL

    def passes(self, facts: Facts) -> bool:
        return (
            (not self.name or facts.name == self.name)
            and (not self.namespace or facts.namespace == self.namespace)
            and (not self.projects or facts.project in self.projects)
            and (not self.first_repo or facts.repos[:1] == (self.first_repo,))
            and (not self.sync or facts.sync in self.sync)
            and (not self.health or facts.health in self.health)
            and (not self.clusters or facts.cluster in self.clusters)
            and (not self.namespaces or facts.destination_namespace in self.namespaces)
            and (not self.repos or not self.repos.isdisjoint(facts.repos))
            and (self.auto_sync is None or facts.auto_sync is self.auto_sync)
            and (not self.search or self.search in f"{facts.namespace}/{facts.name}".lower())
            and selected(self.selector, facts.labels)
        )


ALL = Filters()


@dataclass(frozen=True, slots=True)
class Page:
    """`after` is the place of the last application that was answered; `limit` 0 is no limit."""

    sort: Sort = Sort.NAME
    descending: bool = False
    limit: int = 0
    after: Place | None = None

    def place(self, facts: Facts) -> Place:
        return (_BY[self.sort](facts), facts.name, facts.namespace)

    def following(self, last: Facts) -> str:
        """The token with which the next page is asked for."""
        text = json.dumps([self.sort.value, self.descending, *self.place(last)])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_BY: Mapping[Sort, Callable[[Facts], str]] = {
    Sort.NAME: lambda facts: facts.name,
    Sort.NAMESPACE: lambda facts: facts.namespace,
    Sort.PROJECT: lambda facts: facts.project,
    Sort.SYNC: lambda facts: _rank(facts.sync, _OUTMOST),
    Sort.HEALTH: lambda facts: _rank(facts.health, _WORST),
    Sort.CLUSTER: lambda facts: facts.cluster,
    Sort.CREATED: lambda facts: facts.created,
    Sort.RECONCILED: lambda facts: facts.reconciled,
}


def _rank(word: str, order: tuple[str, ...]) -> str:
    """What needs somebody's attention comes first."""
    return str(order.index(word)) if word in order else str(len(order))


def filters_of(asked: Mapping[str, str], contract: Filters = ALL) -> Filters:
    """The filters beyond the contract, on top of the contract's; several values stand between
    commas. Raises AskingError.
    """
    return Filters(
        name=contract.name,
        namespace=contract.namespace,
        projects=contract.projects,
        first_repo=contract.first_repo,
        selector=contract.selector,
        search=asked.get("search", "").strip().lower(),
        sync=_words(asked, "sync"),
        health=_words(asked, "health"),
        clusters=_words(asked, "cluster"),
        namespaces=_words(asked, "namespace"),
        repos=_words(asked, "repos"),
        auto_sync=_flag(asked, "autoSync"),
    )


def page_of(asked: Mapping[str, str]) -> Page:
    """Raises AskingError."""
    text = asked.get("sort", "")
    order, descending = text.removeprefix("-") or Sort.NAME.value, text.startswith("-")
    if order not in set(Sort):
        raise AskingError(f"sort: {order!r} is none of {', '.join(Sort)}")
    page = Page(Sort(order), descending, _limit(asked.get("limit", "")))
    token = asked.get("continue", "")
    return page if not token else _continued(page, token)


def _continued(page: Page, token: str) -> Page:
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        sort, descending, *place = found
    except (binascii.Error, ValueError, TypeError):
        raise AskingError("continue: the token cannot be read") from None
    if (sort, descending) != (page.sort.value, page.descending):
        raise AskingError("continue: the token is of a list in another order")
    if len(place) != _PLACE or not all(isinstance(one, str) for one in place):
        raise AskingError("continue: the token cannot be read")
    return Page(page.sort, page.descending, page.limit, (place[0], place[1], place[2]))


def _limit(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MOST)):
        raise AskingError(f"limit: {text[:20]!r} is no number from 1 to {MOST}")
    return min(int(text), MOST)


def _words(asked: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(word.strip() for word in asked.get(name, "").split(",")) - {""}


def _flag(asked: Mapping[str, str], name: str) -> bool | None:
    text = asked.get(name, "")
    if text not in ("", "true", "false"):
        raise AskingError(f"{name}: {text[:20]!r} is neither true nor false")
    return None if not text else text == "true"
