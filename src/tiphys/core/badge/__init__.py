"""The badge: how an application fares, as a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

_COLOURS = {
    "Healthy": "#0b612a",
    "Synced": "#0b612a",
    "Progressing": "#103d66",
    "OutOfSync": "#bd7300",
    "Degraded": "#a72e26",
    "Suspended": "#29343D",
}
_OTHERWISE = "#731f4d"
UNKNOWN = "Unknown"
NOT_FOUND = "Not Found"
_WIDTH, _WITH_REVISION, _WITH_WHOLE_REVISION = 131, 192, 400
_ROW = 20
_LEFT, _RIGHT = 76, 55
_SHORT = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """`revision` is the whole one, empty where none is shown. `width` 0 is the usual one."""

    left: str = UNKNOWN
    right: str = UNKNOWN
    revision: str = ""
    whole: bool = False
    name: str = ""
    width: int = 0

    def svg(self) -> str:
        shown = self.revision if self.whole else self.revision[:_SHORT]
        usual = _WIDTH
        if shown:
            usual = _WITH_WHOLE_REVISION if self.whole else _WITH_REVISION
        width = self.width or usual
        top = _ROW if self.name else 0
        row = f'y="{top}" height="{_ROW}"'
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + _ROW}">',
            f'<clipPath id="round"><rect width="{width}" height="{top + _ROW}" rx="3"/></clipPath>',
            '<g clip-path="url(#round)">',
            f'<rect id="titleRect" width="{width}" height="{top}" fill="#29343D"/>',
            f'<rect id="leftRect" x="0" {row} width="{_LEFT}" fill="{colour(self.left)}"/>',
            f'<rect id="rightRect" x="{_LEFT}" {row} width="{max(width - _LEFT, _RIGHT)}" '
            f'fill="{colour(self.right)}"/>',
        ]
        if shown:
            at = _LEFT + _RIGHT
            rest = max(width - at, 0)
            parts.append(f'<rect id="revisionRect" x="{at}" {row} width="{rest}" fill="#4c1"/>')
        parts.append("</g>")
        parts.append(_texts(self, shown, top, width))
        return "\n".join([*parts, "</svg>\n"])


def colour(word: str) -> str:
    return _COLOURS.get(word, _OTHERWISE)


def folded(states: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Health and sync of many together, each given so."""
    found = list(states)
    if not found:
        return UNKNOWN, UNKNOWN
    healthy = all(health == "Healthy" for health, _ in found)
    synced = all(sync == "Synced" for _, sync in found)
    return "Healthy" if healthy else "Degraded", "Synced" if synced else "OutOfSync"


def _texts(badge: Badge, shown: str, top: int, width: int) -> str:
    line = top + 14
    texts = [
        ("titleText", width / 2, 14, badge.name),
        ("leftText", _LEFT / 2, line, badge.left),
        ("rightText", _LEFT + _RIGHT / 2, line, badge.right),
        ("revisionText", (_LEFT + _RIGHT + width) / 2, line, shown),
    ]
    found = [
        f'<text id="{name}" x="{x:g}" y="{y}">{escape(text)}</text>'
        for name, x, y, text in texts
        if text
    ]
    style = 'fill="#fff" text-anchor="middle" font-family="DejaVu Sans, sans-serif" font-size="10"'
    return "\n".join([f"<g {style}>", *found, "</g>"])
