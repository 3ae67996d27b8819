"""CD101 same-tensor: both operands of a comparison are the same tensor object.

What it finds
-------------
A similarity, distance or pair loss that compares row i with row i was called with one tensor
object on both sides. Two names for one object are still one object: `b = a` copies nothing.
Comparisons written by hand count, too: `(a * b).sum(1)`, `(a - b).norm(dim=1)`, the diagonal or
the cross entropy of `a @ b.T`.

Why it matters
--------------
The cosine of a vector with itself is 1 and its distance 0, whatever the network computes. The
loss is a constant, its gradient is zero or meaningless, and training goes on without an error.

Likely causes
-------------
An assignment was meant as a copy or as the previous value (`vector2 = vector1`); the same name
was typed twice; a branch for the first iteration sets both operands to one tensor; a dictionary
or list entry is looked up under the same key for both sides; the model returns the same buffer
from every forward pass.

What to do
----------
Compare two tensors that come from two different inputs or two different networks: run the model
on each input and keep both outputs; if the model fills one output buffer anew in each pass, keep
`model(x).clone()`. In the first iteration, where there is nothing to compare
with yet, skip the comparison.

What would refute it
--------------------
The comparison is a deliberate self-test, whose result is never part of a loss.

Bounds and their source
-----------------------
occurrences: 1. Identity of objects (`a is b`) is exact, so one sighting proves it. All-pairs
comparisons such as `z @ z.T` or `cdist(z, z)` are not looked at: there, identity is meant. So it
is by hand where both operands are written alike, as in the squared length `(z * z).sum(1)`, where
a loop over all pairs meets its diagonal, and inside installed libraries. Nor is anything
wrong where one expression is written on both sides and neither takes a gradient: that is how an
evaluation gets the diagonal of its similarities.

References
----------
Python Language Reference, section 3.1, "Objects, values and types".
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
    """How often the operands must have been one object."""

    occurrences: int = 1  # identity is exact: no statistics involved


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call that was given one tensor object twice."""
    return matches(
        measurements,
        "same-object",
        _say,
        confidence=lambda _alias: Confidence.CERTAIN,
        holds=lambda alias: len(alias.found) >= bounds.occurrences and not _is_meant(alias),
    )


def _is_meant(alias: Alias) -> bool:
    """Tell whether one expression is written on both sides where nothing is learnt.

    That is how an evaluation gets the diagonal of its similarities, or a length.
    """
    sides = (alias.left, alias.right)
    learns = any(
        side.requires_grad for comparison, _ in alias.found for side in comparison.operands
    )
    return bool(sides[0].expression) and sides[0].expression == sides[1].expression and not learns


def _say(alias: Alias) -> Said:
    left, right = alias.names
    function = alias.first.function
    if left == right:
        message = f"{left} is compared with itself by {function}"
        cause, remedy = f"{left} was passed for both operands.", ""
    else:
        message = f"{left} and {right} are the same tensor object when {function} compares them"
        cause, remedy = _two_names(alias)
    seen = len(alias.found)
    often = "" if seen == alias.calls else f" (in {seen} of {alias.calls} calls)"
    return Said(f"{message}, so {_consequence(alias)}{often}.", cause, remedy)


def _two_names(alias: Alias) -> tuple[str, str]:
    """Return why two names are one object, and what to do if that is not plain from the source."""
    left, right = alias.names
    if alias.first.births:
        return f"{left} and {right} are two names of one tensor: an assignment copies nothing.", ""
    if alias.passes >= 2:
        cause = (
            f"No assignment of one to the other was found, and the model ran {alias.passes} times "
            f"for each comparison: it returned the same buffer twice, filled anew, so {left} was "
            f"overwritten when {right} was computed."
        )
        return cause, (
            "Return a new tensor from each forward pass, or take `.clone()` of an output before "
            "the model runs again."
        )
    return f"{left} and {right} are two names of one tensor; no second set of rows exists.", ""


def _consequence(alias: Alias) -> str:
    function = alias.first.function
    if len(alias.first.operands) > 2:  # a triplet: the other pair is still compared
        return f"the distance between {_roles(alias)} is 0"
    if "cosine_similarity" in function:
        return "every similarity is exactly 1"
    if "distance" in function or "mse" in function:
        return "every distance is 0"
    return "the result says nothing about the embedding"


def _roles(alias: Alias) -> str:
    """Return what the two operands are to a triplet loss."""
    roles = ("anchor", "positive", "negative")
    return f"{roles[alias.relation.left]} and {roles[alias.relation.right]}"


RULE = Rule(
    code="CD101",
    name="same-tensor",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
