"""CD308 norm-collapse: the vectors shrink towards zero, and go on shrinking.

What it finds
-------------
The mean length of the rows is a thirtieth of its first value or less, below a hundredth for each
coordinate, and fell steadily through the last half of the steps.

Why it matters
--------------
Distances and inner products of such rows vanish with them, and so does what a loss can learn from
them. A cosine does not feel it at first; but its gradient grows as the length shrinks, and in the
end the `eps` of the normalisation, or the resolution of the dtype, takes the place of the length.

Likely causes
-------------
Weight decay, or a penalty on lengths, that outweighs the loss; a loss of distances that only pulls
together, in layers without bias; a learnt scale of the output that the loss drives down; weights
that are scaled in place.

What to do
----------
Lower the weight decay or the penalty. Give the loss something that keeps rows apart (negatives, a
variance term). Normalise the rows if only their directions are meant to count, and leave scales
and the layers of normalisation out of the weight decay.

What would refute it
--------------------
The rows are fitted to numbers that are as small as that, or a later layer makes up for it.

Bounds and their source
-----------------------
fall: 30. Among the programs of `benchmarks/programs/innocent` that are not fitted to given
numbers the greatest fall is by a factor of 15 (`lengths/decay_with_directions.py`, where weight
decay and a loss of directions come into balance); the bound is twice that. size: 0.01, root mean
square of a coordinate. Losses that are made for lengths ask for
more: VICReg for a deviation of 1, a margin of 0.1 for distances of 0.1, which rows of 16
coordinates of this size cannot have (2 · 0.01 · √16 = 0.08). Embeddings of inputs from 0 to 255
may fall a hundredfold until they have reached what their loss asks for.
goes_on: 1.5. In the last half of the steps the length fell by that factor or more (Theil and Sen's
slope of the logarithm). chance: 0.05. By Mann and Kendall's test it fell steadily: independent
noise around a length that has settled does so in one case of twenty. That the vectors did shrink
needs no test.
min_width: 3, since one or two numbers may be small for many reasons.

References
----------
van Laarhoven, "L2 Regularization versus Batch and Weight Normalization", 2017 (how weight decay
and a loss that ignores the length come into balance). Mann, "Nonparametric tests against trend",
Econometrica 1945.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from collapse_doctor.findings import Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.drift import Drift, require_drift
from collapse_doctor.rules.geometry import (
    History,
    Standing,
    embeddings,
    evidence,
    history,
    judge,
    place,
    standing,
    title,
)
from collapse_doctor.rules.onset import onset_below
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import is_fitted

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When vectors have all but vanished."""

    fall: float = 30.0  # times shorter than at first: twice the greatest healthy fall, measured
    size: float = 0.01  # of a coordinate: a margin of 0.1 is out of reach for rows of 16
    goes_on: float = 1.5  # times shorter at the end of the last half than at its beginning
    chance: float = 0.05  # of noise around one length to fall as steadily in the last half
    min_width: int = 3  # one or two numbers may be small for many reasons


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding whose vectors shrink towards zero."""
    examine = partial(_examine, measurements, bounds)
    return judge(embeddings(measurements), examine, stand_in=Severity.WARNING)


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if standing(measurements, layer) is not Standing.TRAINED:
        raise NotExamined("no training was watched, so that nothing can be shrinking")
    if layer.width < bounds.min_width:
        raise NotExamined(f"{layer.width} numbers may be small for many reasons")
    if layer.values.get("zero_share", 0.0) >= 1.0:
        raise NotExamined("every row is zero (see CD402)")
    course = history(measurements, layer, "norm_mean")
    now = require_drift(course)
    if now.fold * bounds.fall > 1 or now.now >= bounds.size * math.sqrt(layer.width):
        return None
    if is_fitted(measurements, layer):
        raise NotExamined("it is fitted to given numbers, and takes on their size")
    if now.falls > bounds.chance or now.late * bounds.goes_on > 1:
        raise NotExamined(
            f"its vectors became {1 / now.fold:.2g} times shorter, but hardly so since step "
            f"{now.since}"
        )
    return _match(layer, course, bounds, now)


def _match(layer: LayerState, course: History, bounds: Bounds, drift: Drift) -> Match:
    size = bounds.size * math.sqrt(layer.width)
    bound = min(drift.first / bounds.fall, size)
    began = onset_below(course, bound, course.onset(lambda length: length < bound))
    return Match(
        message=(
            f"The vectors of {title(layer)} shrink towards zero: their mean length went from "
            f"{drift.first:.2g} to {drift.now:.2g}, and halves every {drift.doubling:.2g} "
            f"steps.{began.sentence}"
        ),
        where=place(layer, began.step if began.step is not None else drift.since),
        evidence=evidence(
            norm_mean=Evidence(drift.now, size, "<", meaning="mean length of the rows"),
            fall=Evidence(1 / drift.fold, bounds.fall, ">=", meaning="first length to the last"),
            late_fall=Evidence(
                1 / drift.late, bounds.goes_on, ">=", meaning=f"the same since step {drift.since}"
            ),
            chance=Evidence(drift.falls, bounds.chance, "<=", meaning="of noise to fall so"),
            at_first_step=Evidence(drift.first, meaning="the length at the first step"),
            **began.numbers,
        ),
    )


RULE = Rule(
    code="CD308",
    name="norm-collapse",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
