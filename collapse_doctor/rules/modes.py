"""One layer in train mode and in eval mode, and what is lost in one of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.metrics.table import null_values
from collapse_doctor.recording.observations import CallSite, Probe
from collapse_doctor.rules.geometry import FELL, rounding
from collapse_doctor.rules.neural_collapse import excuse
from collapse_doctor.rules.rule import NotExamined
from collapse_doctor.rules.spread import CollapseBounds, spread_of

__all__ = ["Loss", "ModeBounds", "Sight", "loss_in", "lost_early", "sights_of"]


@dataclass(frozen=True)
class ModeBounds:
    """When one mode counts as collapsed and the other does not."""

    dispersion: float = CollapseBounds().dispersion  # the bound of CD301
    top_share: float = 0.99  # the bound of CD302
    min_rows: int = 8  # as CD302
    min_width: int = 3  # as CD302
    rank: float = 0.1  # of the null: the bound of CD303
    apart: float = FELL  # times: measured, see geometry.FELL
    parting: float = 3.0  # of the spread: twice sqrt(2), which rows of one class may reach
    mean_cosine: float = 0.85  # the bound of CD306
    narrowed: float = 2.0  # times less spread: the bound of CD306
    noise: float = 0.001  # of the spread; rounding of float32 is a thousand times less
    settled: int = 100  # steps: 0.9**100 is 3e-5
    shift: float = 0.1  # standard deviations: a thirtieth of parting


@dataclass(frozen=True)
class Sight:
    """One layer in both modes, as states that the other rules could read."""

    train: LayerState
    eval: LayerState
    noise: float
    parting: float
    running: bool
    unsettled: float = math.nan
    site: CallSite | None = None

    @property
    def arms(self) -> tuple[tuple[str, LayerState, LayerState], ...]:
        """Each mode as the one that may be collapsed, beside the other."""
        return (("eval", self.eval, self.train), ("train", self.train, self.eval))


@dataclass(frozen=True)
class Loss:
    """What is lost in one mode: a measure, its values in both, and how much smaller it is."""

    mode: str
    measure: str
    value: float
    other: float
    bound: float
    relation: str = "<"


def sights_of(measurements: Measurements, layers: Sequence[Probe]) -> list[Sight]:
    """Return what the probe showed of each layer that gave rows in both modes."""
    return [_sight(measurements, pair) for pair in _pairs(layers)]


def _pairs(layers: Sequence[Probe]) -> Iterator[dict[str, Probe]]:
    """Yield what both modes gave of one layer, by mode."""
    for _, group in groupby(layers, key=lambda probe: (probe.model, probe.layer)):
        arms = {probe.arm: probe for probe in group}
        if {"train", "eval"} <= set(arms):
            yield arms


def _sight(measurements: Measurements, arms: dict[str, Probe]) -> Sight:
    values = arms["train"].values
    return Sight(
        _state(measurements, arms["train"]),
        _state(measurements, arms["eval"]),
        _number(values.get("noise")),
        _number(values.get("parting")),
        values.get("running") == 1,
        _number(values.get("unsettled")),
        arms["eval"].site,
    )


def _state(measurements: Measurements, probe: Probe) -> LayerState:
    """Return what one mode gave as the state of a layer: of the training it has the role only."""
    known = next(
        (o for o in measurements.layers if (o.model, o.layer) == (probe.model, probe.layer)), None
    )
    values = {name: _number(value) for name, value in probe.values.items()}
    return LayerState(
        model=probe.model,
        layer=probe.layer,
        role=probe.role if known is None else known.role,
        depth=probe.depth,
        count=probe.rows,
        width=probe.width,
        dtype=probe.dtype,
        values=values,
        nulls=null_values(("effective_rank", "top_share"), probe.rows, probe.width),
        eigenvalues=np.zeros(0),
        dimensions=None if known is None else known.dimensions,
        fresh=known is not None and known.fresh,
        directed=known is not None and known.directed,
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def loss_in(measurements: Measurements, sight: Sight, bounds: ModeBounds) -> Loss | None:
    """Return what is lost in one mode and not in the other."""
    lost = _spread_lost(measurements, sight, bounds)
    if lost is not None:
        return lost
    noisy = not sight.noise <= bounds.noise  # True for NaN
    for arm, one, other in sight.arms:
        found = _shape_lost(measurements, arm, one, other, bounds)
        if found is None and sight.parting > bounds.parting:
            found = _cone(arm, one, other, bounds)
        if found is None:
            continue
        if noisy:
            raise NotExamined(
                f"in {arm} mode its rows are less varied, but train mode adds noise (as dropout "
                "does), which makes rows look so"
            )
        return found
    return None


def lost_early(measurements: Measurements, sight: Sight, bounds: ModeBounds) -> Loss | None:
    """Return what is lost in one mode, as far as it can be told of an inner layer."""
    lost = _spread_lost(measurements, sight, bounds)
    if lost is not None or not sight.parting > bounds.parting:
        return lost
    cones = (_cone(arm, one, other, bounds) for arm, one, other in sight.arms)
    return next((cone for cone in cones if cone is not None), None)


def _spread_lost(measurements: Measurements, sight: Sight, bounds: ModeBounds) -> Loss | None:
    """Return the mode in which the rows are one vector."""
    metric = spread_of(measurements, sight.train, CollapseBounds()).metric
    for arm, one, other in sight.arms:
        value, beside = _spread(one, metric), _spread(other, metric)
        if value < bounds.dispersion <= beside and beside > bounds.apart * value:
            return Loss(arm, metric, value, beside, bounds.dispersion)
    return None


def _spread(layer: LayerState, metric: str) -> float:
    """Return the spread of rows in one mode; rows that are all zero have none."""
    if layer.values.get("zero_share", 0.0) >= 1.0 or layer.values.get("relative_dispersion") == 0:
        return 0.0
    return layer.values.get(metric, math.nan)


def _shape_lost(
    measurements: Measurements, arm: str, one: LayerState, other: LayerState, bounds: ModeBounds
) -> Loss | None:
    """Return what a mode has lost where its rows still lie apart: dimensions, or all but one."""
    for state in (one, other):  # noise has no shape
        relative = state.values.get("relative_dispersion", math.nan)
        if not relative >= max(10 * rounding(state), bounds.dispersion):
            return None
    if excuse(measurements, one, exact=False) is not None:
        return None
    line, beside = (state.values.get("top_share", math.nan) for state in (one, other))
    across, beside_across = math.sqrt(max(1 - line, 0)), math.sqrt(max(1 - beside, 0))
    if line > bounds.top_share > beside and beside_across > bounds.apart * across:
        return Loss(arm, "top_share", line, beside, bounds.top_share, ">")
    null = one.nulls.get("effective_rank", math.nan)
    ratio, beside = (s.values.get("effective_rank", math.nan) / null for s in (one, other))
    judged = bounds.rank * min(null, one.width) > 1
    if judged and ratio < bounds.rank <= beside and beside > bounds.apart * ratio:
        return Loss(arm, "rank_ratio", ratio, beside, bounds.rank)
    return None


def _cone(arm: str, one: LayerState, other: LayerState, bounds: ModeBounds) -> Loss | None:
    """Return the mode in which a mean that all rows share makes all cosines high."""
    cosine, beside = (state.values.get("mean_cosine", math.nan) for state in (one, other))
    spread, beside_spread = (math.sqrt(max(1 - c, 0)) for c in (cosine, beside))
    if cosine >= bounds.mean_cosine > beside and beside_spread > bounds.narrowed * spread:
        return Loss(arm, "mean_cosine", cosine, beside, bounds.mean_cosine, ">=")
    return None
