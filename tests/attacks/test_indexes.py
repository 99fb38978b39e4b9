"""Indexes of charts made to take all memory and time.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

import pytest
import yaml

from tiphys.adapters.packages.charts import parsing


def bomb() -> bytes:
    """Six times ten of ten: a million entries where aliases are followed."""
    lines = ["apiVersion: v1", "l0: &l0 {version: 1.0.0, urls: [x]}"]
    for level in range(1, 7):
        lines.append(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]")
    return "\n".join([*lines, "entries:", "  web: *l6", ""]).encode()


def following_aliases(patch: pytest.MonkeyPatch) -> None:
    def events(stream: BinaryIO) -> Iterator[yaml.Event]:
        loader = yaml.CSafeLoader(stream)
        document = loader.get_single_node()
        assert document is not None
        yield yaml.StreamStartEvent()
        yield yaml.DocumentStartEvent()
        yield from _events_of(document)

    patch.setattr(parsing, "_events", events)


def _events_of(node: yaml.Node) -> Iterator[yaml.Event]:
    if isinstance(node, yaml.ScalarNode):
        yield yaml.ScalarEvent(None, None, (True, True), node.value)
        return
    is_mapping = isinstance(node, yaml.MappingNode)
    kind = yaml.MappingStartEvent if is_mapping else yaml.SequenceStartEvent
    yield kind(None, None, True)
    for one in node.value:
        for child in one if is_mapping else [one]:
            yield from _events_of(child)
    yield yaml.MappingEndEvent() if is_mapping else yaml.SequenceEndEvent()


def explodes() -> None:
    counted: Counter[str] = Counter()
    inner = parsing._events

    def counting(stream: BinaryIO) -> Iterator[yaml.Event]:
        for event in inner(stream):
            counted["events"] += 1
            assert counted["events"] < 1000
            yield event

    patch = pytest.MonkeyPatch()
    with patch.context():
        patch.setattr(parsing, "_events", counting)
        try:
            assert parsing.compact(io.BytesIO(bomb())) == {"web": []}
        finally:
            patch.undo()


def test_aliases_are_not_followed() -> None:
    explodes()


def test_aliases_that_were_followed_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    following_aliases(monkeypatch)
    with pytest.raises(AssertionError):
        explodes()


@pytest.mark.parametrize(
    ("index", "limit", "value"),
    [
        (b"apiVersion: v1\nentries: {a: " + b"[" * 60 + b"]" * 60 + b"}", "_DEPTH", 50),
        (
            b"apiVersion: v1\nentries:\n" + b"".join(b"  c%d: []\n" % n for n in range(60)),
            "_CHARTS",
            50,
        ),
        (
            b"apiVersion: v1\nentries:\n  a:\n" + b"  - version: 1.0.0\n" * 60,
            "_VERSIONS",
            50,
        ),
    ],
)
def test_indexes_are_counted_as_they_are_read(
    index: bytes, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(parsing.compact(io.BytesIO(index))) != set()
    monkeypatch.setattr(parsing, limit, value)
    with pytest.raises(parsing.UnreadableIndexError):
        parsing.compact(io.BytesIO(index))
