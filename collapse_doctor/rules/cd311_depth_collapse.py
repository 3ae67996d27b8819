"""CD311 depth-collapse: on its way through the layers the model loses what tells inputs apart.

What it finds
-------------
Early layers tell the inputs apart, and from some layer on to every output of the model all rows
are one vector, or have one direction. It was so at the first step, and training has not moved it.
That layer is named, and whether the spread decays layer by layer or is lost at this one.

Why it matters
--------------
What a layer has lost no later layer brings back. All inputs get the same output whatever the last
layers learn, and no gradient tells the first layers how inputs differ.

Likely causes
-------------
Averaging over neighbours once per layer in a deep graph network (over-smoothing); attention, or
any deep stack, without residual connections (`x = block(x)` in place of `x + block(x)`); sigmoid
or other layers whose default initialisation shrinks differences; normalisation over the wrong
dimension; a scale or gate of zero that never moves; a mean over the batch inside the model.

What to do
----------
Look at the named layer. Residual connections around each block, with a normalisation layer in
front; fewer rounds of averaging, or jumping knowledge (all rounds joined at the end); an
initialisation that fits the activation (He for ReLU, Glorot for tanh).

What would refute it
--------------------
The training had hardly begun, for instance in a long warm-up of the learning rate; or the output
is meant to be one vector for all inputs.

Bounds and their source
-----------------------
dispersion: 0.02 of the length, the bound of CD301. An untrained network of n ReLU layers with He's
initialisation stays above it at any usual depth: 1 - cosine tends to 44 / n² in the arc-cosine
recursion, 0.02² at n = 330.
rich: 0.06. A layer tells inputs apart if it is above the bound by the factor that counts as a fall
(`geometry.FELL`).
rise: 3, the same factor: a spread that has risen by more than that has begun to move.
resolved: 10 units of rounding. What moves below that is rounding, and no rise.
slow: 200 steps, from which on it is a warning, and settled: 400, from which on it is an error. Deep
networks are often born with nearly constant output and learn nevertheless. By
`python -m benchmarks.depths` (plain networks of ReLU, GELU, tanh and sigmoid, graph networks and
attention of 3 to 30 layers), those that took off within 400 steps of Adam had begun to by step
176, at rates from 1e-3 to 1e-5 (`--rates`), some of them from rows equal up to rounding.
early: 20 steps, from which on it is a warning if all rows were one and the same to the last bit at
every look (of float32 or finer): no difference is left to grow.
learned: 0.5. If the loss has halved, something was learned from what little spread is left.

References
----------
Oono and Suzuki, "Graph Neural Networks Exponentially Lose Expressive Power for Node
Classification", ICLR 2020. Dong, Cordonnier and Loukas, "Attention is Not All You Need: Pure
Attention Loses Rank Doubly Exponentially with Depth", ICML 2021. Cho and Saul, "Kernel Methods
for Deep Learning", NeurIPS 2009.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.depth import Lost, before, first_lost
from collapse_doctor.rules.geometry import (
    EPS,
    FELL,
    Standing,
    embeddings,
    evidence,
    history,
    judge,
    place,
    rounding,
    standing,
    title,
)
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import CollapseBounds, is_fitted
from collapse_doctor.rules.wiring import courses

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When rows are one, and for how long they must have been."""

    dispersion: float = CollapseBounds.dispersion  # as CD301
    rich: float = FELL * CollapseBounds.dispersion  # above it by what counts as a fall
    rise: float = FELL  # times more than at the first step: it has begun to move
    resolved: float = 10.0  # units of rounding: a thousandth of the variance is not of rounding
    early: int = 20  # steps in which all rows were equal to the last bit
    slow: int = CollapseBounds.born_steps  # steps: the slowest rise that was measured began at 176
    settled: int = 2 * CollapseBounds.born_steps  # steps: twice that
    learned: float = 0.5  # of the first loss: so much is not learned without the inputs


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each model that loses its inputs in depth."""
    outputs = [o for o in measurements.layers if o.role in ("output", "chosen", "logits")]
    last: dict[str, LayerState] = {}
    for layer in outputs or embeddings(measurements):  # which says why there are none
        last.setdefault(layer.model, layer)
    return judge(last.values(), partial(_examine, measurements, bounds), stand_in=Severity.ERROR)


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if standing(measurements, layer) is not Standing.TRAINED:
        raise NotExamined("no training was watched, and a network may be born so")
    if not _is_lost(layer, bounds):
        return None
    lost = first_lost(measurements, layer, partial(_is_lost, bounds=bounds))
    rich = [o for o in before(measurements, lost.first) if _is_rich(o, bounds)]
    if not rich:
        raise NotExamined(
            "its rows were alike from the start, and no layer before was seen that tells inputs "
            "apart: see the inputs"
        )
    _require_whole_loss(measurements, bounds, layer, lost.first)
    _require_unused(measurements, bounds, layer)
    severity = _severity(measurements, bounds, layer)
    return _match(measurements, bounds, layer, lost, severity)


def _severity(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Severity:
    """Return how sure it is that nothing will come of it, raising NotExamined if it may."""
    spreads = _course(measurements, layer).values()
    if any(value >= bounds.dispersion for value in spreads):
        raise NotExamined("its rows were told apart for a while: what pulled them together?")
    if measurements.steps >= bounds.settled:
        return Severity.ERROR
    if measurements.steps >= bounds.slow:
        return Severity.WARNING
    equal = not any(spreads) and rounding(layer) <= EPS["float32"]
    if equal and measurements.steps >= bounds.early:
        return Severity.WARNING
    raise NotExamined(
        f"its rows were alike at the first step ({_first(layer):.1e} of their length), and "
        f"{measurements.steps} steps are too few to say that they stay so; {bounds.slow} would "
        "do"
    )


def _require_whole_loss(
    measurements: Measurements, bounds: Bounds, layer: LayerState, first: LayerState
) -> None:
    """Raise NotExamined if another output tells inputs apart: then depth is not to blame."""
    for other in measurements.layers:
        outlet = other.model == layer.model and other.role != "block"
        if outlet and other.depth >= first.depth and not _is_lost(other, bounds):
            raise NotExamined(f"{title(other)} tells inputs apart, {title(layer)} does not")


def _require_unused(measurements: Measurements, bounds: Bounds, layer: LayerState) -> None:
    """Raise NotExamined if the output serves its purpose as it is, or was not to be trained."""
    if is_fitted(measurements, layer):
        raise NotExamined("it is fitted to given numbers, which may lie close together")
    if measurements.updates:
        own = [course for course in courses(measurements) if course.model == layer.model]
        if not any(course.has_moved for course in own):
            raise NotExamined("its weights did not move: see CD202")
    losses = measurements.losses
    if losses is None or len(losses) < 2:
        return
    values = losses["value"].astype(float).to_numpy()
    few = max(1, len(values) // 10)
    begun, ended = (float(sum(part) / few) for part in (values[:few], values[-few:]))
    if 0 < ended < bounds.learned * begun:
        raise NotExamined(
            f"the loss fell from {begun:.3g} to {ended:.3g}: something is learned from the little "
            "in which its rows differ"
        )


def _is_lost(layer: LayerState, bounds: Bounds) -> bool:
    """Tell whether rows were one at the first step and are now, and have not begun to part."""
    first, now = _first(layer), _now(layer)
    floor = bounds.resolved * rounding(layer)
    return max(first, now) < bounds.dispersion and now <= max(bounds.rise * first, floor)


def _is_rich(layer: LayerState, bounds: Bounds) -> bool:
    return min(_first(layer), _now(layer)) >= bounds.rich  # False for NaN


def _first(layer: LayerState) -> float:
    return _spread({} if layer.first is None else layer.first, layer.width)


def _now(layer: LayerState) -> float:
    return _spread(layer.values, layer.width)


_SPREADS = ("relative_dispersion", "direction_dispersion")


def _spread(values: Mapping[str, float], width: int) -> float:
    """Return the smaller spread, of vectors or of directions; 0 where all rows are zero.

    Averaging by degree leaves rows of one direction and many lengths. Numbers of one sign have one
    direction, so of fewer than three coordinates only vectors count.
    """
    if values.get("zero_share", 0.0) >= 1.0:
        return 0.0
    kinds = _SPREADS if width >= CollapseBounds.min_width else _SPREADS[:1]
    known = [value for kind in kinds if not math.isnan(value := values.get(kind, math.nan))]
    return min(known, default=math.nan)


def _course(measurements: Measurements, layer: LayerState) -> dict[int, float]:
    """Return the spread at each step that was looked at."""
    names = (*_SPREADS, "zero_share")
    series = {name: history(measurements, layer, name) for name in names}
    steps = sorted({step for one in series.values() for step in one.steps})
    found = {name: dict(zip(one.steps, one.values, strict=True)) for name, one in series.items()}
    by_step = {
        step: _spread({n: found[n][step] for n in names if step in found[n]}, layer.width)
        for step in steps
    }
    return {step: value for step, value in by_step.items() if not math.isnan(value)}


def _match(
    measurements: Measurements, bounds: Bounds, layer: LayerState, lost: Lost, severity: Severity
) -> Match:
    way = [*before(measurements, layer), layer]
    sudden = _is_sudden(way, lost)
    first, last = lost.first, lost.last
    return Match(
        message=_message(measurements, way, lost, sudden=sudden),
        where=place(first, first.first_step),
        related=() if first is layer else (place(layer, None, "the output that follows from it"),),
        evidence=evidence(
            spread=Evidence(
                _now(layer),
                bounds.dispersion,
                "<",
                meaning=f"of the rows of {title(layer)}, relative to their length",
            ),
            at_first_step=Evidence(_first(layer), bounds.dispersion, "<"),
            at_the_layer=Evidence(_now(first), bounds.dispersion, "<"),
            before_it=Evidence(_now(last)) if last is not None else None,
            richest=Evidence(
                max(_now(o) for o in way if _is_rich(o, bounds)),
                bounds.rich,
                ">=",
                meaning="of the layers before it",
            ),
            steps=Evidence(
                measurements.steps,
                _enough(bounds, measurements.steps),
                ">=",
            ),
        ),
        severity=severity,
        confidence=Confidence.HIGH if severity is Severity.ERROR else Confidence.MEDIUM,
    )


def _enough(bounds: Bounds, steps: int) -> int:
    """Return the number of steps that was asked for."""
    return max(n for n in (bounds.early, bounds.slow, bounds.settled) if n <= steps)


def _is_sudden(way: Sequence[LayerState], lost: Lost) -> bool:
    """Tell whether one layer takes more than all before it together, and than each after it."""
    if lost.last is None:
        return True
    at = way.index(lost.first)
    spreads = [_now(layer) for layer in way]
    taken = _share(spreads[at], spreads[at - 1])
    earlier = _share(spreads[at - 1], max(v for v in spreads[:at] if not math.isnan(v)))
    later = [_share(after, one) for one, after in itertools.pairwise(spreads[at:])]
    return taken < min([earlier, *(share / FELL for share in later)])


def _share(left: float, of: float) -> float:
    """Return how much of a spread is left, 1 where there was none."""
    return left / of if of > 0 else 1.0


def _message(
    measurements: Measurements, way: Sequence[LayerState], lost: Lost, *, sudden: bool
) -> str:
    first, last = lost.first, lost.last
    ending = (
        f"from there on all inputs are one vector, now as at the first of "
        f"{measurements.steps:,} steps."
    )
    if sudden and last is not None:
        return (
            f"{title(first)} loses what tells inputs apart: their spread is {_now(last):.2g} of "
            f"their length in {title(last)}, and {_now(first):.1e} after it; {ending}"
        )
    spreads = " → ".join(f"{_now(o):.1g}" for o in _some(way))
    return (
        f"Layer by layer {way[0].model} loses what tells inputs apart: their spread, relative to "
        f"their length, goes {spreads}. It is below what a cosine can tell at {title(first)}; "
        f"{ending}"
    )


def _some(way: Sequence[LayerState]) -> Sequence[LayerState]:
    """Return at most six layers, evenly spread, the last one among them."""
    stride = max(1, -(-len(way) // 6))
    return way[::-1][::stride][::-1]


RULE = Rule(
    code="CD311",
    name="depth-collapse",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
