"""Exports the control plane's own objects, and restores them from what was exported.

Restoring is said object by object. What a dry run would do is told, and not done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiphys.core.backup import (
    CONFIG_MAPS,
    exported,
    is_ours,
    is_restored,
    labelled,
    restored,
    with_tracking_of,
    without_operation,
)
from tiphys.core.project.namespaces import matches_any
from tiphys.model.errors import ApiCode, ApiError, ConflictError, KubeError, ObjectNotFoundError
from tiphys.model.live import PatchKind, Propagation
from tiphys.model.names import API_GROUP
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.live.ports import KubeReader, KubeWriter

MANAGER = "argocd"
_CONFIG_MAP = ApiResource("", "v1", "ConfigMap", "configmaps", True, frozenset())
_SECRET = ApiResource("", "v1", "Secret", "secrets", True, frozenset())
_PROJECT = ApiResource(API_GROUP, "v1alpha1", "AppProject", "appprojects", True, frozenset())
_APPLICATION = ApiResource(API_GROUP, "v1alpha1", "Application", "applications", True, frozenset())
_SET = ApiResource(API_GROUP, "v1alpha1", "ApplicationSet", "applicationsets", True, frozenset())
_KINDS = {kind.kind: kind for kind in (_CONFIG_MAP, _SECRET, _PROJECT, _APPLICATION, _SET)}
_PARAMS = "argocd-cmd-params-cm"
_TRIES = 5

Key = tuple[str, str, str]
"""Kind, namespace, name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespaces:
    """Globs of namespaces besides our own; None: what the ConfigMap of parameters says."""

    applications: Sequence[str] | None = None
    sets: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """`skipped_label` is `key=value`, empty for none."""

    dry_run: bool = False
    prune: bool = False
    stop_operation: bool = False
    ignore_tracking: bool = False
    override_on_conflict: bool = False
    verbose: bool = False
    skipped_label: str = ""


class Backups:
    """`namespace` is the control plane's. All raise ApiError and KubeError."""

    def __init__(self, reader: KubeReader, writer: KubeWriter, namespace: str) -> None:
        self._reader = reader
        self._writer = writer
        self.namespace = namespace

    async def export(self, namespaces: Namespaces) -> Sequence[Mapping[str, Any]]:
        """In the order in which they can be restored."""
        found = [await self._reader.get(_CONFIG_MAP, self.namespace, name) for name in CONFIG_MAPS]
        found += await self._secrets()
        found += (await self._reader.list(_PROJECT, namespace=self.namespace)).items
        named = await self._named(namespaces)
        found += await self._in(_APPLICATION, named.applications or ())
        found += await self._in(_SET, named.sets or ())
        return [exported(one, self.namespace) for one in found]

    async def restore(
        self,
        documents: Sequence[Manifest],
        namespaces: Namespaces,
        how: Restoring,
        say: Callable[[str], None],
        agreed: Callable[[str], bool],
    ) -> None:
        """What is there and not in the backup is pruned where that is asked for and `agreed`."""
        there = await self._present(namespaces)
        for document in documents:
            kind = _KINDS.get(str(document.get("kind")))
            if kind is None:
                raise ApiError(
                    ApiCode.INVALID_ARGUMENT,
                    f"the backup holds a {document.get('kind')}, which is no kind of a backup",
                )
            name = document["metadata"]["name"]
            namespace = document["metadata"].get("namespace") or self.namespace
            live = there.pop((kind.kind, namespace, name), None)
            if how.skipped_label and labelled(document, how.skipped_label):
                say(f"Skipping {_said(kind)} {name} in namespace {namespace}")
                continue
            backup = without_operation(document) if how.stop_operation else document
            await self._restore(kind, backup, namespace, live, how, say)
        for (name_of_kind, namespace, name), live in there.items():
            kind = _KINDS[name_of_kind]
            if how.skipped_label and labelled(live, how.skipped_label):
                continue
            await self._prune(kind, live, namespace, name, how, say, agreed)

    async def _restore(
        self,
        kind: ApiResource,
        backup: Manifest,
        namespace: str,
        live: Manifest | None,
        how: Restoring,
        say: Callable[[str], None],
    ) -> None:
        place = f"{_said(kind)} {backup['metadata']['name']} in namespace {namespace}"
        done = " (dry run)" if how.dry_run else ""
        if live is None:
            if not how.dry_run:
                made = {**backup, "metadata": {**backup["metadata"], "namespace": namespace}}
                await self._writer.create(kind, made, manager=MANAGER, validation="Ignore")
            say(f"{place} created{done}")
            return
        wanted = with_tracking_of(backup, live) if how.ignore_tracking else backup
        if is_restored(wanted, live):
            if how.verbose:
                say(f"{place} unchanged{done}")
            return
        if not how.dry_run:
            await self._replace(kind, wanted, live, tries=_TRIES if how.override_on_conflict else 1)
        say(f"{place} updated{done}")

    async def _replace(
        self, kind: ApiResource, wanted: Manifest, live: Manifest, *, tries: int
    ) -> None:
        metadata = live["metadata"]
        while True:
            tries -= 1
            try:
                await self._writer.replace(
                    kind, restored(wanted, live), manager=MANAGER, validation="Ignore"
                )
                return
            except ConflictError:
                if not tries:
                    raise
                live = await self._reader.get(kind, metadata["namespace"], metadata["name"])

    async def _prune(
        self,
        kind: ApiResource,
        live: Manifest,
        namespace: str,
        name: str,
        how: Restoring,
        say: Callable[[str], None],
        agreed: Callable[[str], bool],
    ) -> None:
        place = f"{_said(kind)} {name} in namespace {namespace}"
        if not how.prune:
            say(f"{place} needs pruning")
            return
        if kind is _CONFIG_MAP:
            raise ApiError(ApiCode.FAILED_PRECONDITION, "Unexpected kind 'ConfigMap' in prune list")
        if not agreed(f"Are you sure you want to prune {_said(kind)} {name} ? [y/n] "):
            return
        if not how.dry_run:
            await self._delete(kind, live)
        say(f"{place} pruned{' (dry run)' if how.dry_run else ''}")

    async def _delete(self, kind: ApiResource, live: Manifest) -> None:
        """What an Application deployed stays: its finalizers go first."""
        metadata = live["metadata"]
        place = metadata["namespace"], metadata["name"]
        if kind is _APPLICATION and metadata.get("finalizers"):
            body = {"metadata": {"uid": metadata["uid"], "finalizers": None}}
            await self._writer.patch(kind, *place, PatchKind.MERGE, body, manager=MANAGER)
        try:
            await self._writer.delete(
                kind, *place, uid=metadata["uid"], propagation=Propagation.BACKGROUND
            )
        except ObjectNotFoundError:
            return

    async def _present(self, namespaces: Namespaces) -> dict[Key, Manifest]:
        found = list((await self._reader.list(_CONFIG_MAP, namespace=self.namespace)).items)
        found = [one for one in _of_kind(_CONFIG_MAP, found) if is_ours(one)]
        found += await self._secrets()
        found += _of_kind(
            _PROJECT, (await self._reader.list(_PROJECT, namespace=self.namespace)).items
        )
        named = await self._named(namespaces)
        found += await self._in(_APPLICATION, named.applications or ())
        found += await self._in(_SET, named.sets or ())
        return {
            (one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]): one
            for one in found
        }

    async def _secrets(self) -> list[Manifest]:
        listed = await self._reader.list(_SECRET, namespace=self.namespace)
        return [one for one in _of_kind(_SECRET, listed.items) if is_ours(one)]

    async def _in(self, kind: ApiResource, globs: Sequence[str]) -> list[Manifest]:
        """Ours, and those of the namespaces that the globs name. A kind that is not served has
        none.
        """
        try:
            listed = await self._reader.list(kind, namespace="" if globs else self.namespace)
        except ObjectNotFoundError:
            return []
        return [
            one
            for one in _of_kind(kind, listed.items)
            if one["metadata"]["namespace"] == self.namespace
            or matches_any(globs, one["metadata"]["namespace"])
        ]

    async def _named(self, namespaces: Namespaces) -> Namespaces:
        if namespaces.applications is not None and namespaces.sets is not None:
            return namespaces
        try:
            found = await self._reader.get(_CONFIG_MAP, self.namespace, _PARAMS)
        except ObjectNotFoundError:
            raise KubeError(
                f"ConfigMap {_PARAMS} is not in {self.namespace}: it says in which namespaces "
                "applications are, unless flags do"
            ) from None
        data = found.get("data") or {}
        applications, sets = namespaces.applications, namespaces.sets
        if applications is None:
            applications = _words(data.get("application.namespaces", ""))
        if sets is None:
            sets = _words(data.get("applicationsetcontroller.namespaces", ""))
        return Namespaces(applications=applications, sets=sets)


def _of_kind(kind: ApiResource, items: Sequence[Manifest]) -> list[Manifest]:
    """Lists name the kind once, and their items do not."""
    version = f"{kind.group}/{kind.version}" if kind.group else kind.version
    return [{**one, "apiVersion": version, "kind": kind.kind} for one in items]


def _said(kind: ApiResource) -> str:
    return f"{kind.group}/{kind.kind}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
