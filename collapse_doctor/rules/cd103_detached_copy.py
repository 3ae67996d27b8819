"""CD103 detached-copy: one operand is the other, of the same step, cut from the graph.

What it finds
-------------
Both operands of a row-paired comparison hold this step's values of one embedding, and one of them
carries no gradient: made by `detach()`, `.data`, `detach().clone()`, or computed again under
`no_grad` from the same input by the same weights.

Why it matters
--------------
The similarity is 1 and the distance 0, so a loss on it is a constant. Even its gradient misleads:
one side is held fixed at the very point where the other already is.

Likely causes
-------------
The detached tensor was meant to be the output for another view, of another network or of the
previous step, and was made from the current output instead; or it is updated before it is used.

What to do
----------
Let the fixed side come from somewhere else: another augmentation of the input (SimSiam), a slowly
moving copy of the network (BYOL, MoCo), or a stored output that is compared before it is replaced.

What would refute it
--------------------
The detached operand belongs to another view or another network whose output happens to be equal
at this step, as a teacher copied from its student is before the first update.

Bounds and their source
-----------------------
occurrences: 1 for operands of one network, since equality is exact there, and otherwise within
4 rounding units of its size (see `aliasing.WITHIN_ROUNDING`). other_network_steps: 3 for
operands of two networks (or of two outputs of one), equal in every call that was seen. A teacher
starts as a copy of its student: they are equal at step 0, and at step 1 if the schedule begins at
a rate of 0. From the third step on the student has moved, and a copy that follows it by an
average cannot agree with it in every bit. Of networks watched apart such values are recorded only
once weights have moved, or the rate was above 0, between two sightings.

References
----------
Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021 (the legitimate
stop-gradient: on another view). Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020.
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

    occurrences: int = 1  # equal values of one network: exact
    other_network_steps: int = 3  # equal at birth, and after a step at rate 0; not a third time


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call that compares an embedding with its detached self."""
    return matches(
        measurements,
        "detached",
        _say,
        confidence=lambda alias: Confidence.CERTAIN if alias.of_one_network else Confidence.MEDIUM,
        holds=lambda alias: alias.lasts(bounds.occurrences, bounds.other_network_steps),
    )


def _say(alias: Alias) -> Said:
    left, right = alias.names
    other = left if alias.lone == right else right
    return Said(
        f"{alias.lone} is {other} of the same step, detached from the graph, when "
        f"{alias.first.function} compares them: their values are equal{_precision(alias)}.",
        cause=_cause(alias, other),
    )


def _cause(alias: Alias, other: str) -> str:
    if alias.of_one_pass and not alias.of_one_network:
        return (
            f"{alias.lone} and {other} are two outputs of one forward pass: one is the other "
            "without its gradient, or two networks with equal weights inside of the model made "
            "them."
        )
    if not alias.of_one_network:
        return (
            f"{alias.lone} and {other} are outputs of two networks with equal weights: the copy "
            "is replaced by the original in every step (an average that keeps nothing of the "
            "past), both share their weights, or neither learns."
        )
    return (
        f"{alias.lone} was made from this step's {other} without its gradient{_path(alias)}, so "
        "there is nothing for the comparison to learn from."
    )


def _precision(alias: Alias) -> str:
    return f" to the rounding of {alias.precision}" if alias.is_rounded else ""


def _path(alias: Alias) -> str:
    for operand in (alias.left, alias.right):
        if operand.origin is not None and operand.origin.path and not operand.requires_grad:
            return f" (by {', '.join(operand.origin.path)})"
    return ""


RULE = Rule(
    code="CD103",
    name="detached-copy",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
