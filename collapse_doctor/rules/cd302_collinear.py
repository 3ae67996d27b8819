"""CD302 collinear: the embeddings lie on one line.

What it finds
-------------
All but 1 % of the variance of the rows, after their mean is taken out, lies along one direction.

Why it matters
--------------
An embedding of hundreds of coordinates holds one number for each input. Cosines take few values,
often just 1 and -1, and their mean may look perfectly healthy.

Likely causes
-------------
A loss that one number can satisfy, such as agreement of neighbouring batches; a bottleneck of
width 1 before the output (or a product with a per-sample scalar); a weight matrix of rank one
after a step that was far too large; pulling together without pushing apart; a term against the
correlation of coordinates that has the wrong sign.

What to do
----------
Look for the narrowest place before the embedding. Add a term that keeps the coordinates'
variance up and their correlation down (VICReg, Barlow Twins), or negatives; if there is one, look
at its sign, its weight and its dimension. Lower the learning rate and watch whether the line still
forms.

What would refute it
--------------------
The data have one degree of freedom; there are only two classes, which neural collapse puts at the
two ends of a line; or one extreme row holds nearly all the variance.

Bounds and their source
-----------------------
top_share: 0.99 of the variance on the first principal axis: perpendicular to the line the rows
spread less than a tenth as far as along it (sqrt(0.01 / 0.99) = 0.1005). min_rows: 8. Of 8
isotropic points in 3 dimensions, the least favourable size that is judged, none of 100 000
draws reached 0.99. min_width: 3, since a plane has two directions in all.
fall: 3. In a training, the spread across the line, sqrt(1 - top_share), must have shrunk by this
factor since the first step (see geometry.FELL), unless the line is exact: what lies across it is
below ten times the rounding of the dtype, and that is below 1e-3 of the spread (half precision
cannot tell it). Weights that move turn the line from step to step, so the rows of each late step
count by themselves where they show a thinner line than all of them together.
settled: 100 steps. A deep network that leaves a nearly constant start does so along one direction
first: a VGG of 8 convolutions without normalisation had 99 % of its variance on it at step 22 of a
healthy training on digits (cosine pairs, Adam) and no more at step 88. See CD303 for the bound. An
exact line needs no time.
Rows in two tight groups are told as info where nothing says that there are classes: two classes
and two points that are left of a collapse look alike without labels.

References
----------
Jing et al., "Understanding Dimensional Collapse in Contrastive Self-supervised Learning", ICLR
2022. Jolliffe, "Principal Component Analysis", 2002, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.depth import first_lost, located
from collapse_doctor.rules.geometry import (
    FELL,
    Standing,
    capped,
    embeddings,
    evidence,
    history,
    interval_of,
    judge,
    null_of,
    per_cent,
    place,
    rounding,
    standing,
    title,
)
from collapse_doctor.rules.neural_collapse import excuse, softened
from collapse_doctor.rules.onset import onset_below
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]

RESOLVED = 1e-3
"""Rounding must be smaller than this share of the spread for a line to be told as exact."""


@dataclass(frozen=True)
class Bounds:
    """When a cloud counts as a line."""

    top_share: float = 0.99  # across the line a tenth of the spread along it
    min_rows: int = 8  # none of 100 000 isotropic draws of 8 points in 3-D reached 0.99
    min_width: int = 3  # a plane has two directions in all
    fall: float = FELL  # times thinner than at the first step: measured, see geometry.FELL
    settled: int = 100  # steps: the same dip at a healthy start as CD303 allows


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding that is a line."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if layer.width < bounds.min_width:
        raise NotExamined(f"a line in {layer.width} dimensions is nothing special")
    if layer.count < bounds.min_rows:
        raise NotExamined(f"{layer.count} rows are too few; {bounds.min_rows} would do")
    require_spread(measurements, layer)
    share = layer.values.get("top_share", math.nan)
    if math.isnan(share):
        raise NotExamined("its principal axes are undefined")
    if share <= bounds.top_share:
        return None
    exact = _is_exact(layer, share)
    if not exact:
        _require_that_it_became_so(measurements, layer, bounds, share)
    found = excuse(measurements, layer, exact=exact)
    if found is not None and found.known:
        raise NotExamined(found.reason)
    match = _match(measurements, layer, bounds, share)
    return softened(_from_where(measurements, layer, bounds, match), found)


def _from_where(
    measurements: Measurements, layer: LayerState, bounds: Bounds, match: Match
) -> Match:
    """Return a match that names the first layer whose rows are a line as well."""
    return located(
        match,
        first_lost(
            measurements, layer, lambda o: o.values.get("top_share", math.nan) > bounds.top_share
        ),
        lambda first: history(measurements, first, "top_share"),
        lambda share: share > bounds.top_share,
        lambda last: f"has {per_cent(last.values.get('top_share', math.nan))} along one direction",
    )


def _is_exact(layer: LayerState, share: float) -> bool:
    """Tell whether what lies across the line is rounding."""
    noise = 10 * rounding(layer) / layer.values["relative_dispersion"]
    return math.sqrt(max(1 - share, 0.0)) <= noise <= RESOLVED


def _require_that_it_became_so(
    measurements: Measurements, layer: LayerState, bounds: Bounds, share: float
) -> None:
    """Raise NotExamined unless training made the line, and kept it; a file has no history."""
    if standing(measurements, layer) is not Standing.TRAINED:
        return
    across = math.sqrt(max(1 - share, 0.0))
    first = (layer.first or {}).get("top_share", math.nan)
    if math.sqrt(max(1 - first, 0.0)) <= bounds.fall * across:  # False for NaN
        raise NotExamined("its rows lay on a line at the first step already")
    course = history(measurements, layer, "top_share")
    thin = 1 - bounds.fall**2 * (1 - bounds.top_share)
    onset = course.onset(lambda value: value > thin)
    if onset is not None and course.steps[-1] - onset < bounds.settled:
        raise NotExamined(
            f"its rows came near a line only at step {onset}; a healthy start may dip for up to "
            f"{bounds.settled} steps"
        )


def _match(measurements: Measurements, layer: LayerState, bounds: Bounds, share: float) -> Match:
    now = standing(measurements, layer)
    course = history(measurements, layer, "top_share")
    onset = course.onset(lambda share: share > bounds.top_share)
    began = onset_below(course.map(lambda share: 1.0 - share), 1.0 - bounds.top_share, onset)
    sure = not now.is_untrained
    return Match(
        message=(
            f"The rows of {title(layer)} lie on one line: {per_cent(share)} of their variance is "
            f"along a single direction of {layer.width}.{began.sentence}"
        ),
        where=place(layer, onset),
        evidence=evidence(
            top_share=Evidence(
                share,
                bounds.top_share,
                ">",
                null=null_of(layer, "top_share"),
                interval=interval_of(layer, "top_share"),
            ),
            effective_rank=Evidence(
                layer.values.get("effective_rank", math.nan),
                null=null_of(layer, "effective_rank"),
                interval=interval_of(layer, "effective_rank"),
            ),
            at_first_step=Evidence((layer.first or {}).get("top_share", math.nan)),
            **(began.numbers if layer.first else {}),
            rows=Evidence(layer.count, bounds.min_rows, ">="),
        ),
        severity=capped(Severity.ERROR, now, Severity.WARNING),
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
    )


RULE = Rule(
    code="CD302",
    name="collinear",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
