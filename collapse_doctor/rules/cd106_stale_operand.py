"""CD106 stale-operand: one operand is the model's own output of an earlier step.

What it finds
-------------
In a row-paired comparison one operand is a detached tensor that the watched model put out at an
earlier step. Only the other side learns, and it is compared with the past.

Why it matters
--------------
The kept tensor was computed by older weights, from another batch, and takes no gradient. Its rows
have no tie to the rows they are paired with, so the loss pulls this batch towards the last one,
and the cheapest way to agree with every last batch is to map everything to one vector.

Likely causes
-------------
A variable is carried over from the previous iteration (`previous = output.detach()`), where two
samples of one batch, or two views of one sample, were meant.

What to do
----------
Compute both operands in the same step, by the same weights: run the model on both inputs and let
the gradient flow into both, or into a teacher that is meant to be fixed. Make sure row i of one
side belongs to row i of the other.

What would refute it
--------------------
A queue, a memory bank or a teacher's output was kept on purpose and is refreshed, as in MoCo; such
a bank is usually compared with all rows, not row by row, and is not looked at here.

Bounds and their source
-----------------------
age: 1 step, by definition of an earlier step. certain_from: 2 sightings; a loop that keeps the
past does so at every step, a single sighting may be a leftover of an evaluation. Where two other
calls at the same line were looked at and were no such thing, one sighting is none: that the rows
of an anchor set belong to each other is told by a sign test, which misses now and then.

References
----------
He et al., "Momentum Contrast", CVPR 2020, section 3.2 (why keys of different ages are
inconsistent, and what makes a queue of them work).
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
    """How old an operand must be, and how often it must be seen to be sure."""

    age: int = 1  # steps: the definition of "an earlier step"
    certain_from: int = 2  # sightings: a loop that keeps the past does so every time


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call that was given an output of an earlier step."""
    return matches(
        measurements,
        "stale",
        _say,
        confidence=lambda alias: (
            Confidence.HIGH if len(alias.found) >= bounds.certain_from else Confidence.MEDIUM
        ),
        holds=lambda alias: _age(alias) >= bounds.age and _recurs(alias, bounds),
    )


def _recurs(alias: Alias, bounds: Bounds) -> bool:
    """Tell whether it is more than one look among others that found nothing."""
    return len(alias.found) >= bounds.certain_from or alias.calls <= bounds.certain_from


def _say(alias: Alias) -> Said:
    left, right = alias.names
    stale, fresh = (left, right) if alias.lone == left else (right, left)
    age = _age(alias)
    when = "the step before" if age == 1 else f"{age} steps before"
    return Said(
        f"{stale} is the model's output of {when} when {alias.first.function} compares it with "
        f"{fresh}: it comes from older weights and another batch, and takes no gradient.",
        cause=f"{stale} is carried over from an earlier iteration, so {fresh} is compared with "
        "the past and only one side learns.",
    )


def _age(alias: Alias) -> int:
    return alias.relation.age if alias.relation.age is not None else 1


RULE = Rule(
    code="CD106",
    name="stale-operand",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
