"""As which account an application's objects are applied."""

from __future__ import annotations

from tiphys.core.project.effective import EffectiveProject
from tiphys.core.project.errors import ServiceAccountError
from tiphys.core.project.patterns import glob

_FORBIDDEN = frozenset("!*[]{}\\/")


def service_account(
    project: EffectiveProject, server: str, namespace: str, app_namespace: str
) -> str | None:
    """`system:serviceaccount:<namespace>:<name>` of the first entry that fits, None without one.

    `namespace` is the destination's as the application says it, perhaps empty; the account then
    stands in the application's own. Raises ServiceAccountError.
    """
    for entry in project.spec.destination_service_accounts:
        if not (glob(entry.server, server) and glob(entry.namespace, namespace)):
            continue
        account = entry.default_service_account
        if not is_account(account):
            raise ServiceAccountError(f"default service account contains invalid chars '{account}'")
        if ":" in account:
            return f"system:serviceaccount:{account}"
        return f"system:serviceaccount:{namespace or app_namespace}:{account}"
    return None


def is_account(text: str) -> bool:
    return bool(text.strip()) and not _FORBIDDEN & set(text)
