"""Bodies as Go's decoder reads them: the first value counts, and faults have its words."""

from __future__ import annotations

import pytest

from tiphys.core.wire.bodies import first_body_value, read_body_values
from tiphys.model.errors import ApiCode, ApiError


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", None),
        (b" \n", None),
        (b'{"a":1}', {"a": 1}),
        (b'"text"', "text"),
        (b'{"a":1} trailing', {"a": 1}),
        (b'{"a":1}{"b":2}', {"a": 1}),
    ],
)
def test_the_first_value_counts(body: bytes, value: object) -> None:
    assert first_body_value(body) == value


def test_values_may_follow_one_another() -> None:
    assert list(read_body_values(b'{"a":1}\n {"b":2} ')) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"xyz", "invalid character 'x' looking for beginning of value"),
        (b'{"a":', "unexpected EOF"),
        (b'{"a":"b', "unexpected EOF"),
        (b"{a", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b"[1 2]", "invalid character '2' after value"),
        (b'"\x01"', "invalid character '\\x01' in string literal"),
        (b"NaN", "invalid character 'N' in value"),
        (b"\xff", "invalid UTF-8 in body"),
        (b"[" * 100_000, "exceeded max depth"),
    ],
)
def test_what_is_no_json_is_refused(body: bytes, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        first_body_value(body)
    assert refused.value.code is ApiCode.INVALID_ARGUMENT
    assert str(refused.value) == text
