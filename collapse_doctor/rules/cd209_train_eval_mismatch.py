"""CD209 train-eval-mismatch: the embedding is collapsed in one of train and eval mode only.

What it finds
-------------
The probe batch was run in both modes, and in one of them its embeddings are collapsed: they are one
vector, or, where train mode adds no noise, lie on a line or use a small part of their dimensions.
In the other mode they are not.

Why it matters
--------------
What is trained is not what is used. A loss that goes down in train mode says nothing of the
embeddings that eval mode gives: retrieval, validation and export see the other ones.

Likely causes
-------------
BatchNorm whose running statistics are not those of the data: never updated (momentum 0, or frozen
before they had settled), updated with other data, or overwritten by a checkpoint. Rows that the
statistics of the batch alone tell apart. Dropout, whose noise is all that differs between the rows
in train mode. A branch on `self.training` that returns something else.

What to do
----------
Look at the first layer named here, and at what it does by mode. Compare `running_mean` and
`running_var` of BatchNorm with the data: let them settle (some hundred batches in train mode, no
gradients needed), or use LayerNorm or GroupNorm. If only dropout told rows apart, the
embedding has collapsed: give the loss something that pushes apart.

What would refute it
--------------------
The rows of the probe are of one kind (one class, one speaker): normalised by their own batch they
look varied, and among all the data they are alike. Take a batch as the training has them.

Bounds and their source
-----------------------
dispersion: 0.02, the bound of CD301. top_share: 0.99, the bound of CD302, for at least
min_rows: 8 rows and min_width: 3 coordinates, as there. rank: 0.1 of the isotropic null, the
bound of CD303, where rows and width allow to judge one. A low rank that classes explain, as in
CD303, is none.
apart: 3 times better in the other mode, in spread, in the width of the line or in rank: what
benign dips in a training never reached (see `geometry.FELL`).
noise: 0.001. Rows that two passes in train mode place further apart than this share of their
spread are noisy: a rank that noise fills, and a line that it thickens, are not compared. Rounding
of float32 stays a thousand times below.
settled: 100 steps. Running statistics of BatchNorm with momentum 0.1 still hold 0.9^100 = 3e-5 of
what they were born with then; before, eval mode may lag behind a healthy training.

References
----------
Ioffe and Szegedy, "Batch Normalization", ICML 2015. Wu and Johnson, "Rethinking 'Batch' in
BatchNorm", 2021 (statistics of training and test, and how the batch leaks information).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.metrics.table import null_values
from collapse_doctor.recording.observations import Probe
from collapse_doctor.rules.geometry import (
    FELL,
    Standing,
    evidence,
    is_embedding,
    per_cent,
    place,
    rounding,
    standing,
    title,
)
from collapse_doctor.rules.neural_collapse import excuse
from collapse_doctor.rules.probed import reasons, shown
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import CollapseBounds, spread_of

__all__ = ["RULE"]

TEST = "modes"


@dataclass(frozen=True)
class Bounds:
    """When one mode counts as collapsed and the other does not."""

    dispersion: float = CollapseBounds().dispersion  # the bound of CD301
    top_share: float = 0.99  # the bound of CD302
    min_rows: int = 8  # as CD302
    min_width: int = 3  # as CD302
    rank: float = 0.1  # of the null: the bound of CD303
    apart: float = FELL  # times: measured, see geometry.FELL
    noise: float = 0.001  # of the spread; rounding of float32 is a thousand times less
    settled: int = 100  # steps: 0.9**100 is 3e-5


@dataclass(frozen=True)
class _Sight:
    """One layer in both modes, as states that the other rules could read."""

    train: LayerState
    eval: LayerState
    noise: float
    parting: float

    @property
    def arms(self) -> tuple[tuple[str, LayerState, LayerState], ...]:
        """Each mode as the one that may be collapsed, beside the other."""
        return (("eval", self.eval, self.train), ("train", self.train, self.eval))


@dataclass(frozen=True)
class _Loss:
    """What is lost in one mode: a measure, its values in both, and how much smaller it is."""

    mode: str
    measure: str
    value: float
    other: float
    bound: float
    relation: str = "<"


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding that is collapsed in one mode only."""
    layers = shown(measurements, TEST)
    missing = list(reasons(measurements, TEST))
    sights = [_sight(measurements, pair) for pair in _pairs(layers)]
    judged = [sight for sight in sights if is_embedding(sight.eval)]
    if not judged and not missing:
        raise NotExamined("the model returned no embedding on the probe")
    for sight in judged:
        try:
            _require_judgeable(measurements, sight, bounds)
            loss = _loss(measurements, sight, bounds)
        except NotExamined as reason:
            missing.append(f"{title(sight.eval)}: {reason}")
            continue
        if loss is not None:
            yield _match(measurements, sight, sights, loss, bounds)
    if missing:
        raise NotExamined("; ".join(dict.fromkeys(missing)))


def _pairs(layers: Sequence[Probe]) -> Iterator[dict[str, Probe]]:
    """Yield what both modes gave of one layer, by mode."""
    for _, group in groupby(layers, key=lambda probe: (probe.model, probe.layer)):
        arms = {probe.arm: probe for probe in group}
        if {"train", "eval"} <= set(arms):
            yield arms


def _sight(measurements: Measurements, arms: dict[str, Probe]) -> _Sight:
    values = arms["train"].values
    return _Sight(
        _state(measurements, arms["train"]),
        _state(measurements, arms["eval"]),
        _number(values.get("noise")),
        _number(values.get("parting")),
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


def _require_judgeable(measurements: Measurements, sight: _Sight, bounds: Bounds) -> None:
    if sight.eval.count < bounds.min_rows:
        raise NotExamined(
            f"{sight.eval.count} rows are too few to judge; a probe of {bounds.min_rows} would do"
        )
    if sight.eval.width < bounds.min_width:
        raise NotExamined(f"{sight.eval.width} coordinates are too few to judge")
    if standing(measurements, sight.eval) is Standing.FRESH and not measurements.trained:
        raise NotExamined("its weights are as they were drawn: nothing was trained yet")
    if measurements.trained and measurements.steps < bounds.settled:
        raise NotExamined(
            f"{measurements.steps} steps are few: what eval mode uses may take "
            f"{bounds.settled} to settle"
        )


def _loss(measurements: Measurements, sight: _Sight, bounds: Bounds) -> _Loss | None:
    """Return what is lost in one mode and not in the other."""
    lost = _spread_lost(measurements, sight, bounds)
    if lost is not None:
        return lost
    noisy = not sight.noise <= bounds.noise  # True for NaN
    for arm, one, other in sight.arms:
        found = _shape_lost(measurements, arm, one, other, bounds)
        if found is None:
            continue
        if noisy:
            raise NotExamined(
                f"in {arm} mode its rank is low, but train mode adds noise (as dropout does), "
                "which fills the rank of the other"
            )
        return found
    return None


def _spread_lost(measurements: Measurements, sight: _Sight, bounds: Bounds) -> _Loss | None:
    """Return the mode in which the rows are one vector."""
    metric = spread_of(measurements, sight.train, CollapseBounds()).metric
    for arm, one, other in sight.arms:
        value, beside = _spread(one, metric), _spread(other, metric)
        if value < bounds.dispersion <= beside and beside > bounds.apart * value:
            return _Loss(arm, metric, value, beside, bounds.dispersion)
    return None


def _spread(layer: LayerState, metric: str) -> float:
    """Return the spread of rows in one mode; rows that are all zero have none."""
    if layer.values.get("zero_share", 0.0) >= 1.0 or layer.values.get("relative_dispersion") == 0:
        return 0.0
    return layer.values.get(metric, math.nan)


def _shape_lost(
    measurements: Measurements, arm: str, one: LayerState, other: LayerState, bounds: Bounds
) -> _Loss | None:
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
        return _Loss(arm, "top_share", line, beside, bounds.top_share, ">")
    null = one.nulls.get("effective_rank", math.nan)
    ratio, beside = (s.values.get("effective_rank", math.nan) / null for s in (one, other))
    judged = bounds.rank * min(null, one.width) > 1
    if judged and ratio < bounds.rank <= beside and beside > bounds.apart * ratio:
        return _Loss(arm, "rank_ratio", ratio, beside, bounds.rank)
    return None


def _match(
    measurements: Measurements,
    sight: _Sight,
    sights: Sequence[_Sight],
    loss: _Loss,
    bounds: Bounds,
) -> Match:
    first = _first(measurements, sight, sights, loss, bounds)
    here = place(sight.eval, measurements.steps or None)
    where = here if first is None else place(first.eval, measurements.steps or None)
    trained = measurements.trained
    return Match(
        message=_message(sight, loss),
        where=where,
        related=() if first is None else (_noted(here),),
        evidence=_numbers(sight, loss),
        severity=Severity.WARNING if trained else Severity.INFO,
        confidence=_confidence(loss, trained=trained),
        cause=_cause(sight, loss),
    )


def _noted(here: Where) -> Where:
    return Where(here.model, here.layer, here.step, note="the embedding that follows from it")


def _confidence(loss: _Loss, *, trained: bool) -> Confidence:
    """Return how sure a loss is: spread that is gone is seen, a shape may be the probe's own."""
    sure = trained and loss.measure.endswith("dispersion")
    return Confidence.HIGH if sure else Confidence.MEDIUM


def _first(
    measurements: Measurements,
    sight: _Sight,
    sights: Sequence[_Sight],
    loss: _Loss,
    bounds: Bounds,
) -> _Sight | None:
    """Return the first layer in depth that is collapsed in the same mode only."""
    before = sorted(
        (o for o in sights if o.eval.model == sight.eval.model and o.eval.depth < sight.eval.depth),
        key=lambda other: other.eval.depth,
    )
    for other in before:
        try:
            lost = _spread_lost(measurements, other, bounds)
        except NotExamined:
            continue
        if lost is not None and lost.mode == loss.mode:
            return other
    return None


def _message(sight: _Sight, loss: _Loss) -> str:
    healthy = "train" if loss.mode == "eval" else "eval"
    if loss.measure.endswith("dispersion"):
        what = "directions" if loss.measure == "direction_dispersion" else "rows"
        said = (
            "all rows are one vector"
            if loss.value == 0
            else f"{what} differ from their mean by {per_cent(loss.value)} of its length"
        )
        beside = f"{per_cent(loss.other)} in {healthy} mode"
    elif loss.measure == "top_share":
        said = f"{per_cent(loss.value)} of the variance lies along one line"
        beside = f"{per_cent(loss.other)} in {healthy} mode"
    else:
        said = f"the rank is {per_cent(loss.value)} of what as many varied rows use"
        beside = f"{per_cent(loss.other)} in {healthy} mode"
    return (
        f"In {loss.mode} mode {title(sight.eval)} is collapsed, and in {healthy} mode it is not: "
        f"on the same inputs {said}, against {beside}."
    )


def _cause(sight: _Sight, loss: _Loss) -> str:
    if loss.mode == "eval" and sight.noise > 0.5:
        return (
            "Train mode adds noise that is as large as the differences between its rows (two "
            "passes of one batch differ by "
            f"{per_cent(sight.noise)} of the spread): dropout or the like makes rows look "
            "different which the model itself does not tell apart."
        )
    return ""


def _numbers(sight: _Sight, loss: _Loss) -> dict[str, Evidence]:
    other = "train" if loss.mode == "eval" else "eval"
    return evidence(
        **{
            f"{loss.measure}_{loss.mode}": Evidence(loss.value, loss.bound, loss.relation),
            f"{loss.measure}_{other}": Evidence(loss.other),
        },
        noise=Evidence(sight.noise, meaning="distance of two train passes, over the spread"),
        parting=Evidence(sight.parting, meaning="distance of the modes, over the spread in train"),
        rows=Evidence(sight.eval.count, meaning="of the probe"),
    )


RULE = Rule(
    code="CD209",
    name="train-eval-mismatch",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
