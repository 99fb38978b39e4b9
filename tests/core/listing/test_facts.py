"""What is taken of an application for lists, and how it is counted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.listing.facts import Statistics, facts_of


def app(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "a",
            "namespace": "argocd",
            "labels": {"team": "x", "odd": 1},
            "creationTimestamp": "2026-11-23T10:00:00Z",
        },
        "spec": {"destination": {"server": "https://c", "namespace": "demo"}, **spec},
        "status": {
            "sync": {"status": "Synced"},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-11-23T11:00:00Z",
        },
    }


def test_what_is_taken() -> None:
    found = facts_of(app(source={"repoURL": "u"}, syncPolicy={"automated": {}}))
    assert (found.project, found.sync, found.health) == ("default", "Synced", "Healthy")
    assert (found.cluster, found.destination_namespace) == ("https://c", "demo")
    assert (found.repos, found.labels, found.auto_sync) == (("u",), {"team": "x"}, True)
    assert (found.key, found.created[:4], found.reconciled[11:13]) == (
        ("a", "argocd"),
        "2026",
        "11",
    )


def test_what_is_written_otherwise() -> None:
    sources = [{"repoURL": "u"}, "odd", {"chart": "c"}]
    off = {"automated": {"enabled": False}}
    found = facts_of(app(project="team", sources=sources, syncPolicy=off))
    assert (found.project, found.repos, found.auto_sync) == ("team", ("u", ""), False)
    by_name = facts_of({"spec": {"destination": {"name": "prod", "server": ""}}})
    assert (by_name.cluster, by_name.repos, by_name.name) == ("prod", (), "")
    assert (by_name.sync, by_name.health) == ("Unknown", "Unknown")


WORDS = st.sampled_from(["", "a", "b"])
APPS = st.builds(
    lambda name, project, repo, automated: {
        "metadata": {"name": name, "labels": {"l": name}},
        "spec": {"project": project, "source": {"repoURL": repo}, "syncPolicy": automated},
    },
    WORDS,
    WORDS,
    WORDS,
    st.sampled_from([None, {"automated": {}}]),
)


@given(st.lists(APPS), st.lists(APPS))
def test_counts_go_back_to_what_they_were(stay: list[Any], leave: list[Any]) -> None:
    kept, expected = Statistics(), Statistics()
    for one in stay:
        expected.add(facts_of(one))
        kept.add(facts_of(one))
    for one in leave:
        kept.add(facts_of(one))
    for one in leave:
        kept.remove(facts_of(one))
    assert kept.shown() == expected.shown()
    assert kept.shown()["total"] == len(stay)


def test_what_is_told_of_all() -> None:
    counted = Statistics()
    counted.add(facts_of(app(source={"repoURL": "u"})))
    counted.add(facts_of(app(sources=[{"repoURL": "u"}, {"repoURL": "u"}])))
    assert counted.shown() == {
        "total": 2,
        "autoSync": {"enabled": 0, "disabled": 2},
        "sync": {"Synced": 2},
        "health": {"Healthy": 2},
        "projects": {"default": 2},
        "clusters": {"https://c": 2},
        "destinationNamespaces": {"demo": 2},
        "namespaces": {"argocd": 2},
        "repos": {"u": 2},
        "labels": {"team": {"x": 2}},
    }
