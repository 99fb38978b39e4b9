"""Filters, orders and pages of lists."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tiphys.core.listing.asking import ALL, AskingError, Filters, Page, Sort, filters_of, page_of
from tiphys.core.listing.facts import Facts, facts_of
from tiphys.core.listing.selectors import parse_selector

APP: dict[str, Any] = {
    "metadata": {"name": "Web", "namespace": "argocd", "labels": {"tier": "front"}},
    "spec": {
        "project": "team",
        "destination": {"name": "prod", "namespace": "demo"},
        "sources": [{"repoURL": "one"}, {"repoURL": "two"}],
        "syncPolicy": {"automated": {}},
    },
    "status": {"sync": {"status": "OutOfSync"}, "health": {"status": "Degraded"}},
}
FACTS = facts_of(APP)


@pytest.mark.parametrize(
    "filters",
    [
        ALL,
        Filters(name="Web"),
        Filters(namespace="argocd"),
        Filters(projects=frozenset({"team", "x"})),
        Filters(first_repo="one"),
        Filters(selector=parse_selector("tier=front")),
        filters_of({"search": " WE "}),
        filters_of({"search": "argocd/w"}),
        filters_of({"sync": "Synced,OutOfSync"}),
        filters_of({"health": "Degraded"}),
        filters_of({"cluster": "prod"}),
        filters_of({"namespace": "demo"}),
        filters_of({"repos": "two"}),
        filters_of({"autoSync": "true"}),
    ],
)
def test_what_passes(filters: Filters) -> None:
    assert filters.passes(FACTS)
    assert filters.empty is (filters == Filters())


@pytest.mark.parametrize(
    "filters",
    [
        Filters(name="web"),
        Filters(namespace="other"),
        Filters(projects=frozenset({"x"})),
        Filters(first_repo="two"),
        Filters(selector=parse_selector("tier=back")),
        filters_of({"search": "api"}),
        filters_of({"sync": "Synced"}),
        filters_of({"health": "Healthy"}),
        filters_of({"cluster": "test"}),
        filters_of({"namespace": "other"}),
        filters_of({"repos": "three"}),
        filters_of({"autoSync": "false"}),
        filters_of({"health": "Degraded"}, Filters(name="x")),
    ],
)
def test_what_does_not(filters: Filters) -> None:
    assert not filters.passes(FACTS)


def facts(name: str, **status: str) -> Facts:
    parts = {key: {"status": value} for key, value in status.items()}
    return facts_of({"metadata": {"name": name}, "status": parts})


def test_what_needs_attention_comes_first() -> None:
    page = page_of({"sort": "health"})
    apps = [facts(word, health=word) for word in ("Healthy", "odd", "Degraded", "Missing")]
    order = [one.name for one in sorted(apps, key=page.place)]
    assert order == ["Degraded", "Missing", "Healthy", "odd"]
    by_sync = page_of({"sync": "", "sort": "sync"})
    apps = [facts("a", sync="Synced"), facts("b", sync="OutOfSync")]
    assert [one.name for one in sorted(apps, key=by_sync.place)] == ["b", "a"]


@pytest.mark.parametrize("sort", list(Sort))
def test_every_order_leads_on_to_the_next_page(sort: Sort) -> None:
    for text in (sort.value, f"-{sort.value}"):
        page = page_of({"sort": text, "limit": "10"})
        token = page.following(FACTS)
        after = page_of({"sort": text, "limit": "10", "continue": token})
        assert after.after == page.place(FACTS)
        assert (after.sort, after.descending, after.limit) == (sort, text[0] == "-", 10)


def test_nothing_asked_is_all_by_name() -> None:
    assert page_of({}) == Page()
    assert page_of({"limit": "5000"}).limit == 1000


def token(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "colour"},
        {"limit": "-1"},
        {"limit": "x"},
        {"limit": "9" * 30},
        {"autoSync": "perhaps"},
        {"continue": "%"},
        {"continue": "AAAA"},
        {"continue": token()},
        {"continue": token("health", False, "a", "b", "c")},
        {"continue": token("name", True, "a", "b", "c")},
        {"continue": token("name", False, "a", "b")},
        {"continue": token("name", False, "a", "b", 1)},
        {"continue": base64.urlsafe_b64encode(b"1").decode()},
    ],
)
def test_what_cannot_be_read_is_named(asked: dict[str, str]) -> None:
    read = filters_of if "autoSync" in asked else page_of
    with pytest.raises(AskingError) as caught:
        read(asked)
    assert str(caught.value).startswith(next(iter(asked)))
