"""What is kept of an index: the versions of each chart, and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import msgspec

from tiphys.core.source.semver import Constraint, Version


class ChartVersion(msgspec.Struct, array_like=True, frozen=True):
    """`digest` as it is written, `url` the first of the list; either may be empty."""

    version: str
    digest: str = ""
    url: str = ""


class ChartIndex:
    """Charts stay packed until they are looked at: an index of 20 MB takes 2."""

    def __init__(self, charts: Mapping[str, msgspec.Raw]) -> None:
        self._charts = charts

    def charts(self) -> tuple[str, ...]:
        return tuple(self._charts)

    def versions(self, chart: str) -> tuple[ChartVersion, ...] | None:
        """In the index's order; None without such a chart."""
        packed = self._charts.get(chart)
        if packed is None:
            return None
        return tuple(msgspec.msgpack.decode(packed, type=list[ChartVersion]))


class KeptIndex(msgspec.Struct, frozen=True):
    """An index with what tells whether it is still the one of the server."""

    url: str
    etag: str
    modified: str
    charts: dict[str, msgspec.Raw]


def chosen(versions: tuple[ChartVersion, ...], asked: str) -> ChartVersion | None:
    """The version of that very text, else the greatest that it allows, read as a range."""
    exact = next((one for one in versions if one.version == asked), None)
    if exact is not None:
        return exact
    texts = {one.version: one for one in versions}
    best = greatest(texts, asked)
    return None if best is None else texts[best]


def greatest(versions: Mapping[str, object], asked: str) -> str | None:
    constraint = Constraint.parse(asked or "*")
    if constraint is None:
        return None
    parsed = ((Version.parse(text), text) for text in versions)
    allowed = [(one, text) for one, text in parsed if one is not None and constraint.allows(one)]
    return max(allowed)[1] if allowed else None


def index_url(repository: str) -> str:
    parts = _split(repository)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/index.yaml"))


def chart_url(repository: str, url: str) -> str:
    """Absolute ones stay; others are below the repository, with its query."""
    if "://" in url:
        return url
    parts = _split(repository)
    base = urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/", query="", fragment=""))
    joined = urlsplit(urljoin(base, url))
    return urlunsplit(joined._replace(query=joined.query or parts.query))


def _split(url: str) -> SplitResult:
    """Without user information, which is sent as a header and kept nowhere."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])
