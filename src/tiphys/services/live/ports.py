"""What services need of a cluster, split by verb: what takes a reader cannot write.

All of them raise KubeError and its kinds. Manifests that are handed out are never changed in
place by anyone.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    MutableSequence,
    Sequence,
)
from typing import Any, Protocol

from tiphys.core.diff.schema import TypeSchema
from tiphys.model.live import (
    LiveChange,
    LiveObject,
    ObjectList,
    PatchKind,
    Propagation,
    WatchEvent,
)
from tiphys.model.names import MANAGER_CONTROLLER
from tiphys.model.resource import (
    ApiResource,
    GroupKind,
    GroupVersionKind,
    Manifest,
    ResourceKey,
)
from tiphys.model.status import HealthStatus


class KubeReader(Protocol):
    """Reads objects. namespace is `` for cluster-scoped kinds, and for all namespaces in lists."""

    async def get(self, resource: ApiResource, namespace: str, name: str) -> Manifest: ...

    async def list(
        self, resource: ApiResource, *, namespace: str = "", label_selector: str = ""
    ) -> ObjectList: ...

    def watch(
        self,
        resource: ApiResource,
        *,
        resource_version: str,
        namespace: str = "",
        label_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Events after a resource version, with bookmarks. Ends when the server ends it.

        The first event is a bookmark of that version: the server has accepted the watch.

        Raises ResourceGoneError when the version is too old: list again.
        """
        ...


class KubeWriter(Protocol):
    """Writes objects; each call answers the object as the server stored it.

    `validation` is the API's fieldValidation: Strict, Warn or Ignore. With `dry_run` the server
    does all but store it. What the server warns of is added to `warnings`.
    """

    async def create(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest: ...

    async def patch(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        kind: PatchKind,
        body: Any,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
        force: bool = False,
    ) -> Manifest:
        """`force` takes fields from other managers: it is for PatchKind.APPLY alone."""
        ...

    async def replace(
        self,
        resource: ApiResource,
        manifest: Manifest,
        *,
        manager: str = MANAGER_CONTROLLER,
        validation: str = "Strict",
        dry_run: bool = False,
        warnings: MutableSequence[str] | None = None,
    ) -> Manifest:
        """PUT; the manifest's resourceVersion, where set, is the precondition."""
        ...

    async def delete(
        self,
        resource: ApiResource,
        namespace: str,
        name: str,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        grace_seconds: int | None = None,
    ) -> None:
        """Deletes the object only while it has this uid; ConflictError when it is another.

        `grace_seconds` is how long it has to end, None for what the object itself says.
        """
        ...


class Discovery(Protocol):
    """Which kinds the cluster serves, remembered; `refresh` asks again."""

    async def refresh(self) -> None: ...

    def preferred(self) -> Sequence[ApiResource]:
        """The preferred version of each kind."""
        ...

    def find(self, kind: GroupVersionKind) -> ApiResource | None:
        """Exactly this version, None when it is not served."""
        ...

    def scope(self, kind: GroupKind) -> bool | None:
        """True namespaced, False cluster-scoped, None unknown, whatever the version."""
        ...

    def versions(self) -> Sequence[str]:
        """`group/version` and `group/version/Kind` of everything, sorted: Helm's API versions."""
        ...

    @property
    def server_version(self) -> str:
        """Such as `v1.36.3`."""
        ...

    async def schema(self, kind: GroupVersionKind) -> TypeSchema | None:
        """The kind's type from the cluster's OpenAPI; None where it says nothing of it."""
        ...


class LiveIndex(Protocol):
    """The live objects of one cluster, kept up to date by watches."""

    def tracked(self, instance: str) -> Sequence[LiveObject]:
        """The ownerless objects whose tracking names this application."""
        ...

    def get(self, key: ResourceKey) -> LiveObject | None: ...

    def namespaced(self, namespace: str) -> Sequence[LiveObject]:
        """All objects in a namespace."""
        ...

    def dependants(self, uid: str) -> Sequence[LiveObject]:
        """The objects that name this one as owner, direct ones only."""
        ...

    def requested(self, node: str) -> Mapping[str, int]:
        """What all Pods that run on a node ask for, in thousandths."""
        ...

    def root(self, key: ResourceKey) -> LiveObject | None:
        """The tracked object at the top of an object's owner chain, itself included."""
        ...

    async def manifest(self, key: ResourceKey, version: str = "") -> Manifest | None:
        """The live manifest, in this version where named; from memory or by GET. None: absent."""
        ...

    async def judged(self, keys: Iterable[ResourceKey]) -> None:
        """Until the health of these objects' present versions is known, or it takes too long."""
        ...

    async def health(self, manifest: Manifest) -> HealthStatus | None:
        """The health of a live object as it was just read."""
        ...

    async def facts(self, key: ResourceKey, manifest: Manifest) -> LiveObject:
        """What would be kept of a live object as it was just read."""
        ...

    def awaits(self, kind: GroupKind) -> bool:
        """Whether the kind is watched at all; what is not is asked for object by object."""
        ...

    def complete(self, kinds: Iterable[GroupKind]) -> bool:
        """Whether each of these kinds was listed wholly and its watch is current."""
        ...

    def observe(self, manifest: Manifest) -> None:
        """Takes in an object that a write just answered, so that no one waits for the watch."""
        ...

    def forget(self, key: ResourceKey, uid: str) -> None:
        """Takes in that this object is known to be gone (a GET answered 404)."""
        ...

    def subscribe(self, listener: Callable[[Sequence[LiveChange]], None]) -> None:
        """Calls with changes in batches, on the event loop."""
        ...

    def tell_now(self) -> None:
        """Hands on what is waiting for its batch: all that happened until now is told."""
        ...
