"""The types of custom kinds with the fields that administrators gave a built-in type."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from tiphys.core.diff.known import scalar_type, short_name, type_named, with_known_types
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.types import TypeNode
from tiphys.core.settings.overrides import KnownTypeField
from tiphys.model.resource import GroupVersionKind
from tiphys.services.live.ports import Discovery

log = structlog.get_logger()

_Made = tuple[TypeSchema | None, Sequence[KnownTypeField], TypeSchema]


class KnownTypes:
    """Remembers what it made of a kind's type, as long as that and the fields stay the same."""

    def __init__(self) -> None:
        self._made: dict[GroupVersionKind, _Made] = {}

    async def applied(
        self,
        schema: TypeSchema | None,
        kind: GroupVersionKind,
        fields: Sequence[KnownTypeField],
        discovery: Discovery,
    ) -> TypeSchema:
        known = self._made.get(kind)
        if known is not None and known[0] is schema and known[1] == fields:
            return known[2]
        types: dict[str, TypeNode] = {}
        for one in fields:
            node = await _type(one.type, discovery)
            if node is None:
                log.warning("known type is not known", kind=kind.kind, type=one.type)
            else:
                types[one.field] = node
        made = with_known_types(schema, kind, types)
        self._made[kind] = (schema, fields, made)
        return made


async def _type(name: str, discovery: Discovery) -> TypeNode | None:
    """A scalar, or a struct that a kind of the cluster is made of: the group that the name
    begins with first.
    """
    scalar = scalar_type(name)
    if scalar is not None:
        return scalar
    group = name.partition("/")[0]
    kinds = [one.gvk for one in discovery.preferred()]
    kinds.sort(key=lambda gvk: gvk.group.partition(".")[0] != ("" if group == "core" else group))
    for kind in kinds:
        schema = await discovery.schema(kind)
        found = None if schema is None else type_named([schema.root], short_name(name))
        if found is not None:
            return found
    return None
