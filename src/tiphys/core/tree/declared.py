"""What CustomResourceDefinitions and APIServices say about the kinds that a cluster serves."""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.model.resource import GroupKind, Manifest

CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
API_SERVICE = GroupKind("apiregistration.k8s.io", "APIService")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One CustomResourceDefinition or APIService, as far as discovery depends on it.

    `kind` is None for an APIService, which stands for all kinds of a group version. `serving`
    says that the kinds can be asked for; `generation` moves with every change of the spec.
    """

    kind: GroupKind | None
    generation: int
    serving: bool


def declaration_of(manifest: Manifest) -> Declaration | None:
    """None for objects that declare nothing, among them the APIServices of built-in groups."""
    spec = manifest.get("spec") or {}
    generation = int(manifest["metadata"].get("generation") or 0)
    match manifest["kind"]:
        case CRD.kind:
            names = spec.get("names") or {}
            kind = GroupKind(str(spec.get("group") or ""), str(names.get("kind") or ""))
            return Declaration(kind, generation, _holds(manifest, "Established"))
        case API_SERVICE.kind if spec.get("service"):
            return Declaration(None, generation, _holds(manifest, "Available"))
        case _:
            return None


def _holds(manifest: Manifest, condition: str) -> bool:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == condition and c.get("status") == "True" for c in conditions)
