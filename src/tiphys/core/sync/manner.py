"""How an object is written: patched, applied by the server, or put in another's place.

Options are asked for at up to three levels: the application, the desired object and the live one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from tiphys.core.manifest.annotations import sync_options
from tiphys.core.sync import options
from tiphys.model.resource import GroupKind, Manifest, gvk_of

CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")

ANNOTATIONS_LIMIT = 262144
"""Bytes of all annotations of an object, keys and values: Kubernetes' TotalAnnotationSizeLimitB."""


class Write(Enum):
    """`PATCH` is a three-way patch of ours, `APPLY` a server-side apply, `REPLACE` a PUT."""

    PATCH = auto()
    APPLY = auto()
    REPLACE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """`force`: delete and create where a patch or a PUT does not do.

    `migrate`: the manager of client-side applies whose fields are taken over before an apply by
    the server, `` for none.
    """

    write: Write = Write.PATCH
    force: bool = False
    migrate: str = ""


PLAIN = Manner()


def manner_of(
    target: Manifest,
    live: Manifest | None,
    *,
    application: frozenset[str],
    forced: bool,
    migrate: str,
) -> Manner:
    """`forced` comes from the strategy, `migrate` is a manager's name."""
    force = forced or options.asked(options.FORCE, frozenset(), target, live)
    if options.asked(options.REPLACE, application, target, live):
        return Manner(write=Write.REPLACE, force=force)
    wishes = sync_options(target)
    if options.NOT_SERVER_SIDE not in wishes and options.SERVER_SIDE in wishes | application:
        wanted = options.NO_MIGRATION not in application
        return Manner(write=Write.APPLY, force=force, migrate=migrate if wanted else "")
    return Manner(force=force)


def never_removed(manifest: Manifest) -> bool:
    """Kinds whose deletion would take everything with it: they are updated, even by force."""
    kind = gvk_of(manifest)
    return kind.group_kind == CRD or kind.kind == "Namespace"


def fits(manifest: Manifest) -> bool:
    """Whether the annotations, the one of what was applied last included, can be stored."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    sizes = (len(str(k).encode()) + len(str(v).encode()) for k, v in annotations.items())
    return sum(sizes) <= ANNOTATIONS_LIMIT
