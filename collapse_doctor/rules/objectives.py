"""What the rules of losses share: which losses were seen, and whether their operands are one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Comparison, Objective, RelationKind
from collapse_doctor.rules import (
    cd101_same_tensor,
    cd102_shared_storage,
    cd103_detached_copy,
    cd104_equal_copy,
    cd105_scalar_multiple,
)
from collapse_doctor.rules.rule import NotExamined

__all__ = ["aliased_steps", "are_one_thing", "has_unknown", "objectives", "steps_of"]

Place = tuple[str, str]

_ALIASES = (
    cd101_same_tensor,
    cd102_shared_storage,
    cd103_detached_copy,
    cd104_equal_copy,
    cd105_scalar_multiple,
)
_ONE_THING: Collection[RelationKind] = (
    "same-object",
    "shared-storage",
    "detached",
    "equal",
    "scalar-multiple",
)


def objectives(measurements: Measurements) -> tuple[Objective, ...]:
    """Return what was seen to be minimised on outputs, raising NotExamined if nothing was."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file does not show what was minimised; watch the training")
    if not measurements.trained:
        raise NotExamined("no optimizer was seen to step")
    found = tuple(one for one in measurements.objectives if one.outputs)
    if found:
        return found
    if not measurements.watched_comparisons:
        raise NotExamined(measurements.unseen.get("comparisons", "losses were not watched"))
    if measurements.objectives:
        raise NotExamined("no loss that was seen depends on an output of a watched model")
    raise NotExamined("`backward` was not seen to be called on a loss")


def has_unknown(losses: Collection[Objective], known: Collection[Objective]) -> bool:
    """Tell whether another loss was seen, that depends on nothing known: who knows what it trains.

    Of a model that is not called itself the parts are known from the second step on: a loss that
    is unknown at the first alone is the one that is known afterwards.
    """
    unknown = {loss.step for loss in losses if loss not in known}
    begun_late = bool(known) and all(loss.step for loss in known)
    return bool(unknown - {0} if begun_late else unknown)


def steps_of(entries: Iterable[Objective]) -> tuple[int, ...]:
    """Return the distinct steps of objectives, ascending."""
    return tuple(sorted({one.step for one in entries}))


def are_one_thing(measurements: Measurements, steps: Collection[int]) -> bool:
    """Tell whether one of CD101 to CD105 was found, and lasted over all of these steps."""
    for module in _ALIASES:
        try:
            for match in module.RULE.check(measurements, module.RULE.bounds):
                first, last = (match.evidence[f"{name}_step"].value for name in ("first", "last"))
                if float(first) <= min(steps) and max(steps) <= float(last):
                    return True
        except NotExamined:
            continue
    return False


def aliased_steps(measurements: Measurements, places: Collection[Place]) -> set[int]:
    """Return the steps at which rows of these outputs were compared with themselves."""
    return {
        comparison.step
        for comparison in measurements.comparisons
        if comparison.paired and _is_alias(comparison) and _is_of(comparison, places)
    }


def _is_alias(comparison: Comparison) -> bool:
    return any(relation.kind in _ONE_THING for relation in comparison.relations)


def _is_of(comparison: Comparison, places: Collection[Place]) -> bool:
    origins = (operand.origin for operand in comparison.operands)
    return any(one is None or (one.model, one.layer) in places for one in origins)
