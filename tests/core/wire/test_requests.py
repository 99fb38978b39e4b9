"""Requests over HTTP: which of path, query and body counts, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.wire import HttpRule, Method, Streaming, contract, read_request
from tiphys.model.errors import ApiCode, ApiError

APPLICATION = "application.ApplicationService"


def _read(
    name: str,
    path: dict[str, str] | None = None,
    query: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> dict[str, Any]:
    method = contract().methods[name]
    return read_request(method, method.http[0], path or {}, query, body)


def test_the_whole_body_is_the_message_and_the_query_says_nothing() -> None:
    query = (("prune", "true"),)
    read = _read(f"{APPLICATION}/Sync", {"name": "a"}, query, b'{"name":"b","revision":"main"}')
    assert read == {"name": "a", "revision": "main"}


def test_a_field_is_the_body_and_the_query_the_rest() -> None:
    query = (("upsert", "T"), ("validate", "false"), ("application.metadata.name", "no"))
    read = _read(f"{APPLICATION}/Create", {}, query, b'{"Metadata":{"name":"a"}}')
    assert (read["upsert"], read["validate"]) == (True, False)
    assert read["application"]["metadata"] == {"name": "a"}


def test_a_path_reaches_into_the_body() -> None:
    path = {"application.metadata.name": "a"}
    read = _read(f"{APPLICATION}/Update", path, (), b'{"metadata":{"name":"b","labels":{"x":"y"}}}')
    assert read["application"]["metadata"] == {"name": "a", "labels": {"x": "y"}}


def test_a_body_may_be_a_text_or_nothing() -> None:
    assert _read(f"{APPLICATION}/PatchResource", {"name": "a"}, (), b'"{}"') == {
        "name": "a",
        "patch": "{}",
    }
    assert _read(f"{APPLICATION}/PatchResource", {"name": "a"}, (), b" ") == {"name": "a"}
    assert _read(f"{APPLICATION}/PatchResource", {"name": "a"}, (), b"null") == {"name": "a"}
    assert _read(f"{APPLICATION}/Get", {"name": "a"}, (), b'{"name":"b"}') == {"name": "a"}


def test_lists_gather_and_of_others_the_first_counts() -> None:
    query = (("projects", "a"), ("projects", "b"), ("repo", "a"), ("repo", "b"), ("nope", "x"))
    read = _read(f"{APPLICATION}/List", {}, (*query, ("name.of", "x"), ("projects.x", "x")))
    assert read == {"projects": ["a", "b"], "repo": "a"}


def test_the_path_goes_before_the_query() -> None:
    assert _read(f"{APPLICATION}/Get", {"name": "a"}, (("name", "b"),)) == {"name": "a"}


def test_messages_are_reached_by_dots() -> None:
    query = (("id.type", "name_escaped"), ("id.nope", "x"), ("name", "n"))
    read = _read("cluster.ClusterService/Get", {"id.value": "a/b"}, query)
    assert read == {"id": {"value": "a/b", "type": "name_escaped"}, "name": "n"}


def test_times_are_asked_for_in_seconds() -> None:
    query = (("sinceTime.nanos", "5"), ("sinceTime.seconds", "1700000000"), ("tailLines", "-3"))
    read = _read(f"{APPLICATION}/PodLogs", {"name": "a", "podName": "p"}, query)
    assert read["sinceTime"] == "2023-11-14T22:13:20Z"
    assert read["tailLines"] == -3


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        (("follow", "yes"), 'strconv.ParseBool: parsing "yes": invalid syntax'),
        (("tailLines", "1.5"), 'strconv.ParseInt: parsing "1.5": invalid syntax'),
        (("tailLines", "١"), 'strconv.ParseInt: parsing "١": invalid syntax'),
        (("tailLines", "9" * 19), "value out of range"),
        (("tailLines", "9" * 5000), "value out of range"),
        (("sinceTime", "now"), "sinceTime cannot be given in a URL"),
    ],
)
def test_what_cannot_be_read_is_an_invalid_argument(pair: tuple[str, str], text: str) -> None:
    with pytest.raises(ApiError) as refused:
        _read(f"{APPLICATION}/PodLogs", {"name": "a", "podName": "p"}, (pair,))
    assert refused.value.code is ApiCode.INVALID_ARGUMENT
    assert text in str(refused.value)


def test_a_parameter_of_the_path_says_which_it_is() -> None:
    with pytest.raises(ApiError, match="type mismatch, parameter: iat, error: strconv"):
        _read("project.ProjectService/DeleteToken", {"project": "p", "role": "r", "iat": "x"})


def _of(message: str, *query: tuple[str, str]) -> dict[str, Any]:
    """By a route that the contract does not have: a message all of whose fields a URL may name."""
    rule = HttpRule("GET", "/")
    return read_request(Method("a.B/C", message, message, Streaming.UNARY), rule, {}, query, b"")


def test_maps_are_asked_for_in_brackets() -> None:
    meta = "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert _of(meta, ("labels[a]", "b")) == {"labels": {"a": "b"}}
    with pytest.raises(ApiError, match="labels needs a key in brackets"):
        _of(meta, ("labels", "b"))


def test_bytes_are_base64_of_either_alphabet() -> None:
    assert _of("application.FileChunk", ("chunk", "-_8=")) == {"chunk": "+/8="}
    assert _of("application.FileChunk", ("chunk", "+/8=")) == {"chunk": "+/8="}
    with pytest.raises(ApiError, match="illegal base64 data"):
        _of("application.FileChunk", ("chunk", "a"))


def test_a_number_of_32_bits_ends_there() -> None:
    query = "application.RevisionMetadataQuery"
    assert _of(query, ("versionId", "+2147483647")) == {"versionId": 2147483647}
    with pytest.raises(ApiError, match="value out of range"):
        _of(query, ("versionId", "2147483648"))
