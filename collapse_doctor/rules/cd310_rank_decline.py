"""CD310 rank-decline: the effective rank is falling, and has not settled.

What it finds
-------------
The effective rank of the centred rows, as a share of what isotropic rows would give, is a third
of its first value or less, and fell steadily through the last half of the steps, so fast that it
will be a tenth (where CD303 begins) before as many steps again are over. Where it was so and the
embedding did collapse later, this is told as info, with the steps by which it came before.

Why it matters
--------------
Directions that are lost are seldom found again: what would bring them back is a gradient along
them, and there is none left. Now a smaller learning rate or another weight in the loss still
helps, and the steps to come can be saved.

Likely causes
-------------
Pulling together that is stronger than what keeps rows apart; a stop-gradient that was forgotten;
weight decay or a learning rate that are too large; a temperature that is too high.

What to do
----------
Keep what was there before the decline began. Strengthen what spreads the rows: more negatives, a
lower temperature, a variance and covariance term. Lower the learning rate and the weight decay.

What would refute it
--------------------
It goes on and settles above a tenth; or the rows are of few classes, and the training by class
draws each to a point (neural collapse).

Bounds and their source
-----------------------
fall: 3 times below the first value, as in CD303 (see geometry.FELL). goes_on: 1.25. In the last
half of the steps it fell by that factor at least. chance: 0.01. By Mann and Kendall's test it fell
steadily there: of independent noise one case in a hundred does. Learning ends early falls: what
had settled by the half is silent. ends: 0.1, the bound of CD303. At the pace of the last half
(Theil and Sen's slope of the logarithm) it would be passed before the steps have doubled.
least_steps: 100. The longest dip of a healthy start that was measured ended at step 42 (see CD303),
and must lie before the last half. Held against every beginning, from 100 steps on, of every program
in `benchmarks/programs/innocent`, these bounds are met in two trainings only, both fitted to given
numbers of few dimensions, which is an excuse.

References
----------
Mann, "Nonparametric tests against trend", Econometrica 1945. Sen, "Estimates of the regression
coefficient based on Kendall's tau", JASA 1968. Jing et al., "Understanding Dimensional Collapse
in Contrastive Self-supervised Learning", ICLR 2022.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules import cd301_complete_collapse, cd302_collinear
from collapse_doctor.rules import cd303_dimensional_collapse as cd303
from collapse_doctor.rules.drift import Drift, drift_of, require_drift
from collapse_doctor.rules.geometry import (
    FELL,
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
from collapse_doctor.rules.neural_collapse import excuse, softened
from collapse_doctor.rules.onset import onset_below
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]

Collapse = tuple[int, str]
"""The step from which a layer is collapsed, and the code that says so."""

COLLAPSES = (cd301_complete_collapse.RULE, cd302_collinear.RULE, cd303.RULE)


@dataclass(frozen=True)
class Bounds:
    """When a rank is on its way down."""

    fall: float = FELL  # times below the first value: measured, see geometry.FELL
    goes_on: float = 1.25  # times lower at the end of the last half than at its beginning
    chance: float = 0.01  # of independent noise to fall as steadily
    ends: float = cd303.Bounds().warning  # where it would be called a collapse
    least_steps: int = 100  # a healthy dip, 42 steps at most, is over before the last half


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding whose rank is falling."""
    collapses = _collapses(measurements) if measurements.trained else {}

    def examine(layer: LayerState) -> Match | None:
        return _examine(measurements, bounds, layer, collapses.get((layer.model, layer.layer)))

    return judge(embeddings(measurements), examine)


def _examine(
    measurements: Measurements, bounds: Bounds, layer: LayerState, collapse: Collapse | None
) -> Match | None:
    if standing(measurements, layer) is not Standing.TRAINED:
        raise NotExamined("no training was watched, so that nothing can be falling")
    if layer.width * bounds.ends <= 1:
        raise NotExamined(f"a tenth of width {layer.width} is no full dimension")
    course = history(measurements, layer, "effective_rank")
    now = require_drift(course)
    if course.steps[-1] < bounds.least_steps:
        raise NotExamined(
            f"{course.steps[-1]} steps are too few to tell a decline from the dip of a healthy "
            f"start; {bounds.least_steps} would do"
        )
    if collapse is not None:
        return _warned(layer, course, bounds, collapse)
    if not _declines(now, course, bounds):
        return None
    found = excuse(measurements, layer, exact=False)
    if found is not None and found.known:
        raise NotExamined(found.reason)
    return softened(_match(layer, course, bounds, now), found)


def _declines(drift: Drift, course: History, bounds: Bounds) -> bool:
    """Tell whether a rank has fallen, still falls, and will soon have collapsed."""
    if course.steps[-1] < bounds.least_steps or drift.falls > bounds.chance:
        return False
    fell = drift.fold * bounds.fall <= 1 and drift.late * bounds.goes_on <= 1
    return fell and _end(drift, course, bounds) <= 2 * course.steps[-1]


def _end(drift: Drift, course: History, bounds: Bounds) -> float:
    """Return the step at which a collapse is reached at the pace of the last half."""
    if drift.now <= bounds.ends:
        return course.steps[-1]
    if drift.rate >= 0:
        return math.inf
    return course.steps[-1] + math.log(bounds.ends / drift.now) / drift.rate


def _collapses(measurements: Measurements) -> dict[tuple[str, str], Collapse]:
    """Return first step and code of the first collapse that was found in each layer."""
    found: dict[tuple[str, str], Collapse] = {}
    for rule in COLLAPSES:
        with suppress(NotExamined):
            for match in rule.check(measurements, rule.bounds):
                for one in (match.where, *match.related):
                    if one.step is not None:
                        name = one.model or "", one.layer or ""
                        found[name] = min((one.step, rule.code), found.get(name, (one.step, "Z")))
    return found


def _warned(layer: LayerState, course: History, bounds: Bounds, collapse: Collapse) -> Match | None:
    """Return a match as info if the decline could be read before the collapse was there."""
    collapsed, code = collapse
    for count in range(1, len(course.steps) + 1):
        if course.steps[count - 1] >= collapsed:
            return None
        until = History(course.steps[:count], course.values[:count])
        drift = drift_of(until)
        if drift is not None and _declines(drift, until, bounds):
            break
    else:
        return None
    lead = collapsed - until.steps[-1]
    match = _match(layer, until, bounds, drift)
    return replace(
        match,
        severity=Severity.INFO,
        message=(
            f"The rank of {title(layer)} could be seen to fall {lead} steps before it collapsed "
            f"({code}): at step {until.steps[-1]} it was down to {drift.now:.0%} of isotropic "
            f"rows', from {drift.first:.0%}."
        ),
        evidence={**match.evidence, "lead_steps": Evidence(lead, unit="steps")},
    )


def _match(layer: LayerState, course: History, bounds: Bounds, drift: Drift) -> Match:
    bound = drift.first / bounds.fall
    began = onset_below(course, bound, course.onset(lambda ratio: ratio <= bound))
    end = round(_end(drift, course, bounds))
    soon = f"about step {end}" if end > course.steps[-1] else "already"
    return Match(
        message=(
            f"The effective rank of {title(layer)} is falling and has not settled: from "
            f"{drift.first:.0%} of isotropic rows' to {drift.now:.0%}, by a factor of "
            f"{1 / drift.late:.2g} since step {drift.since}. At this pace it is below "
            f"{bounds.ends:.0%} {soon}.{began.sentence}"
        ),
        where=place(layer, began.step if began.step is not None else drift.since),
        evidence=evidence(
            fall=Evidence(1 / drift.fold, bounds.fall, ">=", meaning="first rank to the last"),
            late_fall=Evidence(
                1 / drift.late, bounds.goes_on, ">=", meaning=f"the same since step {drift.since}"
            ),
            chance=Evidence(drift.falls, bounds.chance, "<=", meaning="of noise to fall so"),
            rank_ratio=Evidence(drift.now, null=1.0, meaning="effective rank / its null"),
            at_first_step=Evidence(drift.first, meaning="the ratio at the first step"),
            collapse_at=Evidence(end, 2 * course.steps[-1], "<=", unit="step"),
            width=Evidence(layer.width),
            **began.numbers,
        ),
        confidence=Confidence.MEDIUM,
    )


RULE = Rule(
    code="CD310",
    name="rank-decline",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
