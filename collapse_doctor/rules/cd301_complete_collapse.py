"""CD301 complete-collapse: every input gets the same vector, up to noise far below its length.

What it finds
-------------
The rows of the embedding differ from their common mean by less than 2 % of their length. It is
judged on directions where the embedding is compared by cosine or normalised, and where training
itself has turned all rows to one direction; else on vectors.

Why it matters
--------------
Nothing can be told apart: every similarity is the same number, and the loss sits at the value it
takes for a constant. Measures that centre the rows first (effective rank and its kin) see only
the noise that is left, and call it healthy.

Likely causes
-------------
A loss that only pulls together; a learning rate that threw the network into saturation; dead
activations before the last layer; a deep network without normalisation, which is born with nearly
constant output; mining that takes the hardest negatives alone, which are nearer than the positives;
a term that keeps apart taken along the wrong dimension; inputs that are all equal.

What to do
----------
Give the loss something that pushes apart (negatives, a variance term, a stop-gradient with a
predictor). Lower the learning rate. Put normalisation layers (BatchNorm, LayerNorm) into deep
networks. Mine semi-hard negatives, which are farther than the positive. Look at the first collapsed
layer, and at the inputs if that is the first of all.

What would refute it
--------------------
The inputs of these rows were all the same or nearly so, or the rows come from a network that has
not been trained yet. A training that was resumed from a collapsed checkpoint is not found here,
since it began that way; save its embeddings and analyze the file.

Bounds and their source
-----------------------
dispersion: 0.02, that is 1 - mean cosine below 4e-4. Mathematics: with 1 - cos = dispersion², a
spread of 2 % moves a cosine by less than the rounding of half precision (eps 9.8e-4), in which
similarities are often computed, so that they are one number there. A cloud with a spread of 1e-2
of its length is inside, a cone of mean cosine 0.9 (spread 0.32) far outside.
fall: 3 times below the first state, in a training. See `geometry.FELL` for the measurement: in
healthy trainings the dispersion never fell below 0.55 of its first value. The same two bounds tell
that a training has turned all rows to one direction, whatever becomes of their lengths (then no
cosine tells them apart). That is not asked of rows that a head reads or that are fitted to given
numbers, where lengths count, nor below min_width: 3 coordinates, because numbers of one sign have
one direction. Of a block that stands in for an output nobody saw it is a warning: such a block may
be a classifier's logits.
born_steps: 200. A network that is born with rows so alike that a cosine in its dtype cannot tell
them apart (dispersion below sqrt(eps), 3.5e-4 for float32), and has not moved since, is reported
as a warning after that many steps. The slowest healthy take-off from such a start that was
measured took 98 steps (13-layer VGG without normalisation, InfoNCE, Adam 1e-3); the bound is
twice that.

References
----------
Hua et al., "On Feature Decorrelation in Self-Supervised Learning", ICCV 2021 (complete against
dimensional collapse). Poole et al., "Exponential expressivity in deep neural networks through
transient chaos", NeurIPS 2016 (why deep networks are born nearly constant).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.depth import first_lost, located
from collapse_doctor.rules.geometry import (
    History,
    Standing,
    capped,
    embeddings,
    evidence,
    history,
    interval_of,
    is_embedding,
    judge,
    null_of,
    per_cent,
    place,
    rounding,
    standing,
    title,
)
from collapse_doctor.rules.onset import Onset, onset_below
from collapse_doctor.rules.precision import (
    FEW_STEPS,
    HALVES,
    ONE_STEP,
    grain_of,
    rounding_share,
)
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import (
    CollapseBounds,
    Spread,
    collapse,
    spread_of,
)

__all__ = ["RULE"]


def check(measurements: Measurements, bounds: CollapseBounds) -> Iterator[Match]:
    """Yield one match for each collapsed embedding."""

    def examine(layer: LayerState) -> Match | None:
        verdict = collapse(measurements, layer, bounds)
        if verdict == "stuck":
            _require_no_other(measurements, layer, bounds)
        _require_that_no_dtype_did_it(measurements, layer)
        return _match(measurements, layer, bounds, verdict) if verdict else None

    judged = [layer for layer in measurements.layers if is_embedding(layer) or _is_dead(layer)]
    # Without any, asking for them says why there are none.
    return judge(judged or embeddings(measurements), examine, stand_in=Severity.ERROR)


def _require_that_no_dtype_did_it(measurements: Measurements, layer: LayerState) -> None:
    """Raise NotExamined for rows of a file that differ by some steps of a half-precision dtype.

    What rounding leaves of a collapse are neighbouring numbers; more steps were more than noise.
    """
    if standing(measurements, layer) is not Standing.FILE or layer.sample is None:
        return
    rows = layer.sample.rows.astype(np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)]
    grain = grain_of(layer, rows)
    if grain.dtype in HALVES and FEW_STEPS <= rounding_share(rows, grain.dtype) < ONE_STEP:
        raise NotExamined(
            f"its rows differ by a few steps of {grain.dtype}, which is more than noise: what is "
            "wrong first is the precision (see CD403)"
        )


def _require_no_other(
    measurements: Measurements, layer: LayerState, bounds: CollapseBounds
) -> None:
    """Raise NotExamined if the model has another output, and that one tells inputs apart.

    Beside it, an output that never varied may be a learnt constant, as a policy's deviation is.
    """
    for other in measurements.layers:
        if other is layer or other.model != layer.model or other.role == "block":
            continue
        if spread_of(measurements, other, bounds).now >= bounds.dispersion:
            raise NotExamined(
                f"its rows were always alike, but {title(other)} tells inputs apart: it may be a "
                "learnt constant"
            )


def _is_dead(layer: LayerState) -> bool:
    """Tell whether a layer is logits that do not depend on the input at all.

    Logits are no embedding: those of a language model share the frequencies of words, those of a
    lopsided problem its odds, and lie close together. Only rows that are equal up to rounding
    mean that no input reaches them.
    """
    spread = layer.values.get("relative_dispersion", math.nan)
    return layer.role == "logits" and spread < 10 * rounding(layer)


def _match(
    measurements: Measurements, layer: LayerState, bounds: CollapseBounds, verdict: str
) -> Match:
    spread, now = spread_of(measurements, layer, bounds), standing(measurements, layer)
    stuck = verdict == "stuck"
    step = _onset(measurements, layer, bounds)
    trained = now is Standing.TRAINED and not stuck
    began = _when(measurements, layer, bounds) if trained else Onset()
    # Lengths may be all that the logits of a lopsided problem differ in.
    logits = layer.stands_in and _differ_in_length(layer, bounds)
    ceiling = Severity.WARNING if stuck or logits else Severity.ERROR
    severity = capped(ceiling, now, Severity.WARNING)
    sure = not stuck and not logits and not now.is_untrained
    found = Match(
        message=_message(layer, bounds, spread, verdict) + began.sentence,
        where=place(layer, step),
        evidence=_numbers(measurements, layer, bounds, spread),
        severity=severity,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        cause=_cause(now, stuck=stuck),
    )
    return located(
        found,
        first_lost(measurements, layer, lambda o: _lost(measurements, o, bounds, step)),
        lambda first: _course(measurements, first, bounds),
        lambda share: share < 1,
        lambda last: f"differs by {per_cent(spread_of(measurements, last, bounds).now)}",
    )


def _differ_in_length(layer: LayerState, bounds: CollapseBounds) -> bool:
    """Tell whether a collapsed layer is so in its directions only."""
    return layer.values.get("relative_dispersion", math.nan) >= bounds.dispersion


def _message(layer: LayerState, bounds: CollapseBounds, spread: Spread, verdict: str) -> str:
    if spread.now == 0:
        return f"Every input gets exactly the same vector in {title(layer)}."
    end = ", as at the first step." if verdict == "stuck" else "."
    differ = f"differ from their mean by {per_cent(spread.now)} of its length"
    if spread.metric == "direction_dispersion" and _differ_in_length(layer, bounds):
        return (
            f"All rows of {title(layer)} point in nearly the same direction, and differ in little "
            f"but their length: the directions {differ}, so no cosine tells them apart{end}"
        )
    what = "directions" if spread.metric == "direction_dispersion" else "rows"
    return f"Every input gets nearly the same vector in {title(layer)}: the {what} {differ}{end}"


def _cause(now: Standing, *, stuck: bool) -> str:
    if stuck:
        return (
            "The network was born with nearly constant output and training has not moved it: deep "
            "networks without normalisation layers start that way, and a cosine at this precision "
            "gives them no gradient to leave it."
        )
    if now.is_untrained:
        return (
            "No optimizer was seen to step. If these weights were never trained, a deep network "
            "without normalisation layers is born that way; if they were, training has collapsed."
        )
    return ""


def _lost(
    measurements: Measurements, layer: LayerState, bounds: CollapseBounds, by: int | None
) -> bool:
    """Tell whether a layer is collapsed, and was so by a certain step if that is known."""
    try:
        if not collapse(measurements, layer, bounds):
            return False
    except NotExamined:
        return False
    onset = _onset(measurements, layer, bounds)
    return by is None or onset is None or onset <= by


def _onset(measurements: Measurements, layer: LayerState, bounds: CollapseBounds) -> int | None:
    """Return the step from which the spread stayed below what makes it a finding."""
    return _when(measurements, layer, bounds).step


def _when(measurements: Measurements, layer: LayerState, bounds: CollapseBounds) -> Onset:
    course = _course(measurements, layer, bounds)
    return onset_below(course, 1.0, course.onset(lambda share: share < 1))


def _course(measurements: Measurements, layer: LayerState, bounds: CollapseBounds) -> History:
    """Return the spread over the steps, as a multiple of what makes it a finding."""
    spread = spread_of(measurements, layer, bounds)
    bound = bounds.dispersion
    if standing(measurements, layer) is Standing.TRAINED and spread.fall > bounds.fall:
        bound = min(bound, spread.first / bounds.fall)
    course = history(measurements, layer, spread.metric)
    return History(course.steps, tuple(value / bound for value in course.values))


def _numbers(
    measurements: Measurements, layer: LayerState, bounds: CollapseBounds, spread: Spread
) -> dict[str, Evidence]:
    other = {
        "direction_dispersion": "relative_dispersion",
        "relative_dispersion": "direction_dispersion",
    }[spread.metric]
    trained = standing(measurements, layer) is Standing.TRAINED
    null = null_of(layer, spread.metric)
    meaning = "distance of the rows from their mean, relative to their length"
    return evidence(
        **{
            spread.metric: Evidence(
                spread.now,
                bounds.dispersion,
                "<",
                null,
                meaning=meaning,
                interval=interval_of(layer, spread.metric) if spread.now > 0 else None,
            )
        },
        **{other: _shown(layer, other), "mean_cosine": _shown(layer, "mean_cosine")},
        at_first_step=Evidence(spread.first, meaning="the same measure at the first step")
        if trained
        else None,
        **(_when(measurements, layer, bounds).numbers if trained else {}),
        rows=Evidence(layer.count),
    )


def _shown(layer: LayerState, metric: str) -> Evidence:
    """Return a number that is shown beside the one that was judged."""
    value = layer.values.get(metric, math.nan)
    return Evidence(value, null=null_of(layer, metric), interval=interval_of(layer, metric))


RULE = Rule(
    code="CD301",
    name="complete-collapse",
    severity=Severity.ERROR,
    bounds=CollapseBounds(),
    check=check,
)
