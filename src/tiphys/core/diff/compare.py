"""Is the live object what is desired? Applying the desired one would change nothing stored.

What applying would give is predicted in one of three ways (core.diff.rules.DiffMode). A client's
apply with the last-applied annotation looks at three sides: what was applied and is desired no
more counts as a difference. Without it, or where it cannot be read, the desired state stands for
what was applied, so that only what is desired is looked at.

What rules leave out is reported too, as hidden. The object's own `jq` results come from outside:
`sides` gives what they are to be evaluated on, `judge` concludes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import assert_never

from tiphys.core.diff.applied import apply_patch, last_applied, without_last_applied
from tiphys.core.diff.errors import DiffError, MergeKeyError
from tiphys.core.diff.explain import FieldDifference, differences, explained
from tiphys.core.diff.ignore import Sides, hiding_rule, ruled
from tiphys.core.diff.mask import SecretMask, is_secret
from tiphys.core.diff.normalise import fold_string_data, normalise, strip_server_fields
from tiphys.core.diff.patch import Patch, three_way_patch
from tiphys.core.diff.rules import PLAIN, DiffMode, ObjectRules
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.structured import predict_apply
from tiphys.core.diff.types import OPAQUE, TypeNode
from tiphys.model.names import MANAGER_CONTROLLER
from tiphys.model.resource import Manifest


@dataclass(frozen=True)
class Comparison:
    """The answer for one object. Its two manifests are normalised when they are asked for.

    `differences` is empty where a side is missing, which counts as modified. What a Secret holds
    is masked in them, not in the manifests. `hidden` are the differences that rules hide, each
    with its rule; both manifests are without what rules left out.
    """

    modified: bool
    differences: tuple[FieldDifference, ...]
    predicted_source: Manifest | None
    live_source: Manifest | None
    schema: TypeSchema | None
    hidden: tuple[FieldDifference, ...] = ()
    status: bool = False

    @cached_property
    def predicted(self) -> Manifest | None:
        """What the server would store if the desired object were applied; None without one."""
        return self._normalised(self.predicted_source)

    @cached_property
    def live(self) -> Manifest | None:
        """The live object in the same spelling; None without one."""
        return self._normalised(self.live_source)

    def _normalised(self, manifest: Manifest | None) -> Manifest | None:
        if manifest is None:
            return None
        return normalise(without_last_applied(manifest), self.schema, status=self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One pair to be compared. `live` has its managedFields.

    `predicted` is the server's answer to a dry run, for that mode alone.
    """

    desired: Manifest
    live: Manifest
    schema: TypeSchema | None
    rules: ObjectRules = PLAIN
    mode: DiffMode = DiffMode.CLIENT
    predicted: Manifest | None = None


def compare(
    target: Manifest | None,
    live: Manifest | None,
    *,
    schema: TypeSchema | None,
    rules: ObjectRules = PLAIN,
    mode: DiffMode = DiffMode.CLIENT,
) -> Comparison:
    """Compares one object, without jq and the server; both sides missing is not modified."""
    if target is None or live is None:
        modified = (target is None) != (live is None)
        return Comparison(modified, (), target, live, schema)
    question = Question(desired=target, live=live, schema=schema, rules=rules, mode=mode)
    return judge(question, left_of(question))


def sides(question: Question) -> Sides:
    """What is compared, before any rule."""
    keep = not question.rules.status
    applied = _original(question.live) if question.mode is DiffMode.CLIENT else None
    return Sides(
        _comparable(question.desired, status=keep),
        _comparable(question.live, status=keep),
        None if applied is None else _comparable(applied, status=keep),
        None if question.predicted is None else _comparable(question.predicted, status=keep),
    )


def left_of(question: Question) -> Sides:
    """What is left of the sides after all rules but jq expressions."""
    return ruled(sides(question), question.rules, question.live)


def judge(question: Question, left: Sides) -> Comparison:
    """`left` is what rules and jq left of the sides."""
    predicted, found = _found(question, left)
    hidden: Iterable[FieldDifference] = ()
    if not question.rules.plain or (question.rules.status and "status" in question.desired):
        hidden = _hidden(question, {one.path for one in found})
    answer = _shown(question, found)
    return Comparison(
        bool(answer),
        answer,
        predicted,
        left.live,
        question.schema,
        _shown(question, hidden),
        not question.rules.status,
    )


def _found(question: Question, left: Sides) -> tuple[Manifest, Sequence[FieldDifference]]:
    """What would be stored, and in which fields it differs from what is."""
    schema, keep = question.schema, not question.rules.status
    root = OPAQUE if schema is None else schema.root
    match question.mode:
        case DiffMode.CLIENT:
            patch = _patch(left.desired, left.live, left.applied or left.desired, schema, keep)
            if patch.empty:
                return left.live, ()
            predicted = apply_patch(left.live, patch, schema)
        case DiffMode.STRUCTURED:
            predicted = _structured(question, left, root)
        case DiffMode.SERVER:
            predicted = left.predicted or left.desired
        case _:
            assert_never(question.mode)
    mine = normalise(predicted, schema, status=keep)
    theirs = normalise(left.live, schema, status=keep)
    return predicted, tuple(differences(mine, theirs, root))


def _structured(question: Question, left: Sides, root: TypeNode) -> Manifest:
    return predict_apply(
        fold_string_data(left.desired),
        left.live,
        question.live,
        root,
        manager=MANAGER_CONTROLLER,
    )


def _hidden(question: Question, visible: set[object]) -> Iterable[FieldDifference]:
    """What would differ if there were no rules."""
    live = question.live
    bare = replace(question, rules=replace(PLAIN, status=False))
    raw = sides(bare)
    _, found = _found(bare, raw)
    for one in found:
        if one.path not in visible:
            yield replace(one, rule=hiding_rule(one, raw, question.rules, live))


def _shown(question: Question, found: Iterable[FieldDifference]) -> tuple[FieldDifference, ...]:
    """With the manager of each live value, and without what Secrets hold."""
    target, live = question.desired, question.live
    if not is_secret(target):
        return tuple(explained(one, live) for one in found)
    mask = SecretMask(target, live, annotations=question.rules.masked)
    return tuple(explained(mask.difference(one), live) for one in found)


def _comparable(manifest: Manifest, *, status: bool) -> Manifest:
    return strip_server_fields(without_last_applied(manifest), status=status)


def _original(live: Manifest) -> Manifest | None:
    try:
        return last_applied(live)
    except DiffError:
        return None


def _patch(
    desired: Manifest,
    current: Manifest,
    original: Manifest,
    schema: TypeSchema | None,
    status: bool,
) -> Patch:
    """The three-way patch; without what was applied, then with lists taken whole, if it fails."""
    plain = None if schema is None else replace(schema, strategic=False)
    for applied in (original, desired):
        try:
            return three_way_patch(
                original=applied, modified=desired, current=current, schema=schema, status=status
            )
        except MergeKeyError:
            continue
    return three_way_patch(
        original=desired, modified=desired, current=current, schema=plain, status=status
    )
