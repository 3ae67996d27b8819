"""CD102 shared-storage: two tensor objects of one comparison lie over the same memory.

What it finds
-------------
The operands of a row-paired comparison are different objects, but they read the same elements of
the same memory: a view, the same slice or chunk taken twice, a buffer that is used again, or a
round trip through NumPy.

Why it matters
--------------
Equal memory means equal values, so the similarity is 1 and the distance 0 at every step. A
write to one operand silently changes the other.

Likely causes
-------------
`chunk`, `split` or slicing with the same index on both sides; `view`, `reshape`, `expand` or
`torch.from_numpy(t.numpy())` taken for a copy; an output buffer that the model fills anew in each
forward pass.

What to do
----------
Take the operands from different rows or different forward passes. Where a value must be kept
while its buffer is used again, keep `t.clone()`.

What would refute it
--------------------
Both operands are meant to be one set of rows, and the result is not part of a loss.

Bounds and their source
-----------------------
occurrences: 1. Equal address, shape, strides and dtype of two living tensors mean equal elements;
no statistics are involved. The two halves of one `chunk`, which do not overlap, are no alias.

References
----------
PyTorch documentation, "Tensor Views".
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
    """How often the operands must have shared their memory."""

    occurrences: int = 1  # same address, shape and strides of living tensors: exact


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call whose operands are the same memory."""
    return matches(
        measurements,
        "shared-storage",
        _say,
        confidence=lambda _alias: Confidence.CERTAIN,
        holds=lambda alias: len(alias.found) >= bounds.occurrences,
    )


def _say(alias: Alias) -> Said:
    left, right = alias.names
    return Said(
        f"{left} and {right} are two tensors over the same memory when {alias.first.function} "
        "compares them, so they are equal whatever the model computes.",
        cause=f"{right} is a view of {left}, or both are views of one buffer: no values were "
        "copied, and no second set of rows exists.",
    )


RULE = Rule(
    code="CD102",
    name="shared-storage",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
