"""Makes the plan of a sync: looks up what the pure plan has to know of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tiphys.core.app.pairing import Pair, Pairing
from tiphys.core.sync.plan import plan
from tiphys.core.sync.request import HookTarget, SyncPair, SyncRequest, request_for
from tiphys.core.sync.task import Plan
from tiphys.core.sync.tasks import hook_targets
from tiphys.model.operation import OperationState
from tiphys.model.resource import (
    ApiResource,
    GroupKind,
    GroupVersionKind,
    Manifest,
    ResourceKey,
    gvk_of,
    key_of,
)
from tiphys.services.live.ports import Discovery, LiveIndex


class SyncPlanner:
    """Reads the index and discovery only; a comparison that failed must not come here."""

    def __init__(self, index: LiveIndex, discovery: Discovery, *, wave_delay: float) -> None:
        self._index = index
        self._discovery = discovery
        self._wave_delay = wave_delay

    async def plan(
        self,
        record: OperationState,
        pairing: Pairing,
        *,
        modified: Callable[[Pair], bool],
        namespace: str,
        revision: str,
    ) -> Plan:
        """`namespace` is the destination's, `revision` the one that was compared.

        Raises KubeError.
        """
        pairs = [await self._pair(pair, modified(pair)) for pair in pairing.pairs]
        hooks = [target.manifest for target, _ in pairing.hooks]
        request = request_for(
            record,
            namespace=namespace,
            revision=revision,
            namespace_live=await self._namespace_live(namespace),
            kinds=self._kinds([*_manifests(pairs), *hooks]),
            wave_delay=self._wave_delay,
        )
        return plan(request, pairs, await self._hooks(request, hooks))

    async def _pair(self, pair: Pair, modified: bool) -> SyncPair:
        target = pair.target.manifest if pair.target else None
        live: Manifest | None = None
        if pair.live is not None:
            version = pair.target.version if pair.target else ""
            live = await self._index.manifest(pair.live.object.key, version)
        return SyncPair(target, live, modified=modified or live is None, own=pair.own)

    async def _hooks(
        self, request: SyncRequest, manifests: Sequence[Manifest]
    ) -> tuple[HookTarget, ...]:
        return tuple(
            [
                replace(hook, live=await self._live(hook.manifest))
                for hook in hook_targets(request, manifests)
            ]
        )

    async def _live(self, manifest: Manifest) -> Manifest | None:
        gvk, key = gvk_of(manifest), key_of(manifest)
        if self._discovery.scope(gvk.group_kind) is False:
            key = key._replace(namespace="")
        return await self._index.manifest(key, gvk.version)

    async def _namespace_live(self, namespace: str) -> bool:
        key = ResourceKey("", "Namespace", "", namespace)
        return bool(namespace) and await self._index.manifest(key, "v1") is not None

    def _kinds(self, manifests: Iterable[Manifest]) -> dict[GroupVersionKind, ApiResource]:
        """Every kind that is touched, as it is served: in its version, else in another."""
        served: dict[GroupKind, ApiResource] = {
            resource.group_kind: resource for resource in self._discovery.preferred()
        }
        kinds: dict[GroupVersionKind, ApiResource] = {}
        for gvk in {gvk_of(manifest) for manifest in manifests}:
            found = self._discovery.find(gvk) or served.get(gvk.group_kind)
            if found is not None:
                kinds[gvk] = found
        return kinds


def _manifests(pairs: Iterable[SyncPair]) -> Iterable[Manifest]:
    for pair in pairs:
        manifest = pair.target if pair.target is not None else pair.live
        if manifest is not None:
            yield manifest
