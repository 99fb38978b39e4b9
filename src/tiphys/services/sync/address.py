"""Where the object of a task is found in the API."""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.core.manifest.keys import place
from tiphys.core.sync.task import SyncTask
from tiphys.model.errors import KindNotFoundError
from tiphys.model.resource import ApiResource, Manifest, ResourceKey
from tiphys.services.live.ports import Discovery
from tiphys.services.sync.wording import unserved


@dataclass(frozen=True, slots=True)
class Address:
    """`key` has no namespace for cluster-scoped kinds, also where the task did not know yet."""

    resource: ApiResource
    key: ResourceKey

    def placed(self, manifest: Manifest) -> Manifest:
        """The manifest in the namespace in which its kind lives."""
        namespaced = self.resource.namespaced
        return place(manifest, namespaced=namespaced, destination=self.key.namespace)


def known_address(task: SyncTask, discovery: Discovery) -> Address | None:
    resource = discovery.find(task.gvk)
    if resource is None:
        return None
    namespace = task.key.namespace if resource.namespaced else ""
    return Address(resource, task.key._replace(namespace=namespace))


async def address(task: SyncTask, discovery: Discovery) -> Address:
    """Asks the cluster again for a kind that is not known. Raises KindNotFoundError."""
    found = known_address(task, discovery)
    if found is None:
        await discovery.refresh()
        found = known_address(task, discovery)
    if found is None:
        raise KindNotFoundError(unserved(task, discovery), status=404)
    return found
