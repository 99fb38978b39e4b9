"""Scalars are what Kubernetes' own parser makes of them, not YAML 1.2."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.adapters.engine import EngineRenderer
from tiphys.model.errors import RenderError, RenderLimitError

SCALARS: list[tuple[str, Any]] = [
    ("y", True),
    ("Y", True),
    ("n", False),
    ("yes", True),
    ("Yes", True),
    ("YES", True),
    ("no", False),
    ("No", False),
    ("on", True),
    ("On", True),
    ("off", False),
    ("OFF", False),
    ("true", True),
    ("True", True),
    ("tRUE", "tRUE"),
    ("null", None),
    ("Null", None),
    ("~", None),
    ("", None),
    ("0123", 83),
    ("0o17", 15),
    ("0x1F", 31),
    ("0b11", 3),
    ("08", 8),
    ("1_000", 1000),
    ("1e3", 1000),
    ("1.0", 1),
    ("1.50", 1.5),
    ("+5", 5),
    ("-0", 0),
    ("12345678901234567890", 12345678901234567890),
    ("2024-01-02", "2024-01-02"),
    ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
    ("12:30:45", "12:30:45"),
    ("1:30", "1:30"),
    ("'yes'", "yes"),
    ('"0123"', "0123"),
    ("!!str 12", "12"),
    ("=", "="),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
async def test_scalar(engine: EngineRenderer, text: str, value: Any) -> None:
    [document] = await engine.decode_yaml(f"key: {text}\n".encode())
    assert document == {"key": value}
    assert type(document["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("a: 1\na: 2\n", {"a": 2}),
        ("y: 1\n", {"true": 1}),
        ("1: a\n", {"1": "a"}),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: >-\n  one\n  two\n", {"a": "one two"}),
        ('{"a": [1, true, null]}', {"a": [1, True, None]}),
    ],
)
async def test_document(engine: EngineRenderer, text: str, document: dict[str, Any]) -> None:
    assert await engine.decode_yaml(text.encode()) == [document]


async def test_documents_are_split_and_empty_ones_dropped(engine: EngineRenderer) -> None:
    text = b"---\n# nothing\n---\na: 1\n---\n\n---\nnull\n--- \nb: '---'\n"
    assert await engine.decode_yaml(text) == [{"a": 1}, {"b": "---"}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_byte_order_marks(engine: EngineRenderer, encoding: str) -> None:
    assert await engine.decode_yaml("a: größe\n".encode(encoding)) == [{"a": "größe"}]


async def test_a_syntax_error_says_where_and_not_what(engine: EngineRenderer) -> None:
    with pytest.raises(RenderError, match="line 2") as caught:
        await engine.decode_yaml(b"password: hunter2\n\tb: hunter3\n")
    assert "hunter" not in str(caught.value)


def _bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


async def test_an_alias_bomb_is_refused(engine: EngineRenderer) -> None:
    with pytest.raises(RenderLimitError, match="aliases"):
        await engine.decode_yaml(_bomb(9))


async def test_one_long_text_by_many_aliases_is_refused(engine: EngineRenderer) -> None:
    text = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]\n"
    with pytest.raises(RenderLimitError, match="aliases"):
        await engine.decode_yaml(text.encode())


async def test_modest_aliases_are_fine(engine: EngineRenderer) -> None:
    [document] = await engine.decode_yaml(_bomb(3))
    assert len(document["a2"]) == 9


@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, "{a: " * 600 + "1" + "}" * 600])
async def test_deep_nesting_is_refused(engine: EngineRenderer, text: str) -> None:
    with pytest.raises(RenderLimitError, match="deeper"):
        await engine.decode_yaml(f"a: {text}\n".encode())


async def test_a_document_over_the_size_limit_is_refused(engine: EngineRenderer) -> None:
    with pytest.raises(RenderLimitError, match="document is over the limit"):
        await engine.decode_yaml(b"a: b\n" + b"# comment\n" * 3_500_000)
