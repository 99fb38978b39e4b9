"""Our bytes and JSON against those of the contract's own Go types.

tests/corpus/wire/messages.jsonl.xz is what tests/programs/contract printed, with Go 1.27:

    GOFLAGS=-mod=mod go run . | xz -9

It is made once, for building that program takes minutes. Every request and answer of every service
is there thrice: with nothing in it, with pointers to nothing, and with everything.
"""

from __future__ import annotations

import base64
import json
import lzma
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tiphys.core.wire import contract, decode, encode, json_bytes, read_json, shape
from tiphys.model.errors import ApiError

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "wire" / "messages.jsonl.xz"


@dataclass(frozen=True)
class Sample:
    message: str
    said: Any
    wire: bytes


def _samples() -> list[Sample]:
    lines = lzma.decompress(CORPUS.read_bytes()).splitlines()
    told = (json.loads(line) for line in lines)
    return [Sample(one["message"], one["json"], base64.b64decode(one["wire"])) for one in told]


SAMPLES = _samples()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def test_everything_that_goes_over_the_wire_is_there() -> None:
    services = ("repository.RepoServer", "plugin.", "askpass.", "CommitService")
    methods = [one for one in contract().methods.values() if not one.name.startswith(services)]
    spoken = {one.request for one in methods} | {one.response for one in methods}
    unsaid = {
        "application.ApplicationManifestQueryWithFilesWrapper",  # Go's JSON has no word for it
        "google.protobuf.Empty",
    }
    assert spoken - {one.message for one in SAMPLES} == unsaid


@pytest.mark.parametrize("name", sorted({one.message for one in SAMPLES}))
def test_a_message_is_what_go_makes_of_it(name: str) -> None:
    for one in (one for one in SAMPLES if one.message == name):
        assert encode(name, one.said) == one.wire
        assert decode(name, one.wire) == _without_nulls(one.said)
        assert shape(name, decode(name, one.wire)) == one.said
        assert read_json(name, one.said) == decode(name, one.wire)


def test_a_message_that_ends_early_is_refused_or_has_less_in_it() -> None:
    name = "cluster.Settings"
    whole = next(one for one in reversed(SAMPLES) if one.message == name)
    size = len(json_bytes(whole.said))
    refused = 0
    for end in range(0, len(whole.wire), 7):
        try:
            read = decode(name, whole.wire[:end])
        except ApiError:
            refused += 1
        else:
            assert len(json_bytes(read)) < size
    assert refused > len(whole.wire) // 14
