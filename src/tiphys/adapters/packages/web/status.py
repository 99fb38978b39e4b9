"""What a status other than 200 means."""

from __future__ import annotations

from tiphys.adapters.packages.errors import Step, failed, shown
from tiphys.model.errors import RepositoryError, RevisionNotFoundError


def require_ok(status: int, url: str, *, has_login: bool) -> None:
    """Raises RepositoryError unless there is a body to read."""
    match status:
        case 200:
            return
        case 401 | 403:
            raise refused(status, url, has_login=has_login)
        case 404 | 410:
            raise RevisionNotFoundError(
                f"{shown(url)} is not there: the server answers {status}", url=shown(url)
            )
        case _:
            raise failed(Step.ANSWER, f"the server answers {status} to {shown(url)}", url)


def refused(status: int, url: str, *, has_login: bool) -> RepositoryError:
    if has_login:
        return failed(Step.LOGIN, f"the server answers {status} to user and password", url)
    remedy = "register the repository with a user and a password"
    text = f"the server answers {status}: it wants a login, and the repository has none"
    return failed(Step.LOGIN, text, url, remedy=remedy)
