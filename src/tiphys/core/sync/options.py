"""Sync options: what applications and objects ask of a sync, compared literally."""

from __future__ import annotations

from collections.abc import Iterable

from tiphys.core.manifest.annotations import sync_options
from tiphys.core.sync import wording
from tiphys.model.live import Propagation
from tiphys.model.resource import Manifest

CREATE_NAMESPACE = "CreateNamespace=true"
NO_VALIDATION = "Validate=false"
PRUNE_LAST = "PruneLast=true"
PRUNE_CONFIRM = "Prune=confirm"
PRUNE_NEVER = "Prune=false"
OUT_OF_SYNC_ONLY = "ApplyOutOfSyncOnly=true"
SKIP_DRY_RUN = "SkipDryRunOnMissingResource=true"
REPLACE = "Replace=true"
FORCE = "Force=true"
SERVER_SIDE = "ServerSideApply=true"
NOT_SERVER_SIDE = "ServerSideApply=false"
NO_MIGRATION = "ClientSideApplyMigration=false"

_PROPAGATION = (
    ("PrunePropagationPolicy=background", Propagation.BACKGROUND),
    ("PrunePropagationPolicy=foreground", Propagation.FOREGROUND),
    ("PrunePropagationPolicy=orphan", Propagation.ORPHAN),
)


def propagation(options: frozenset[str]) -> Propagation:
    """Where several are listed, background wins over foreground over orphan."""
    return next((how for name, how in _PROPAGATION if name in options), Propagation.FOREGROUND)


def asked(option: str, application: frozenset[str], *manifests: Manifest | None) -> bool:
    """Whether the application or one of the manifests asks for it."""
    return option in application or any(
        option in sync_options(manifest) for manifest in manifests if manifest is not None
    )


def kept(live: Manifest, application: frozenset[str], *, prune: bool) -> str:
    """Why an object is not pruned, `` that it is."""
    if not prune:
        return wording.PRUNE_OFF
    return wording.PRUNE_NEVER if PRUNE_NEVER in _of_pruning(live, application) else ""


def confirmed_only(live: Manifest, application: frozenset[str]) -> bool:
    """Whether somebody has to agree before the object is pruned, whether or not it is."""
    return PRUNE_CONFIRM in _of_pruning(live, application)


def _of_pruning(live: Manifest, application: frozenset[str]) -> frozenset[str]:
    """What is said of its pruning: its own word beats the application's."""
    return _prune_options(sync_options(live)) or _prune_options(application)


def _prune_options(options: Iterable[str]) -> frozenset[str]:
    return frozenset(option for option in options if option.startswith("Prune="))
