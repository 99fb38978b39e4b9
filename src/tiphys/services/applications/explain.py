"""Why an application is OutOfSync: its source rendered again and compared, for one look.

The controller compares all the time and keeps no text of it; whoever asks pays for the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tiphys.core.app.spec import effective_source
from tiphys.core.app.targets import Place, Target, prepare
from tiphys.core.diff.compare import compare
from tiphys.core.diff.explain import FieldDifference
from tiphys.core.manifest.tracking import instance_name
from tiphys.core.settings import ResourceFilter
from tiphys.model.application import Application, ResourceStatus
from tiphys.model.errors import ObjectNotFoundError
from tiphys.model.names import IN_CLUSTER_SERVER
from tiphys.model.resource import Manifest, ResourceKey, gvk_of
from tiphys.model.status import SyncCode
from tiphys.services.applications.ports import SourceCheck
from tiphys.services.live.ports import Discovery, KubeReader


class Cause(StrEnum):
    """Why one object is not what Git says."""

    MISSING = "is not in the cluster"
    EXTRA = "is not in Git"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Explained:
    """One object. `differences` are empty unless the cause is DIFFERS; Secrets come masked."""

    key: ResourceKey
    cause: Cause
    differences: tuple[FieldDifference, ...] = ()


async def explain(
    application: Application,
    sources: SourceCheck,
    reader: KubeReader,
    discovery: Discovery,
    *,
    namespace: str,
) -> Sequence[Explained]:
    """The objects that the status calls OutOfSync, at the revision that it names.

    Raises RepositoryError, RenderError and KubeError. What is in order by now is left out.
    """
    late = [one for one in application.status.resources if one.status == SyncCode.OUT_OF_SYNC]
    if not late:
        return ()
    await discovery.refresh()
    targets = await _targets(application, sources, discovery, namespace)
    found = [await _explain(one, targets, reader, discovery) for one in late]
    return [one for one in found if one is not None]


async def _targets(
    application: Application, sources: SourceCheck, discovery: Discovery, namespace: str
) -> dict[ResourceKey, Target]:
    source = effective_source(application.spec)
    manifests = await sources.render(application, source, application.status.sync.revision)
    where = Place(
        instance_name(application.namespace, application.name, namespace),
        application.spec.destination.namespace,
        IN_CLUSTER_SERVER,
    )
    prepared = prepare(manifests, where, discovery.scope, ResourceFilter())
    return {target.key: target for target in prepared.objects}


async def _explain(
    resource: ResourceStatus,
    targets: dict[ResourceKey, Target],
    reader: KubeReader,
    discovery: Discovery,
) -> Explained | None:
    key = ResourceKey(resource.group, resource.kind, resource.namespace, resource.name)
    target = targets.get(key)
    if target is None:
        return Explained(key, Cause.EXTRA)
    live = await _live(target, reader, discovery)
    if live is None:
        return Explained(key, Cause.MISSING)
    schema = await discovery.schema(gvk_of(target.manifest))
    differences = compare(target.manifest, live, schema=schema).differences
    return Explained(key, Cause.DIFFERS, differences) if differences else None


async def _live(target: Target, reader: KubeReader, discovery: Discovery) -> Manifest | None:
    resource = discovery.find(gvk_of(target.manifest))
    if resource is None:
        return None
    try:
        return await reader.get(resource, target.key.namespace, target.key.name)
    except ObjectNotFoundError:
        return None
