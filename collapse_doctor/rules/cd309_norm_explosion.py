"""CD309 norm-explosion: the vectors grow, and nothing holds them.

What it finds
-------------
The mean length of the rows is a hundred times its first value or more, and a hundred times that of
rows whose coordinates have size 1; and it grew steadily through the last half of the steps. Where
directions are compared, a thousand times is enough without growing on: there a length grows by
steps that are far too large.

Why it matters
--------------
Inner products grow with the square of it, until a softmax knows only 0 and 1 and half precision
overflows. Where only directions count, the gradient shrinks as the length grows, and learning
comes to a halt though the loss goes on.

Likely causes
-------------
A loss with a term that has no floor: a variance or an inner product to be made as large as can be,
or one with the wrong sign; a learning rate that is far too large for a loss of directions, each
step being at right angles to the weights and making them longer; no weight decay.

What to do
----------
Hold what is made large: a hinge at 1 (VICReg), a margin, normalised rows and a temperature. Lower
the learning rate, and warm it up. Add weight decay, or weight normalisation.

What would refute it
--------------------
The rows are fitted to numbers that are as large, or a head on top of them learns to predict such.

Bounds and their source
-----------------------
growth: 100, over the first length and over √width, the length of rows of coordinates of size 1,
whichever is greater: a last layer that begins at zero grows without end by the first measure. Among
the programs of `benchmarks/programs/innocent` the greatest such growth of rows that are not fitted
to given numbers, nor read by a head, is by a factor of 6; of digits trained by InfoNCE for 1000
steps with Adam at a hundred times its usual rate, 57, and the loss went down as
well as with others.
goes_on: 1.25, above 2^(1/4) = 1.19. Steps of one size at right angles to the weights make the
squared length grow by η²g²/‖w‖² each, so that it doubles in sixteen times the steps: that is a
growth that holds itself back. chance: 0.05. It grew steadily by Mann and Kendall's test:
independent noise around a length that has settled does so in one case of twenty.
leap: 1000. Steps of SGD at rates of 30 and 100 on digits (InfoNCE) made vectors 232 and 2500 times
as long as √width within 5 steps, after which the loss was 0.3 and 0.7 above that at a rate of 1;
the bound lies between.
min_width: 3, since one or two numbers are seldom an embedding.

References
----------
van Laarhoven, "L2 Regularization versus Batch and Weight Normalization", 2017; Arora et al.,
"Theoretical Analysis of Auto Rate-Tuning by Batch Normalization", ICLR 2019 (why a length grows
under losses that ignore it).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from collapse_doctor.findings import Confidence, Evidence, Severity
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
    """When vectors are too long."""

    growth: float = 100.0  # healthy trainings: up to 6; up to 57 at a hundred times the usual rate
    goes_on: float = 1.25  # in the last half; growth that holds itself back: 2^(1/4)
    leap: float = 1000.0  # between what two rates did, of which the larger kept it from learning
    chance: float = 0.05  # of noise around one length to rise as steadily in the last half
    min_width: int = 3  # one or two numbers are seldom an embedding


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding whose vectors grow without bound."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if standing(measurements, layer) is not Standing.TRAINED:
        raise NotExamined("no training was watched, so that nothing can be growing")
    if layer.width < bounds.min_width:
        raise NotExamined(f"{layer.width} numbers are seldom an embedding")
    course = history(measurements, layer, "norm_mean")
    now = require_drift(course)
    growth = now.now / max(now.first, math.sqrt(layer.width))
    if growth < bounds.growth:
        return None
    if is_fitted(measurements, layer) or layer.dimensions is not None:
        raise NotExamined("it is fitted to given numbers, or read by a head that is")
    rises = now.rises <= bounds.chance and now.late >= bounds.goes_on
    if not rises and not (layer.directed and growth >= bounds.leap):
        raise NotExamined(
            f"its vectors became {now.fold:.2g} times longer, but hardly so since step {now.since}"
        )
    return _match(layer, course, bounds, now, rises=rises)


def _match(
    layer: LayerState, course: History, bounds: Bounds, drift: Drift, *, rises: bool
) -> Match:
    unit = max(drift.first, math.sqrt(layer.width))
    least = bounds.growth if rises else bounds.leap
    step = course.onset(lambda length: length >= least * unit)
    began = onset_below(course.map(lambda length: unit / max(length, unit)), 1 / least, step)
    now = (
        f"and doubles every {drift.doubling:.2g} steps"
        if rises
        else "too long for a gradient of directions to turn them"
    )
    return Match(
        message=(
            f"The vectors of {title(layer)} have grown {drift.fold:.2g}-fold: their mean length "
            f"went from {drift.first:.2g} to {drift.now:.2g}, {now}.{began.sentence}"
        ),
        where=place(layer, step if step is not None else drift.since),
        evidence=evidence(
            growth=Evidence(
                drift.now / unit, least, ">=", meaning="over the first length, or √width"
            ),
            late_growth=Evidence(drift.late, bounds.goes_on, ">=", meaning=f"from {drift.since} on")
            if rises
            else None,
            chance=Evidence(drift.rises, bounds.chance, "<=", meaning="of noise to rise so")
            if rises
            else None,
            norm_mean=Evidence(drift.now, meaning="mean length of the rows"),
            at_first_step=Evidence(drift.first, meaning="the length at the first step"),
            **began.numbers,
        ),
        confidence=Confidence.HIGH if rises else Confidence.MEDIUM,
    )


RULE = Rule(
    code="CD309",
    name="norm-explosion",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
