"""As whom an application's objects are written: ourselves, or its project's service account."""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.core.project import ServiceAccountError
from tiphys.core.settings import Settings
from tiphys.model.application import Application
from tiphys.model.errors import TiphysError
from tiphys.services.clusters.ports import ClusterView
from tiphys.services.live.ports import KubeReader, KubeWriter
from tiphys.services.projects.rules import ProjectRules


class NoAccountError(TiphysError):
    """Nothing may be written, for it is not known as whom."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What reads and writes; `account` None: with our own rights."""

    reader: KubeReader
    writer: KubeWriter
    account: str | None = None


def hands_for(
    app: Application, view: ClusterView, rules: ProjectRules, settings: Settings, *, enforce: bool
) -> Hands:
    """`enforce`: whether the setting counts that forbids to write as ourselves.

    Raises NoAccountError.
    """
    own = Hands(view.reader, view.writer)
    if not settings.impersonation:
        return own
    try:
        account = rules.account(app, view.cluster)
    except ServiceAccountError as error:
        text = f"failed to derive service account to impersonate: {error}"
        raise NoAccountError(text) from None
    if account is None:
        if enforce and settings.impersonation_enforced:
            raise NoAccountError(
                "no matching service account found for destination server "
                f"{view.server} and namespace {app.spec.destination.namespace}"
            )
        return own
    return Hands(*view.acting_as(account), account)
