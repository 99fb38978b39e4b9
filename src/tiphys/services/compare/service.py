"""Compare objects of one application: the plain ones at once, the others in one go.

Most comparisons ask nobody. Rules with jq expressions need the sandbox, one question for all
objects with the same expressions; server-side comparisons need a dry run for each object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tiphys.core.diff.compare import Comparison, Question, judge, left_of
from tiphys.core.diff.ignore import Sides
from tiphys.core.diff.rules import CompareRules, DiffMode
from tiphys.core.diff.structured import without_mutations
from tiphys.core.diff.types import OPAQUE
from tiphys.model.errors import EvaluationError, KubeError
from tiphys.model.live import PatchKind
from tiphys.model.names import MANAGER_CONTROLLER
from tiphys.model.resource import Manifest, ResourceKey, gvk_of
from tiphys.services.compare.dry_run import body_of
from tiphys.services.compare.erasing import Eraser, Expressions
from tiphys.services.compare.types import KnownTypes
from tiphys.services.live.ports import Discovery, KubeWriter

_DRY_RUNS = 10
"""So many dry runs at once: a comparison must not crowd out the syncs."""

_BREATH = 50
"""After so many objects others get a turn."""

Problem = KubeError | EvaluationError


@dataclass(frozen=True, slots=True)
class Ask:
    """One object, as it is wanted and as it is live. `key` is the live object's."""

    key: ResourceKey
    desired: Manifest
    live: Manifest


class Comparisons:
    """`compare` answers in the order of what is asked; what fails for one object is its answer."""

    def __init__(self, eraser: Eraser) -> None:
        self.eraser = eraser
        self._types = KnownTypes()

    async def compare(
        self,
        asks: Sequence[Ask],
        rules: CompareRules,
        *,
        discovery: Discovery,
        writer: KubeWriter,
    ) -> Sequence[Comparison | Problem]:
        dry_runs = asyncio.Semaphore(_DRY_RUNS)

        async def pending(ask: Ask) -> _Pending | Problem:
            try:
                question = await self._question(ask, rules, discovery, writer, dry_runs)
            except KubeError as error:
                return error
            return _Pending(question, left_of(question))

        if rules.server_side:
            return await self._judged(await asyncio.gather(*map(pending, asks)), rules)
        return await self._judged([await pending(ask) for ask in asks], rules)

    def is_plain(self, key: ResourceKey, rules: CompareRules) -> bool:
        """Whether an object's comparison asks nobody."""
        return not rules.server_side and not rules.of(key).expressions

    async def _question(
        self,
        ask: Ask,
        rules: CompareRules,
        discovery: Discovery,
        writer: KubeWriter,
        dry_runs: asyncio.Semaphore,
    ) -> Question:
        own = rules.of(ask.key)
        kind = gvk_of(ask.desired)
        schema = await discovery.schema(kind)
        if own.known_types:
            schema = await self._types.applied(schema, kind, own.known_types, discovery)
        mode = rules.mode(ask.desired)
        question = Question(desired=ask.desired, live=ask.live, schema=schema, rules=own, mode=mode)
        if mode is not DiffMode.SERVER:
            return question
        resource = discovery.find(kind)
        if resource is None:
            raise KubeError(f"{kind.api_version} {kind.kind} is not served")
        async with dry_runs:
            answer = await writer.patch(
                resource,
                ask.key.namespace,
                ask.key.name,
                PatchKind.APPLY,
                body_of(ask.desired),
                manager=MANAGER_CONTROLLER,
                validation="Ignore",
                dry_run=True,
                force=True,
            )
        if not rules.mutations:
            root = OPAQUE if schema is None else schema.root
            answer = without_mutations(answer, ask.live, root, manager=MANAGER_CONTROLLER)
        return replace(question, predicted=answer)

    async def _judged(
        self, pending: Sequence[_Pending | Problem], rules: CompareRules
    ) -> Sequence[Comparison | Problem]:
        asked: dict[Expressions, list[Manifest]] = {}
        for one in pending:
            if isinstance(one, _Pending):
                asked.setdefault(one.expressions, []).extend(one.left.manifests())
        try:
            answers = await self.eraser.erase(asked, within=rules.jq_timeout)
        except EvaluationError as error:
            # Without its rules an object would look as if it differed.
            return await _all_concluded(
                [error if isinstance(one, _Pending) and one.expressions else one for one in pending]
            )
        rest = {expressions: iter(manifests) for expressions, manifests in answers.items()}
        return await _all_concluded(
            [
                one.erased(rest[one.expressions]) if isinstance(one, _Pending) else one
                for one in pending
            ]
        )


@dataclass(frozen=True, slots=True)
class _Pending:
    """A question and what its rules, other than jq, have left of it."""

    question: Question
    left: Sides

    @property
    def expressions(self) -> Expressions:
        return self.question.rules.expressions

    def erased(self, answers: Iterator[Manifest]) -> _Pending:
        left = self.left.replaced([next(answers) for _ in self.left.manifests()])
        return replace(self, left=left)


async def _all_concluded(
    pending: Sequence[_Pending | Problem],
) -> Sequence[Comparison | Problem]:
    found: list[Comparison | Problem] = []
    for count, one in enumerate(pending, 1):
        found.append(judge(one.question, one.left) if isinstance(one, _Pending) else one)
        if count % _BREATH == 0:
            await asyncio.sleep(0)
    return found
