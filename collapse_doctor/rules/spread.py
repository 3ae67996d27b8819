"""How far the rows of a layer lie apart, and whether they lie apart at all.

CD301 reports what is told here; the other geometry rules ask first, because the shape of a cloud
that is one vector plus rounding noise reads as perfectly healthy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Operand
from collapse_doctor.rules.geometry import FELL, Standing, rounding, standing
from collapse_doctor.rules.rule import NotExamined

__all__ = ["CollapseBounds", "Spread", "collapse", "is_fitted", "require_spread", "spread_of"]


@dataclass(frozen=True)
class CollapseBounds:
    """When rows count as one vector."""

    dispersion: float = 0.02  # 1 - cos < 4e-4, below the rounding of a half-precision cosine
    fall: float = FELL  # times below the first state: measured, see geometry.FELL
    born_steps: int = 200  # twice the slowest healthy take-off that was measured
    min_width: int = 3  # numbers of one sign have one direction, and two coordinates few


@dataclass(frozen=True)
class Spread:
    """How far the rows of a layer lie apart, relative to their length."""

    metric: str
    now: float
    first: float
    resolution: float

    @property
    def fall(self) -> float:
        """How many times smaller the spread is than at the first step; NaN if that is unknown."""
        if self.now > 0:
            return self.first / self.now
        return math.nan if math.isnan(self.first) else math.inf if self.first > 0 else 1.0


def require_spread(measurements: Measurements, layer: LayerState) -> None:
    """Raise NotExamined unless the rows of ``layer`` have a shape that could be judged.

    Below some ten times the rounding of its dtype a cloud is rounding noise, which reads as a
    healthy isotropic cloud: rounding spreads rows by 0.29 eps (a uniform error of width eps), so
    at 10 eps it makes up a thousandth of the variance.
    """
    if _all_zero(layer):
        raise NotExamined("every row is zero (see CD402)")
    try:
        collapsed = collapse(measurements, layer, CollapseBounds())
    except NotExamined:
        collapsed = ""
    if collapsed:
        raise NotExamined(_one_vector(layer))
    relative = layer.values.get("relative_dispersion", math.nan)
    if math.isnan(relative):
        raise NotExamined("it has fewer than two finite rows")
    if relative < 10 * rounding(layer):
        raise NotExamined("its rows differ by no more than the rounding of their dtype")


def _one_vector(layer: LayerState) -> str:
    if layer.values.get("relative_dispersion", math.nan) >= CollapseBounds().dispersion:
        return "its rows have one direction (see CD301), and what is left are their lengths"
    return "its rows are one vector (see CD301), and noise has no shape to judge"


def collapse(measurements: Measurements, layer: LayerState, bounds: CollapseBounds) -> str:
    """Return "collapsed", "stuck" (born so, and never moved) or "" for a layer that is neither."""
    if _all_zero(layer):
        raise NotExamined("every row is zero (see CD402)")
    spread = spread_of(measurements, layer, bounds)
    if math.isnan(spread.now):
        raise NotExamined("it has fewer than two finite rows")
    if spread.now >= bounds.dispersion:
        return ""
    if standing(measurements, layer) is not Standing.TRAINED or spread.fall > bounds.fall:
        return "collapsed"
    unmoved = spread.now < spread.resolution and spread.now <= bounds.fall * spread.first
    if unmoved and measurements.steps >= bounds.born_steps:
        return "stuck"
    raise NotExamined(
        f"its rows were already alike at the first step (spread {spread.first:.1e} of their "
        f"length, now {spread.now:.1e}), as those of an untrained deep network without "
        "normalisation are"
    )


def spread_of(measurements: Measurements, layer: LayerState, bounds: CollapseBounds) -> Spread:
    """Return the spread of a layer, in the measure that counts for it."""
    metric = _metric_judged(measurements, layer, bounds)
    first = (layer.first or {}).get(metric, math.nan)
    identical = layer.values.get("relative_dispersion") == 0  # exact where no coordinate varies
    now = 0.0 if identical else layer.values.get(metric, math.nan)
    return Spread(metric, now, first, math.sqrt(rounding(layer)))


def _metric_judged(measurements: Measurements, layer: LayerState, bounds: CollapseBounds) -> str:
    """Return the dispersion that counts: of directions where only directions are compared."""
    norms = layer.values.get("norm_std", math.nan), layer.values.get("norm_mean", math.nan)
    normalised = norms[0] <= 1e-3 * norms[1]  # False for NaN; bfloat16 spreads unit norms by 6e-4
    by_cosine = any(
        _is_of(layer, operand)
        for comparison in measurements.comparisons
        if "cosine" in comparison.function
        for operand in comparison.operands
    )
    defined = not math.isnan(layer.values.get("direction_dispersion", math.nan))
    judged = (
        normalised or by_cosine or layer.directed or _aligned(measurements, layer, bounds)
    ) and defined
    return "direction_dispersion" if judged else "relative_dispersion"


def _aligned(measurements: Measurements, layer: LayerState, bounds: CollapseBounds) -> bool:
    """Tell whether training itself has turned all rows to one direction.

    A cosine written by hand, and one in a layer further on, leave no comparison to be seen. What
    they do to the rows can be seen: then all cosines are one number, whatever the lengths are. A
    head on top may read the lengths, and numbers to be predicted have them: there vectors count.
    """
    now = layer.values.get("direction_dispersion", math.nan)
    first = (layer.first or {}).get("direction_dispersion", math.nan)
    if standing(measurements, layer) is not Standing.TRAINED or layer.width < bounds.min_width:
        return False
    fell = now < bounds.dispersion and first > bounds.fall * now  # False for NaN
    return fell and layer.dimensions is None and not is_fitted(measurements, layer)


def is_fitted(measurements: Measurements, layer: LayerState) -> bool:
    """Tell whether the rows were only ever held against given numbers, as in a regression."""
    own = [c for c in measurements.comparisons if any(_is_whole(layer, o) for o in c.operands)]
    return bool(own) and all(
        any(operand.origin is None and not operand.requires_grad for operand in c.operands)
        for c in own
    )


def _is_whole(layer: LayerState, operand: Operand) -> bool:
    """Tell whether an operand holds all features of a layer's rows, and not some columns."""
    path = operand.origin.path if operand.origin is not None else ()
    return _is_of(layer, operand) and "columns" not in path


def _is_of(layer: LayerState, operand: Operand) -> bool:
    origin = operand.origin
    return origin is not None and (origin.model, origin.layer) == (layer.model, layer.layer)


def _all_zero(layer: LayerState) -> bool:
    return layer.values.get("zero_share", 0.0) >= 1.0
