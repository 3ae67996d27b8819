"""CD105 scalar-multiple: every row of one operand is a multiple of the same row of the other.

What it finds
-------------
In a row-paired comparison each pair of rows points in the same (or the opposite) direction, while
the values differ by more than rounding: (1, 2, 3) beside (2, 4, 6). A multiple of 1 is told as
what it is, equal rows (CD103, CD104).

Why it matters
--------------
The cosine of a vector and any positive multiple of it is 1, of a negative multiple -1. The norms
differ, so the two look different when printed, and the similarity is constant all the same.

Likely causes
-------------
One operand is the other after a temperature, a normalisation or a weight was applied; both sides
are one output, scaled by an augmentation factor, a mask or a running mean of itself.

What to do
----------
Compare outputs for different inputs. If one side is a rescaled form of the other on purpose, the
cosine cannot see the scale: compare with a distance, or compare the norms.

What would refute it
--------------------
The embedding has only one direction to begin with (width 1 or 2, or a collapsed batch); such
operands are not judged.

Bounds and their source
-----------------------
occurrences: 1. The cosine is computed in float64; rounding of the stored values moves it from 1
by at most 2 eps² (eps: distance of 1 to the next number of the stored dtype), measured 2e-16 for
float32, 3.2e-8 for float16 and 2.1e-6 for bfloat16. min_width: 3. In one dimension all vectors are
multiples of each other, and in two dimensions a chance alignment of a few rows is not rare.

References
----------
The Cauchy-Schwarz inequality: its bound is reached by multiples, and only by them.
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
    """What the operands must be for a common direction to mean something."""

    occurrences: int = 1  # agreement at the resolution of the dtype in every row
    min_width: int = 3  # one dimension has one direction, two have few


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call whose operands were row-wise multiples."""
    return matches(
        measurements,
        "scalar-multiple",
        _say,
        confidence=lambda _alias: Confidence.HIGH,
        holds=lambda alias: (
            len(alias.found) >= bounds.occurrences and alias.left.shape[-1] >= bounds.min_width
        ),
    )


def _say(alias: Alias) -> Said:
    left, right = alias.names
    scale = alias.relation.scale
    times = f" (about {scale:.3g} times)" if scale is not None else ""
    sign = "-1" if scale is not None and scale < 0 else "1"
    return Said(
        f"Every row of {right} is a multiple{times} of the same row of {left} when "
        f"{alias.first.function} compares them, so their cosine is {sign} whatever is learned."
    )


RULE = Rule(
    code="CD105",
    name="scalar-multiple",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
    explains=("CD201", "CD203"),
)
