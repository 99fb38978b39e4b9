"""What stays, what goes, what keeps its time, and in which order conditions are listed."""

from tests.core.app.build import NOW
from tiphys.core.app.conditions import COMPARE_TYPES, SPEC_TYPES, Condition, set_conditions
from tiphys.model.appstatus import ApplicationCondition
from tiphys.model.status import ConditionType

THEN = "2025-12-31T00:00:00Z"
NOW_TEXT = "2026-01-01T12:00:00Z"


def stored(kind: ConditionType, message: str) -> ApplicationCondition:
    return ApplicationCondition(type=kind.value, message=message, last_transition_time=THEN)


def test_evaluated_types_are_replaced_and_others_stay() -> None:
    result = set_conditions(
        [
            stored(ConditionType.SYNC_ERROR, "failed"),
            stored(ConditionType.COMPARISON_ERROR, "no repository"),
        ],
        [],
        COMPARE_TYPES,
        NOW,
    )
    assert result == (stored(ConditionType.SYNC_ERROR, "failed"),)


def test_an_equal_message_keeps_its_time() -> None:
    before = stored(ConditionType.COMPARISON_ERROR, "no repository")
    found = [Condition(ConditionType.COMPARISON_ERROR, "no repository")]
    assert set_conditions([before], found, COMPARE_TYPES, NOW) == (before,)


def test_another_message_is_dated_anew() -> None:
    before = stored(ConditionType.COMPARISON_ERROR, "no repository")
    found = [Condition(ConditionType.COMPARISON_ERROR, "no path")]
    assert set_conditions([before], found, COMPARE_TYPES, NOW) == (
        ApplicationCondition(
            type="ComparisonError", message="no path", last_transition_time=NOW_TEXT
        ),
    )


def test_only_the_first_stored_condition_of_a_type_is_asked() -> None:
    first = stored(ConditionType.REPEATED_RESOURCE_WARNING, "a twice")
    second = stored(ConditionType.REPEATED_RESOURCE_WARNING, "b twice")
    found = [Condition(ConditionType.REPEATED_RESOURCE_WARNING, "b twice")]
    (result,) = set_conditions([first, second], found, COMPARE_TYPES, NOW)
    assert result.last_transition_time == NOW_TEXT


def test_a_type_that_is_only_added_to_is_not_listed_twice() -> None:
    before = stored(ConditionType.INVALID_SPEC_ERROR, "Namespace for x is missing.")
    found = [
        Condition(ConditionType.INVALID_SPEC_ERROR, "Namespace for x is missing."),
        Condition(ConditionType.UNKNOWN_ERROR, "schema"),
        Condition(ConditionType.UNKNOWN_ERROR, "schema"),
    ]
    result = set_conditions([before], found, COMPARE_TYPES, NOW)
    assert [condition.type for condition in result] == ["InvalidSpecError", "UnknownError"]


def test_order_is_type_message_time() -> None:
    undated = ApplicationCondition(type="SyncError", message="a")
    found = [
        Condition(ConditionType.UNKNOWN_ERROR, "b"),
        Condition(ConditionType.INVALID_SPEC_ERROR, "b"),
        Condition(ConditionType.INVALID_SPEC_ERROR, "a"),
    ]
    result = set_conditions([undated], found, SPEC_TYPES, NOW)
    assert [(condition.type, condition.message) for condition in result] == [
        ("InvalidSpecError", "a"),
        ("InvalidSpecError", "b"),
        ("SyncError", "a"),
        ("UnknownError", "b"),
    ]
