"""Which changes of live objects wake nobody, by the rules of ignoreResourceUpdates.

Objects that an application tracks and Applications are hashed, others only where an annotation
asks for it. Where no rule has jq expressions the answer is there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tiphys.core.diff.rules import CompareRules, ObjectRules
from tiphys.core.diff.updates import before_jq, update_hash, update_rules
from tiphys.core.manifest.annotations import annotation
from tiphys.core.settings.settings import Settings
from tiphys.model.errors import EvaluationError
from tiphys.model.names import ANNOTATION_IGNORE_UPDATES, API_GROUP
from tiphys.model.resource import Manifest, ResourceKey, key_of
from tiphys.services.compare.erasing import Eraser, Expressions


class UpdateFilter:
    """`settings` are the present ones; when they change, hashes made before mean nothing:
    `generation` tells.
    """

    def __init__(self, eraser: Eraser, settings: Callable[[], Settings]) -> None:
        self._eraser = eraser
        self._settings = settings
        self._known: tuple[Settings | None, CompareRules] = (None, CompareRules())
        self.generation = 0

    def concerns(self, manifest: Manifest, *, tracked: bool) -> bool:
        """Whether the object's changes are to be hashed at all."""
        if not self._settings().ignore_updates:
            return False
        key = key_of(manifest)
        if tracked or (key.group == API_GROUP and key.kind == "Application"):
            return True
        return annotation(manifest, ANNOTATION_IGNORE_UPDATES) == "true"

    def needs_jq(self, key: ResourceKey) -> bool:
        return bool(self._of(key).expressions)

    def hash(self, manifest: Manifest) -> str:
        """For objects whose rules have no jq expressions."""
        return update_hash(before_jq(manifest, self._of(key_of(manifest))))

    async def hashes(self, manifests: Sequence[Manifest]) -> Sequence[str]:
        """Of any objects, in their order; `` for those that could not be judged: they matter."""
        asked: dict[Expressions, list[Manifest]] = {}
        rules = [self._of(key_of(one)) for one in manifests]
        for one, own in zip(manifests, rules, strict=True):
            asked.setdefault(own.expressions, []).append(before_jq(one, own))
        try:
            answers = await self._eraser.erase(asked, within=self._rules().jq_timeout)
        except EvaluationError:
            answers = {key: ones for key, ones in asked.items() if not key}
        rest = {expressions: iter(ones) for expressions, ones in answers.items()}
        return [
            update_hash(next(rest[own.expressions])) if own.expressions in rest else ""
            for own in rules
        ]

    def _of(self, key: ResourceKey) -> ObjectRules:
        return self._rules().of(key)

    def _rules(self) -> CompareRules:
        present = self._settings()
        if self._known[0] is not present:
            rules = update_rules(present)
            if rules != self._known[1]:
                self.generation += 1
            self._known = (present, rules)
        return self._known[1]
