"""Status objects as typed errors, and the values of Secrets that they must not carry."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.adapters.kube.errors import error_from_event, error_from_status
from tiphys.model.errors import (
    ConflictError,
    ForbiddenError,
    InvalidObjectError,
    KubeError,
    KubeUnreachableError,
    ObjectExistsError,
    ObjectNotFoundError,
    ResourceGoneError,
)


def status(reason: str, message: str = "said", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "reason": reason, "message": message, "details": details}


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", InvalidObjectError),
        (401, "Unauthorized", ForbiddenError),
        (403, "Forbidden", ForbiddenError),
        (404, "NotFound", ObjectNotFoundError),
        (405, "MethodNotAllowed", KubeError),
        (409, "AlreadyExists", ObjectExistsError),
        (409, "Conflict", ConflictError),
        (410, "Expired", ResourceGoneError),
        (410, "Gone", ResourceGoneError),
        (413, "RequestEntityTooLarge", InvalidObjectError),
        (422, "Invalid", InvalidObjectError),
        (429, "TooManyRequests", KubeUnreachableError),
        (500, "InternalError", KubeUnreachableError),
        (503, "ServiceUnavailable", KubeUnreachableError),
    ],
)
def test_statuses_have_types(code: int, reason: str, kind: type[KubeError]) -> None:
    error = error_from_status(code, status(reason), "GET /x")
    assert type(error) is kind
    assert (str(error), error.status, error.reason) == ("said", code, reason)


def test_an_answer_without_a_status_names_the_call() -> None:
    error = error_from_status(502, None, "GET /api/v1/pods")
    assert str(error) == "GET /api/v1/pods: the API server answered 502"


def test_a_version_that_the_server_has_not_reached_is_as_good_as_gone() -> None:
    body = status("Timeout", causes=[{"reason": "ResourceVersionTooLarge"}])
    assert isinstance(error_from_status(504, body, "GET /x"), ResourceGoneError)
    assert isinstance(error_from_status(504, status("Timeout"), "GET /x"), KubeUnreachableError)


def test_an_error_event_carries_its_own_code() -> None:
    gone = error_from_event({"code": 410, "reason": "Expired", "message": "too old"}, "watch")
    assert isinstance(gone, ResourceGoneError)
    assert isinstance(error_from_event({}, "watch"), KubeUnreachableError)


@pytest.mark.parametrize("code", [400, 403, 422, 500])
def test_what_is_said_of_a_written_secret_has_no_values(code: int) -> None:
    body = status(
        "Invalid",
        'Secret "s" is invalid: data[k]: Invalid value: "hunter2"',
        name="s",
        kind="Secret",
        causes=[
            {"field": "data[k]", "message": 'Invalid value: "hunter2"'},
            {"field": "data[k]", "message": "again"},
            {"field": "type"},
            {},
        ],
    )
    error = error_from_status(code, body, "PATCH /s", secret=True)
    assert str(error) == f'Secret "s": the API server answered {code} Invalid for data[k], type'


def test_a_written_secret_without_details_names_the_call() -> None:
    error = error_from_status(400, {"message": "hunter2"}, "POST /secrets", secret=True)
    assert str(error) == "POST /secrets: the API server answered 400"


def test_conflicts_of_secrets_say_what_they_say() -> None:
    error = error_from_status(409, status("Conflict", "modified"), "PUT /s", secret=True)
    assert str(error) == "modified"
