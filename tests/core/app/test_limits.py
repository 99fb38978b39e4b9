"""A status never outgrows the object that carries it, and says when it was shortened."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.core.app.build import NOW, ago
from tiphys.core.app.limits import MOST_BYTES, TOO_LARGE, fitting

LONG = "because " * 1000


def size(status: Any) -> int:
    return len(msgspec.json.encode(status))


def resource(number: int, message: str = "") -> dict[str, Any]:
    health = {"health": {"status": "Degraded", "message": message}} if message else {}
    return {"kind": "ConfigMap", "name": f"name-{number}", "status": "Synced", **health}


def result(number: int, message: str = "", **more: str) -> dict[str, Any]:
    return {**resource(number), "message": message, **more}


def test_what_fits_is_left_alone() -> None:
    status = {"resources": [resource(1, LONG)]}
    assert fitting(status, {}, NOW) is status


def test_texts_are_shortened_and_it_is_said() -> None:
    state = {
        "message": LONG,
        "syncResult": {"resources": [result(n, LONG) for n in range(200)], "revision": "r"},
    }
    conditions = [{"type": "ComparisonError", "message": LONG, "lastTransitionTime": ago(1)}]
    status = {"operationState": state, "conditions": conditions, "resources": [resource(1)]}
    short = fitting(status, {}, NOW)
    assert size(short) <= MOST_BYTES
    assert len(short["operationState"]["syncResult"]["resources"]) == 200
    assert short["operationState"]["syncResult"]["revision"] == "r"
    assert short["operationState"]["message"].endswith(" ...")
    assert len(short["operationState"]["message"]) == 1000
    assert short["resources"] == [resource(1)]
    assert [entry["type"] for entry in short["conditions"]] == ["ComparisonError", "UnknownError"]
    assert short["conditions"][1] == {
        "type": "UnknownError",
        "message": TOO_LARGE,
        "lastTransitionTime": ago(0),
    }


def test_an_operation_that_has_no_results_yet() -> None:
    short = fitting({"operationState": {"phase": "Running", "message": LONG}}, {}, NOW, most=3000)
    assert short["operationState"]["phase"] == "Running"
    assert len(short["operationState"]["message"]) == 1000


def test_it_is_said_since_when() -> None:
    status = {"resources": [resource(n, LONG) for n in range(300)]}
    stored = fitting(status, {}, NOW)
    later = fitting(
        status, {"conditions": [{"type": "X"}, *stored["conditions"]]}, NOW.replace(hour=13)
    )
    assert later == stored
    assert fitting({**status, "conditions": stored["conditions"]}, stored, NOW) == stored


def test_it_is_said_as_long_as_it_is_so() -> None:
    """A later write that fits keeps the texts that were cut, and goes on to say so."""
    state = {"syncResult": {"resources": [result(n, LONG) for n in range(200)]}}
    cut = fitting({"operationState": state}, {}, NOW)
    later = {**cut, "conditions": [], "resources": [resource(1)]}
    said = fitting(later, cut, NOW)
    assert [entry["message"] for entry in said["conditions"]] == [TOO_LARGE]
    # Nothing is short any more.
    whole = {**said, "operationState": {"message": "fine"}}
    assert fitting({**whole, "conditions": []}, said, NOW) == {**whole, "conditions": []}
    health = {**whole, "conditions": [], "resources": [resource(1, "cut ...")]}
    assert fitting(health, said, NOW)["conditions"]


def test_results_that_cannot_be_found_out_again_stay() -> None:
    plain = [result(n, status="Synced") for n in range(300)]
    others = [result(900, status="SyncFailed"), result(901, hookType="Sync", status="Synced")]
    state = {"phase": "Running", "syncResult": {"resources": [*plain, *others]}}
    short = fitting({"operationState": state}, {}, NOW, most=3000)
    assert short["operationState"]["syncResult"]["resources"] == [
        {**entry, "message": ""} for entry in others
    ]


def test_in_the_end_the_list_of_objects_goes() -> None:
    status = {"resources": [resource(n) for n in range(300)], "sync": {"status": "Synced"}}
    short = fitting(status, {}, NOW, most=3000)
    assert short.keys() == {"sync", "conditions"}


def test_and_all_but_the_last_deployment() -> None:
    history = [{"id": n, "source": {"helm": {"values": "x" * 500}}} for n in range(10)]
    short = fitting({"history": history}, {}, NOW, most=3000)
    assert short["history"] == history[-1:]


@given(
    st.lists(st.text(max_size=3000), max_size=40),
    st.lists(st.text(max_size=3000), max_size=40),
)
def test_a_shortened_status_is_not_shortened_further(causes: list[str], texts: list[str]) -> None:
    status = {
        "resources": [resource(n, text) for n, text in enumerate(causes)],
        "operationState": {
            "syncResult": {"resources": [result(n, t) for n, t in enumerate(texts)]}
        },
    }
    short = fitting(status, {}, NOW, most=20_000)
    if short is not status:
        assert fitting(short, short, NOW, most=22_000) == short
