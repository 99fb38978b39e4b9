"""What no message of Go's own shows: bytes that are none, values that do not fit, other programs'
ways to write the same.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.wire import decode, encode, json_bytes, read_json, shape
from tiphys.core.wire.foreign import written_time
from tiphys.core.wire.varint import MalformedError, read_varint, signed, skip, varint
from tiphys.model.errors import ApiCode, ApiError

V1 = "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1"
META = "k8s.io.apimachinery.pkg.apis.meta.v1"


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_come_back(number: int) -> None:
    raw = varint(number)
    read, at = read_varint(raw, 0)
    assert (signed(read), at) == (number, len(raw))


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\x80" * 12])
def test_a_number_that_does_not_end_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read_varint(raw, 0)


def test_what_is_unknown_is_stepped_over() -> None:
    assert skip(b"\x96\x01", 0, 0) == 2
    assert skip(b"12345678", 0, 1) == 8
    assert skip(b"\x03abc", 0, 2) == 4
    assert skip(b"1234", 0, 5) == 4
    with pytest.raises(MalformedError):
        skip(b"", 0, 3)


def test_unknown_fields_of_every_kind_are_left_out() -> None:
    known = encode("account.Token", {"id": "a", "issuedAt": 7})
    unknown = (b"\x78\x01", b"\x79" + bytes(8), b"\x7a\x01x", b"\x7d" + bytes(4), b"\xf8\x07\x01")
    for one in unknown:
        assert decode("account.Token", one + known + one) == {"id": "a", "issuedAt": 7}


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a\x05ab",
        b"\x0a",
        b"\x7d\x00",
        b"\x7b",
        b"\x0a\x02\xff\xfe",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ],
)
def test_bytes_that_are_no_message_are_refused(raw: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        decode("account.Token", raw)
    assert refused.value.code is ApiCode.INTERNAL
    assert "error unmarshalling account.Token" in str(refused.value)


@given(st.binary(max_size=200))
def test_no_bytes_end_in_another_error(raw: bytes) -> None:
    try:
        decode(f"{V1}.Application", raw)
    except ApiError as error:
        assert error.code is ApiCode.INTERNAL  # noqa: PT017 - most of the bytes are no message


@pytest.mark.parametrize(
    "value",
    [{"id": 5}, {"issuedAt": "5"}, {"id": "\ud800"}],
)
def test_a_value_that_does_not_fit_is_nobodys_bytes(value: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        encode("account.Token", value)
    assert refused.value.code is ApiCode.INTERNAL
    assert "account.Token does not fit" in str(refused.value)


def test_a_zero_of_proto3_is_not_on_the_wire() -> None:
    assert encode("account.Account", {"name": "", "enabled": False, "tokens": []}) == b""


def test_numbers_may_come_packed() -> None:
    name = "application.ApplicationManifestQuery"
    apart = encode(name, {"name": "a", "sourcePositions": [1, 300]})
    packed = b"\x0a\x01a\x2a\x03\x01\xac\x02"
    assert decode(name, packed) == decode(name, apart) == {"name": "a", "sourcePositions": [1, 300]}


def test_a_map_without_key_or_value_has_their_zeros() -> None:
    name = "notification.Trigger"
    assert decode(name, b"") == {}
    entries = b"\x5a\x00\x5a\x05\x0a\x03key"
    assert decode(f"{META}.ObjectMeta", entries) == {"labels": {"": "", "key": ""}}


def test_the_parts_of_a_stream_go_one_by_one() -> None:
    name = "application.ApplicationManifestQueryWithFilesWrapper"
    query = {"query": {"name": "a", "checksum": "c"}}
    chunk = {"chunk": {"chunk": "AAEC"}}
    assert decode(name, encode(name, query)) == query
    assert decode(name, encode(name, chunk)) == chunk == {"chunk": {"chunk": "AAEC"}}
    assert encode(name, chunk) == b"\x12\x05\x0a\x03\x00\x01\x02"


class TestTimes:
    def field(self, text: str) -> Any:
        return read_json(f"{META}.ObjectMeta", {"deletionTimestamp": text})["deletionTimestamp"]

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z"),
            ("2026-02-03T04:05:06.999999999Z", "2026-02-03T04:05:06Z"),
            ("2026-02-03T04:05:06+02:00", "2026-02-03T02:05:06Z"),
            ("0900-02-03T04:05:06Z", "0900-02-03T04:05:06Z"),
        ],
    )
    def test_are_kept_to_the_second_in_utc(self, text: str, kept: str) -> None:
        assert self.field(text) == kept
        raw = encode(f"{META}.ObjectMeta", {"deletionTimestamp": text})
        assert decode(f"{META}.ObjectMeta", raw)["deletionTimestamp"] == kept

    @pytest.mark.parametrize(
        "text",
        ["", "now", "2026-02-03 04:05:06Z", "2026-02-03T04:05:06.000000", "2026-02-03T99:05:06Z"],
    )
    def test_are_refused_in_another_form(self, text: str) -> None:
        with pytest.raises(ApiError) as refused:
            self.field(text)
        assert refused.value.code is ApiCode.INVALID_ARGUMENT

    def test_are_texts(self) -> None:
        with pytest.raises(ApiError, match=r"number into Go struct field .*of type Time"):
            read_json(f"{META}.ObjectMeta", {"deletionTimestamp": 5})

    def test_of_microseconds_have_six_digits(self) -> None:
        name = "events.Event"
        value = read_json(name, {"eventTime": "2026-02-03T04:05:06.5+00:00"})
        assert value["eventTime"] == "2026-02-03T04:05:06.500000Z"
        assert "eventTime" not in decode(name, encode(name, {}))
        assert decode(name, encode(name, value))["eventTime"] == value["eventTime"]

    def test_beyond_the_calendar_are_no_times(self) -> None:
        raw = b"\x4a\x0c\x08" + varint(2**62) + b"\x10\x00"
        with pytest.raises(ApiError, match="a time out of range"):
            decode(f"{META}.ObjectMeta", raw)

    def test_step_over_what_a_stamp_does_not_have(self) -> None:
        raw = b"\x4a\x06\x0a\x01x\x08\x80\x01"
        assert decode(f"{META}.ObjectMeta", raw)["deletionTimestamp"] == written_time(128)


class TestRawJson:
    name = f"{META}.ManagedFieldsEntry"

    def test_steps_over_what_it_does_not_have(self) -> None:
        assert decode(self.name, b"\x3a\x06\x10\x01\x0a\x02{}") == {"fieldsV1": {}}

    def test_that_is_none_is_refused(self) -> None:
        with pytest.raises(ApiError, match="raw JSON that is none"):
            decode(self.name, b"\x3a\x03\x0a\x01{")


class TestNumberOrText:
    name = f"{V1}.ApplicationSetRolloutStep"

    @pytest.mark.parametrize("value", [5, -5, "25%"])
    def test_comes_back(self, value: int | str) -> None:
        given = read_json(self.name, {"maxUpdate": value})
        assert decode(self.name, encode(self.name, given)) == {"maxUpdate": value}

    def test_steps_over_what_it_does_not_have(self) -> None:
        assert decode(self.name, b"\x12\x05\x22\x01x\x10\x07") == {"maxUpdate": 7}

    @pytest.mark.parametrize("value", [True, 1.5, []])
    def test_is_nothing_else(self, value: Any) -> None:
        with pytest.raises(ApiError, match="of type IntOrString"):
            read_json(self.name, {"maxUpdate": value})


class TestReading:
    def test_finds_keys_in_any_case_and_drops_the_others(self) -> None:
        value = {"METADATA": {"Name": "a"}, "kind": "Application", "nope": 1}
        read = read_json(f"{V1}.Application", value)
        assert read["metadata"] == {"name": "a"}
        assert read.keys() == {"metadata", "spec", "status"}

    def test_takes_null_for_nothing(self) -> None:
        assert read_json("account.Account", None) == {}
        assert read_json("account.Account", {"name": None, "tokens": [None]}) == {"tokens": [{}]}
        assert read_json("account.Account", {"tokens": [], "name": ""}) == {}
        assert read_json("account.Account", {"capabilities": [None]}) == {"capabilities": [""]}
        query = {"sourcePositions": [None, 2]}
        read = read_json("application.ApplicationManifestQuery", query)
        assert read == {"sourcePositions": [0, 2]}

    def test_keeps_what_was_set_where_that_can_be_told(self) -> None:
        sync = {"dryRun": False, "name": "", "prune": None}
        read = read_json("application.ApplicationSyncRequest", sync)
        assert read == {"dryRun": False, "name": ""}

    @pytest.mark.parametrize(
        ("message", "value", "text"),
        [
            ("account.Account", [], "array into Go value of type Account"),
            ("account.Account", {"name": 5}, "number into Go struct field name of type string"),
            (
                "account.Account",
                {"enabled": "x"},
                "string into Go struct field enabled of type bool",
            ),
            ("account.Account", {"tokens": {}}, "object into Go struct field tokens"),
            ("account.Account", {"tokens": [{"issuedAt": "5"}]}, "tokens.issuedAt of type int64"),
            ("account.Token", {"issuedAt": 1.5}, "number into Go struct field issuedAt"),
            ("account.Token", {"issuedAt": 2**63}, "of type int64"),
            ("account.Token", {"issuedAt": True}, "bool into Go struct field issuedAt"),
            (f"{META}.ObjectMeta", {"labels": []}, r"array into .* of type map\[string\]"),
            ("application.FileChunk", {"chunk": "?"}, r"of type \[\]uint8"),
            ("application.FileChunk", {"chunk": 5}, r"of type \[\]uint8"),
        ],
    )
    def test_refuses_another_type(self, message: str, value: Any, text: str) -> None:
        with pytest.raises(ApiError, match=text) as refused:
            read_json(message, value)
        assert refused.value.code is ApiCode.INVALID_ARGUMENT


class TestOverrides:
    """Their ignore rules are YAML inside of JSON."""

    name = f"{V1}.ResourceOverride"

    def test_are_yaml_of_everything(self) -> None:
        value = read_json(self.name, {"ignoreDifferences": "jsonPointers: [/spec/a]"})
        told = shape(self.name, decode(self.name, encode(self.name, value)))
        assert told["ignoreDifferences"] == (
            "jqPathExpressions: null\njsonPointers:\n- /spec/a\nmanagedFieldsManagers: null\n"
        )

    def test_that_are_not_said_are_all_null(self) -> None:
        text = "jqPathExpressions: null\njsonPointers: null\nmanagedFieldsManagers: null\n"
        assert shape(self.name, {}) == {"ignoreDifferences": text, "ignoreResourceUpdates": text}

    @pytest.mark.parametrize("text", [5, "{", "jsonPointers: 5"])
    def test_are_refused_where_they_are_none(self, text: Any) -> None:
        with pytest.raises(ApiError):
            read_json(self.name, {"ignoreDifferences": text})


def test_keys_that_nobody_knows_are_left_out_of_answers() -> None:
    value = {"kind": "AppProjectList", "metadata": {}, "items": [], "more": 1}
    assert shape(f"{V1}.AppProjectList", value) == {"metadata": {}, "items": None}


def test_texts_are_escaped_as_go_does() -> None:
    value = {"<a>": "b & c\u2028d\u2029 é"}
    text = '{"\\u003ca\\u003e":"b \\u0026 c\\u2028d\\u2029 é"}'
    assert json_bytes(value) == text.encode()
    assert json_bytes({"a": [1, "é"]}) == '{"a":[1,"é"]}'.encode()
