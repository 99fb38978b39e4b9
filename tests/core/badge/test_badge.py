"""The badge as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tiphys.core.badge import Badge, folded

REVISION = "c89a47e1c17249845dbcdd61eefa832ff7c1d90a"
SVG = "{http://www.w3.org/2000/svg}"


def parsed(badge: Badge) -> ET.Element:
    return ET.fromstring(badge.svg())  # noqa: S314 - our own


def texts(badge: Badge) -> dict[str, str]:
    root = parsed(badge)
    return {str(one.get("id")): one.text or "" for one in root.iter(f"{SVG}text")}


def fills(badge: Badge) -> dict[str, str]:
    root = parsed(badge)
    return {str(one.get("id")): str(one.get("fill")) for one in root.iter(f"{SVG}rect")}


@pytest.mark.parametrize(
    ("badge", "width", "height"),
    [
        (Badge(), "131", "20"),
        (Badge(revision=REVISION), "192", "20"),
        (Badge(revision=REVISION, whole=True), "400", "20"),
        (Badge(width=250), "250", "20"),
        (Badge(name="shop"), "131", "40"),
    ],
)
def test_sizes(badge: Badge, width: str, height: str) -> None:
    root = parsed(badge)
    assert (root.get("width"), root.get("height")) == (width, height)


@pytest.mark.parametrize(
    ("left", "right", "colours"),
    [
        ("Healthy", "Synced", ("#0b612a", "#0b612a")),
        ("Progressing", "OutOfSync", ("#103d66", "#bd7300")),
        ("Degraded", "Unknown", ("#a72e26", "#731f4d")),
        ("Missing", "", ("#731f4d", "#731f4d")),
        ("Suspended", "Synced", ("#29343D", "#0b612a")),
    ],
)
def test_colours(left: str, right: str, colours: tuple[str, str]) -> None:
    found = fills(Badge(left=left, right=right))
    assert (found["leftRect"], found["rightRect"]) == colours


def test_texts() -> None:
    assert texts(Badge()) == {"leftText": "Unknown", "rightText": "Unknown"}
    whole = Badge(left="Not Found", right="", revision=REVISION, name="<a>")
    assert texts(whole) == {"titleText": "<a>", "leftText": "Not Found", "revisionText": "c89a47e"}
    assert texts(Badge(revision=REVISION, whole=True))["revisionText"] == REVISION


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ([], ("Unknown", "Unknown")),
        ([("Healthy", "Synced")], ("Healthy", "Synced")),
        ([("Healthy", "Synced"), ("Progressing", "Synced")], ("Degraded", "Synced")),
        ([("Healthy", "Synced"), ("Healthy", "Unknown")], ("Healthy", "OutOfSync")),
    ],
)
def test_many_together(states: list[tuple[str, str]], found: tuple[str, str]) -> None:
    assert folded(states) == found
