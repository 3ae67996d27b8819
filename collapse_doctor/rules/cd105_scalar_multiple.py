"""CD105 scalar-multiple: every row of one operand is a multiple of the same row of the other.

What it finds
-------------
In a row-paired comparison each pair of rows points in the same (or the opposite) direction, while
the values differ by more than rounding: (1, 2, 3) beside (2, 4, 6). A multiple of 1 is told as
what it is, equal rows (CD103, CD104). Affine copies are told here, too: each row is the other's,
scaled and shifted, by two numbers of its own (as layer normalisation does) or by one factor and
one vector for all rows (as taking off the mean of a batch does). So are operands of a cosine along
a dimension of size 1, whatever their values: a single number has no direction but its sign.

Why it matters
--------------
The cosine of a vector and any positive multiple of it is 1, of a negative multiple -1. The norms
differ, so the two look different when printed, and the similarity is constant all the same. The
correlation with an affine copy is 1 (or -1) in the same way: nothing in it is not in the other.

Likely causes
-------------
One operand is the other after a temperature, a normalisation or a weight was applied; both sides
are one output, scaled by an augmentation factor, a mask or a running mean of itself; one is the
other after a normalisation, a centring or a bias.

What to do
----------
Compare outputs for different inputs. If one side is a rescaled form of the other on purpose, the
cosine cannot see the scale: compare with a distance, or compare the norms.

What would refute it
--------------------
The embedding has few directions to begin with (width 2, or a collapsed batch); such operands are
not judged by their values.

Bounds and their source
-----------------------
occurrences: 1. The cosine is computed in float64; rounding of the stored values moves it from 1
by at most 2 eps² (eps: distance of 1 to the next number of the stored dtype), measured 2e-16 for
float32, 3.2e-8 for float16 and 2.1e-6 for bfloat16. min_width: 3. In one dimension all vectors are
multiples of each other, and in two dimensions a chance alignment of a few rows is not rare. An
affine copy must fit every row to 4 rounding units at the operands' size (half a unit each for two
stored values, a product and a sum, taken twice), in rows of at least 4 numbers. min_offset: 0.0001
of the rows' size, well above that rounding; what has less is a multiple, or a network that has just
begun to leave its copy. Of two networks that are both watched, affine copies are not told.

References
----------
The Cauchy-Schwarz inequality: its bound is reached by multiples, and only by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import RelationKind
from collapse_doctor.rules.aliasing import (
    WITHIN_ROUNDING,
    Alias,
    Said,
    require_watched,
    told,
    written,
)
from collapse_doctor.rules.geometry import EPS
from collapse_doctor.rules.rule import Match, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """What the operands must be for a common direction to mean something."""

    occurrences: int = 1  # agreement at the resolution of the dtype in every row
    min_width: int = 3  # one dimension has one direction, two have few
    min_offset: float = 1e-4  # of the rows' size: well above their rounding


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call whose operands were row-wise multiples, or affine copies."""
    kinds: tuple[tuple[RelationKind, Callable[[Alias], Said]], ...]
    kinds = (("affine", _say_affine), ("scalar-multiple", _say))
    for kind, say in kinds:
        for alias in written(measurements, kind):
            if _holds(alias, bounds):
                match = told(alias, say(alias), Confidence.HIGH)
                yield replace(match, evidence=_evidence(alias, match.evidence, bounds))
    require_watched(measurements)


def _holds(alias: Alias, bounds: Bounds) -> bool:
    offset = alias.relation.offset
    shifted = offset is None or (offset > bounds.min_offset and alias.of_one_network)
    wide = alias.left.shape[-1] >= bounds.min_width
    return shifted and (wide or _has_one_column(alias)) and len(alias.found) >= bounds.occurrences


def _has_one_column(alias: Alias) -> bool:
    """Tell whether the operands were held to be multiples by their shape, and not by values."""
    return alias.relation.difference is None and 1 in alias.left.shape[1:]


def _say(alias: Alias) -> Said:
    left, right = alias.names
    if _has_one_column(alias):
        shape = tuple(alias.left.shape)
        return Said(
            f"{left} and {right} have one number in each row (shape {shape}) when "
            f"{alias.first.function} compares them along it: every cosine is 1 or -1.",
            cause="A vector of one number has no direction but its sign: the comparison runs along "
            "a dimension of size 1.",
            remedy="Compare numbers by their difference (F.mse_loss), or take the cosine along the "
            "dimension that holds the features.",
        )
    scale = alias.relation.scale
    near = alias.relation.difference or 0.0
    before = near <= WITHIN_ROUNDING * EPS.get(alias.precision, 0.0)
    times = f" (about {scale:.3g} times)" if scale is not None else ""
    times = ", brought to the same length before," if before else times
    sign = "-1" if scale is not None and scale < 0 else "1"
    return Said(
        f"Every row of {right} is a multiple{times} of the same row of {left} when "
        f"{alias.first.function} compares them, so their cosine is {sign} whatever is learned."
    )


def _say_affine(alias: Alias) -> Said:
    left, right = alias.names
    scales = alias.relation.scales
    negative = scales is not None and scales[1] < 0
    sign, turned = ("-1", "turned round, ") if negative else ("1", "")
    one = scales is None or abs(scales[0] - 1) < EPS.get(alias.precision, 0.0) * WITHIN_ROUNDING
    how = "plus an offset" if scales is None or one else f"times {scales[0]:.3g} plus an offset"
    if scales is not None and not _is_one(alias):
        how = f"with a factor ({scales[0]:.3g} to {scales[1]:.3g}) and an offset of its own"
    return Said(
        f"Every row of {right} is the same row of {left}, {turned}{how}, when "
        f"{alias.first.function} compares them: their correlation is {sign} whatever is learned.",
        cause=f"{right} is an affine copy of {left}, or the reverse: a normalisation, a centring "
        "or a bias stands between them, and no other input and no other network.",
    )


def _evidence(alias: Alias, numbers: Mapping[str, Evidence], bounds: Bounds) -> dict[str, Evidence]:
    """Return the factors beside what tells one factor for all rows from one for each."""
    relation = alias.relation
    factors = dict(numbers)
    if relation.kind == "affine" and relation.cosine is not None:
        del factors["cosine"]  # what was measured is the cosine of rows, or columns, without means
        factors["correlation"] = Evidence(relation.cosine, meaning="smallest, without its sign")
    if relation.scales is not None:
        low, high = relation.scales
        whose = "one for all rows" if _is_one(alias) else "each row has its own"
        factors["smallest_factor"] = Evidence(low, meaning=f"right row / left row; {whose}")
        factors["largest_factor"] = Evidence(high, meaning=whose)
    if relation.offset is not None:
        meaning = "size of what is added, relative to the rows' own"
        factors["offset"] = Evidence(relation.offset, bounds.min_offset, ">", meaning=meaning)
    return factors


def _is_one(alias: Alias) -> bool:
    """Tell whether all rows have one factor, as far as stored values can show it.

    The factor of a row is a quotient of two sums over it; the rounding of single values is averaged
    there, but not what an offset far larger than the row has cost.
    """
    scales = alias.relation.scales
    if scales is None:
        return True
    size = max(map(abs, scales))
    return scales[1] - scales[0] <= 2 * WITHIN_ROUNDING * EPS.get(alias.precision, 0.0) * size


RULE = Rule(
    code="CD105",
    name="scalar-multiple",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
