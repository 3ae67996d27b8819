"""CD104 equal-copy: the operands have memory of their own, but equal values.

What it finds
-------------
Two tensors of a row-paired comparison are stored apart and agree in every element: a `clone()`,
or the outputs of one deterministic network for the same input, pushed through twice. So are
negatives that are copies of their own row's positive, where scores of one anchor with both lie side
by side (`cat([positive, negatives], -1)`) or are subtracted.

Why it matters
--------------
The similarity is 1 and the distance 0 for every row, so a loss on it is a constant and the
network learns nothing from it.

Likely causes
-------------
`clone()` or `copy()` of the embedding was taken for a second view; the same batch was passed for
both views; the augmentation is switched off, deterministic or seeded alike; dropout, which was to
make the two passes differ, is 0 or the model is in eval mode; the index by which negatives are
drawn repeats each row's own place.

What to do
----------
Make the two inputs differ (augment each view by itself), or compare different samples. For
dropout views keep the model in train mode with dropout above 0.

What would refute it
--------------------
The two operands come from two networks that were only just copied from each other, as a teacher
and its student before the first update.

Bounds and their source
-----------------------
occurrences: 1 for operands of one network: equality in every element of rows that differ among
themselves is no coincidence, nor is equality within 4 rounding units of their size (see
`aliasing.WITHIN_ROUNDING`), where one side went through another precision or was scaled to unit
length twice. other_network_steps: 3 for
operands of two networks (or of two outputs of one), equal in every call that was seen. A teacher
starts as a copy of its student: they are equal at step 0, and at step 1 if the schedule begins at
a rate of 0. From the third step on the student has moved, and a copy that follows it by an
average cannot agree with it in every bit. Of networks watched apart such values are recorded only
once weights have moved, or the rate was above 0, between two sightings. Negatives are held against
their positive bit by bit, 32 rows and 16 of each row's: all of them, at eight steps and no fewer,
and half of the rows at least must differ from the first. Of negatives that are drawn some are so by
chance.

References
----------
Gao, Yao and Chen, "SimCSE", EMNLP 2021 (dropout views: equal inputs, different outputs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.rules.aliasing import Alias, Said, matches
from collapse_doctor.rules.rule import Match, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How long the operands must have been equal."""

    occurrences: int = 1  # every element of varied rows equal: no coincidence
    other_network_steps: int = 3  # equal at birth, and after a step at rate 0; not a third time


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call whose operands were equal."""
    return matches(
        measurements,
        "equal",
        _say,
        confidence=lambda alias: Confidence.HIGH if alias.of_one_network else Confidence.MEDIUM,
        holds=lambda alias: alias.lasts(bounds.occurrences, bounds.other_network_steps),
    )


def _say(alias: Alias) -> Said:
    left, right = alias.names
    return Said(
        f"{left} and {right} are separate tensors with equal values{_precision(alias)} when "
        f"{alias.first.function} compares them.",
        cause=_cause(alias),
    )


def _precision(alias: Alias) -> str:
    return f" (to the rounding of {alias.precision})" if alias.is_rounded else ""


def _cause(alias: Alias) -> str:
    left, right = alias.left.origin, alias.right.origin
    if left is None or right is None:
        return ""
    if left.forward == right.forward and alias.of_one_network:
        return "One operand is a copy of the other: both are the output of one forward pass."
    if alias.of_one_network:
        return "Two forward passes of one network gave the same output: their inputs were equal."
    if left.model == right.model:
        return "Two outputs of one model are equal: both were computed from the same input."
    return "Two networks give equal outputs: they share their weights, or one never moved away."


RULE = Rule(
    code="CD104",
    name="equal-copy",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
