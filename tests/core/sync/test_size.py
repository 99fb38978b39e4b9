"""Messages made to fit into what an Application may weigh."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.sync.world import record
from tiphys.core.sync.size import MESSAGE_LIMIT, cut, shortened
from tiphys.model.operation import OperationState, ResourceResult, SyncOperationResult


def result(message: str) -> ResourceResult:
    return ResourceResult(
        group="", version="v1", kind="ConfigMap", namespace="demo", name="a", message=message
    )


def state(message: str, *texts: str) -> OperationState:
    resources = tuple(result(text) for text in texts)
    return record(
        message=message, sync_result=SyncOperationResult(revision="abc", resources=resources)
    )


def texts_of(made: OperationState) -> list[str]:
    resources = made.sync_result.resources if made.sync_result else ()
    return [made.message, *(one.message for one in resources)]


def test_what_fits_stays_as_it_is() -> None:
    small = state("done", "a created", "b created")
    assert shortened(small) is small
    bare = replace(small, sync_result=None)
    assert shortened(bare) is bare


def test_one_message_has_a_limit() -> None:
    made = shortened(state("done", "x" * (MESSAGE_LIMIT + 1), "y" * MESSAGE_LIMIT))
    message, first, second = texts_of(made)
    assert message == "done"
    assert first == "x" * (MESSAGE_LIMIT - 12) + " [shortened]"
    assert second == "y" * MESSAGE_LIMIT
    bare = replace(state("z" * (MESSAGE_LIMIT + 1)), sync_result=None)
    assert len(shortened(bare).message) == MESSAGE_LIMIT


def test_the_longest_are_cut_first() -> None:
    made = shortened(state("done", "x" * 1000, "short", "y" * 900), limit=409)
    assert texts_of(made) == [
        "done",
        "x" * 188 + " [shortened]",
        "short",
        "y" * 188 + " [shortened]",
    ]


def test_no_letter_is_cut_in_two() -> None:
    assert cut("\u00e9" * 20, 15) == "\u00e9 [shortened]"
    assert cut("\u00e9" * 20, 11) == ""


@given(st.lists(st.text(max_size=200), min_size=1, max_size=8), st.integers(0, 600))
def test_all_together_stay_within_the_limit(texts: list[str], limit: int) -> None:
    made = shortened(state(texts[0], *texts[1:]), limit=limit)
    left = texts_of(made)
    assert sum(len(text.encode()) for text in left) <= limit
    for before, after in zip(texts, left, strict=True):
        assert before == after or after == "" or after.endswith(" [shortened]")
