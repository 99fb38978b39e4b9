"""Label selectors as requests write them."""

from __future__ import annotations

import pytest

from tiphys.core.listing.selectors import LabelSelectorError, parse_selector, selected

LABELS = {"app": "web", "tier": "front", "example.com/team": "a.b_c", "empty": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "app=web",
        "app==web , tier = front",
        "app!=api",
        "nosuch!=x",
        "app in (web, api)",
        "app notin (api)",
        "nosuch notin (x)",
        "example.com/team=a.b_c",
        "app",
        "!nosuch",
        "! nosuch",
        "empty=",
        "empty in ()",
        "app in (web),tier",
    ],
)
def test_what_selects(text: str) -> None:
    assert selected(parse_selector(text), LABELS)


@pytest.mark.parametrize(
    "text",
    [
        "app=api",
        "app!=web",
        "app in (api)",
        "app notin (web)",
        "nosuch",
        "!app",
        "nosuch=x",
        "app=web,nosuch",
    ],
)
def test_what_does_not(text: str) -> None:
    assert not selected(parse_selector(text), LABELS)


@pytest.mark.parametrize(
    "text",
    ["=a", "a=b c", "a in b", "a in (b", "a,", ",", "a==b==c", "a b", "-a=b", "a=" + "b" * 20_000],
)
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(LabelSelectorError):
        parse_selector(text)
