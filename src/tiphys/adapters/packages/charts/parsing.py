"""Reads an index.yaml as a process of its own: `python -m ... < index.yaml > compact form`.

libyaml's events, without ever building the document: 20 MB take a second and 35 MB of memory, where
loading them takes ten times as much, and an alias is just a name, so that no bomb goes off. A
process, for it holds the interpreter's lock all that time, and can be limited and killed.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
import yaml

from tiphys.adapters.packages.charts.index import ChartVersion

PROGRAM: Final = "tiphys.adapters.packages.charts.parsing"
UNREADABLE: Final = 2
"""The status of a run whose standard error says why it is no index."""
_OUTPUT: Final = 128 << 20
_MEMORY: Final = 1 << 30
_SECONDS: Final = 60
_DEPTH: Final = 100
_CHARTS: Final = 50_000
_VERSIONS: Final = 1_000_000


class UnreadableIndexError(Exception):
    """Why it is no index; holds nothing of it."""


def compact(stream: BinaryIO) -> dict[str, list[ChartVersion]]:
    """Charts with their versions in the index's order. Raises UnreadableIndexError."""
    try:
        return _Reader(stream).charts()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise UnreadableIndexError(f"it is no YAML: line {line}") from None
    except yaml.YAMLError:
        raise UnreadableIndexError("it is no YAML: a character in it is not allowed") from None


def _events(stream: BinaryIO) -> Iterator[yaml.Event]:
    found: Iterator[yaml.Event] = yaml.parse(stream, Loader=yaml.CSafeLoader)
    return found


class _Reader:
    """Takes one event after another, and passes over what no one asks for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._events = _events(stream)
        self._versions = 0

    def charts(self) -> dict[str, list[ChartVersion]]:
        charts: dict[str, list[ChartVersion]] = {}
        known = False
        next(self._events)
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            raise UnreadableIndexError("it is empty")
        start = next(self._events)
        if not isinstance(start, yaml.MappingStartEvent):
            raise UnreadableIndexError("it is no mapping")
        for key, value in self._pairs():
            known = known or key in {"apiVersion", "entries"}
            if key == "entries" and isinstance(value, yaml.MappingStartEvent):
                for chart, below in self._pairs():
                    if len(charts) >= _CHARTS:
                        raise UnreadableIndexError(f"it holds more than {_CHARTS} charts")
                    charts[chart] = list(self._chart(below))
            else:
                self._skip(value)
        if not known:
            raise UnreadableIndexError("it is no index: it has neither apiVersion nor entries")
        return charts

    def _chart(self, start: yaml.Event) -> Iterator[ChartVersion]:
        if not isinstance(start, yaml.SequenceStartEvent):
            self._skip(start)
            return
        for item in self._items():
            if not isinstance(item, yaml.MappingStartEvent):
                self._skip(item)
                continue
            found = self._version()
            if found is not None:
                self._versions += 1
                if self._versions > _VERSIONS:
                    raise UnreadableIndexError(f"it holds more than {_VERSIONS} versions")
                yield found

    def _version(self) -> ChartVersion | None:
        """None for an entry that cannot be asked for."""
        version = digest = url = ""
        for key, value in self._pairs():
            if key == "urls" and isinstance(value, yaml.SequenceStartEvent):
                for item in self._items():
                    url = url or self._text(item)
            elif key == "version":
                version = self._text(value)
            elif key == "digest":
                digest = self._text(value)
            else:
                self._skip(value)
        return ChartVersion(version, digest, url) if version else None

    def _pairs(self) -> Iterator[tuple[str, yaml.Event]]:
        """Keys, and the first event of each value, which whoever asks reads to its end."""
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name = self._text(key)
            yield name, next(self._events)

    def _items(self) -> Iterator[yaml.Event]:
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            yield item

    def _text(self, event: yaml.Event) -> str:
        """A scalar as it is written; empty for anything else."""
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        self._skip(event)
        return ""

    def _skip(self, event: yaml.Event) -> None:
        depth = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _DEPTH:
                raise UnreadableIndexError(f"it is nested deeper than {_DEPTH}")
            if depth == 0:
                return
            event = next(self._events)


def main() -> int:
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_OUTPUT, _OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sys.stdout.buffer.write(msgspec.msgpack.encode(compact(sys.stdin.buffer)))
    except UnreadableIndexError as error:
        sys.stderr.write(str(error))
        return UNREADABLE
    except MemoryError:
        sys.stderr.write(f"reading it takes more than {_MEMORY >> 20} MB of memory")
        return UNREADABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
