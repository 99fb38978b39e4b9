"""Sync options: which this version honours, and which it refuses by name.

Options are compared literally. What is refused would otherwise be a wish silently unheard.
"""

from __future__ import annotations

from collections.abc import Iterable

from tiphys.core.manifest.annotations import sync_options
from tiphys.core.sync import wording
from tiphys.model.live import Propagation
from tiphys.model.resource import Manifest

CREATE_NAMESPACE = "CreateNamespace=true"
NO_VALIDATION = "Validate=false"
PRUNE_LAST = "PruneLast=true"
OUT_OF_SYNC_ONLY = "ApplyOutOfSyncOnly=true"
SKIP_DRY_RUN = "SkipDryRunOnMissingResource=true"

_UNSUPPORTED = (
    "Replace=true",
    "Force=true",
    "ServerSideApply=true",
    "ClientSideApplyMigration=false",
    "Prune=confirm",
    "Delete=confirm",
    "FailOnSharedResource=true",
    "RespectIgnoreDifferences=true",
)
OF_PRUNES = frozenset({"Prune=confirm"})
_PROPAGATION = (
    ("PrunePropagationPolicy=background", Propagation.BACKGROUND),
    ("PrunePropagationPolicy=foreground", Propagation.FOREGROUND),
    ("PrunePropagationPolicy=orphan", Propagation.ORPHAN),
)


def unsupported(options: frozenset[str]) -> tuple[str, ...]:
    """A text for each option that is refused."""
    return tuple(wording.unsupported_option(name) for name in _UNSUPPORTED if name in options)


def propagation(options: frozenset[str]) -> Propagation:
    """Where several are listed, background wins over foreground over orphan."""
    return next((how for name, how in _PROPAGATION if name in options), Propagation.FOREGROUND)


def asked(option: str, application: frozenset[str], *manifests: Manifest | None) -> bool:
    """Whether the application or one of the manifests asks for it."""
    return option in application or any(
        option in sync_options(manifest) for manifest in manifests if manifest is not None
    )


def kept(live: Manifest, application: frozenset[str], *, prune: bool) -> str:
    """Why an object is not pruned, `` that it is. Its own option beats the application's."""
    if not prune:
        return wording.PRUNE_OFF
    own = _prune_options(sync_options(live))
    return wording.PRUNE_NEVER if "Prune=false" in (own or _prune_options(application)) else ""


def _prune_options(options: Iterable[str]) -> frozenset[str]:
    return frozenset(option for option in options if option.startswith("Prune="))
