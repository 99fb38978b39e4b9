"""Whether a project may be stored. All texts are those of the refused call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from tiphys.core.project.accounts import is_account
from tiphys.core.project.errors import WindowError
from tiphys.core.project.policies import check_policy
from tiphys.core.project.windows import check_window
from tiphys.model.appproject import AppProjectSpec, ProjectRole, SyncWindow
from tiphys.model.errors import ApiCode, ApiError

_ROLE = re.compile(r"[a-zA-Z0-9]([-_a-zA-Z0-9]*[a-zA-Z0-9])?")
_DENY_ALL = "!*"
_LONGEST_DESCRIPTION = 255


def validated(name: str, spec: AppProjectSpec, is_zone: Callable[[str], bool]) -> AppProjectSpec:
    """The spec as it is stored: windows without a time zone, or with none that is one, say UTC.

    `is_zone` knows the names of time zones. Raises ApiError.
    """
    _check_destinations(spec)
    _check_unique("source namespace", spec.source_namespaces, ApiCode.INVALID_ARGUMENT)
    _check_sources(spec)
    _check_roles(name, spec.roles)
    windows = tuple(_zoned(window, is_zone) for window in spec.sync_windows)
    _check_windows(windows)
    _check_accounts(spec)
    return replace(spec, sync_windows=windows)


def _check_destinations(spec: AppProjectSpec) -> None:
    for destination in spec.destinations:
        for field in ("name", "server", "namespace"):
            if getattr(destination, field) == _DENY_ALL:
                raise _invalid(f"{field} has an invalid format, '{_DENY_ALL}'")
    named = (f"{one.server or one.name}/{one.namespace}" for one in spec.destinations)
    _check_unique("destination", named, ApiCode.INVALID_ARGUMENT)


def _check_sources(spec: AppProjectSpec) -> None:
    if _DENY_ALL in spec.source_repos:
        raise _invalid(f"source repository has an invalid format, '{_DENY_ALL}'")
    _check_unique("source repository", spec.source_repos, ApiCode.INVALID_ARGUMENT)


def _check_roles(project: str, roles: Iterable[ProjectRole]) -> None:
    known: set[str] = set()
    for role in roles:
        if role.name in known:
            raise _exists(f"role '{role.name}'")
        known.add(role.name)
        if not _ROLE.fullmatch(role.name):
            raise _invalid(
                f"invalid role name '{role.name}'. Must consist of alphanumeric characters, "
                "'-' or '_', and must start and end with an alphanumeric character"
            )
        for policy in role.policies:
            check_policy(project, role.name, policy)
        _check_repeated("policy", role.policies, role.name)
        for group in role.groups:
            _check_group(group)
        _check_repeated("group", role.groups, role.name)


def _check_group(group: str) -> None:
    if not group.strip():
        raise _invalid("group names must not be empty")
    if group != group.strip():
        raise _invalid(f"group '{group}' begins or ends with a blank")
    quoted = len(group) > 1 and group.startswith('"') and group.endswith('"')
    inner = group[1:-1] if quoted else group
    if any(sign in inner for sign in '"\n\r\t'):
        raise _invalid(f"group '{group}' contains a quote, newline or tab")
    if "," in inner and not quoted:
        raise _invalid(f"group '{group}' must be in double quotes, for it contains a comma")


def _check_repeated(what: str, texts: Iterable[str], role: str) -> None:
    known: set[str] = set()
    for text in texts:
        if text in known:
            raise _exists(f"{what} '{text}'", f" for role '{role}'")
        known.add(text)


def _zoned(window: SyncWindow, is_zone: Callable[[str], bool]) -> SyncWindow:
    return window if is_zone(window.time_zone) else replace(window, time_zone="UTC")


def _check_windows(windows: Iterable[SyncWindow]) -> None:
    known: set[tuple[object, ...]] = set()
    for window in windows:
        identity = window_identity(window)
        if identity in known:
            raise _exists(
                f"window '{window.kind}:{window.schedule}:{window.duration}'", ", update or edit"
            )
        known.add(identity)
        try:
            check_window(window)
        except WindowError as error:
            raise ApiError(ApiCode.UNKNOWN, str(error)) from None
        if len(window.description) > _LONGEST_DESCRIPTION:
            raise _invalid(
                f"description of a window is longer than {_LONGEST_DESCRIPTION} characters"
            )
        if not (window.applications or window.namespaces or window.clusters):
            raise ApiError(
                ApiCode.OUT_OF_RANGE,
                f"window '{window.kind}:{window.schedule}:{window.duration}' requires one of "
                "application, cluster or namespace",
            )


def window_identity(window: SyncWindow) -> tuple[object, ...]:
    """Two windows of equal identity are the same one."""
    return (
        window.kind,
        window.schedule,
        window.duration,
        window.applications,
        window.namespaces,
        window.clusters,
        window.time_zone,
        window.and_operator,
    )


def _check_accounts(spec: AppProjectSpec) -> None:
    for entry in spec.destination_service_accounts:
        for field in ("server", "namespace"):
            if "!" in getattr(entry, field):
                raise _invalid(f"{field} has an invalid format, '{getattr(entry, field)}'")
        if not is_account(entry.default_service_account):
            raise _invalid(
                f"defaultServiceAccount has an invalid format, '{entry.default_service_account}'"
            )
    named = (f"{one.server}/{one.namespace}" for one in spec.destination_service_accounts)
    _check_unique("destinationServiceAccount", named, ApiCode.INVALID_ARGUMENT)


def _check_unique(what: str, texts: Iterable[str], code: ApiCode) -> None:
    known: set[str] = set()
    for text in texts:
        if text in known:
            raise ApiError(code, f"{what} '{text}' already added")
        known.add(text)


def _invalid(text: str) -> ApiError:
    return ApiError(ApiCode.INVALID_ARGUMENT, text)


def _exists(what: str, where: str = "") -> ApiError:
    return ApiError(ApiCode.ALREADY_EXISTS, f"{what} already exists{where}")
