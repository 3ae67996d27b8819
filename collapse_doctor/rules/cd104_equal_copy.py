"""CD104 equal-copy: the operands have memory of their own, but equal values.

What it finds
-------------
Two tensors of a row-paired comparison are stored apart and agree in every element: a `clone()`,
or the outputs of one deterministic network for the same input, pushed through twice.

Why it matters
--------------
The similarity is 1 and the distance 0 for every row, so a loss on it is a constant and the
network learns nothing from it.

Likely causes
-------------
`clone()` or `copy()` of the embedding was taken for a second view; the same batch was passed for
both views; the augmentation is switched off, deterministic or seeded alike; dropout, which was to
make the two passes differ, is 0 or the model is in eval mode.

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
themselves is no coincidence. other_network_steps: 20 for operands of two networks, in every call:
a teacher starts as a copy of its student and stays one while a warm-up keeps the learning rate 0.

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
    other_network_steps: int = 20  # a teacher is born equal to its student


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
        f"{left} and {right} are separate tensors with equal values when "
        f"{alias.first.function} compares them.",
        cause=_cause(alias),
    )


def _cause(alias: Alias) -> str:
    left, right = alias.left.origin, alias.right.origin
    if left is None or right is None:
        return ""
    if left.forward == right.forward and alias.of_one_network:
        return "One operand is a copy of the other: both are the output of one forward pass."
    if alias.of_one_network:
        return "Two forward passes of one network gave the same output: their inputs were equal."
    return "Two networks give equal outputs: they share their weights, or one never moved away."


RULE = Rule(
    code="CD104",
    name="equal-copy",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
