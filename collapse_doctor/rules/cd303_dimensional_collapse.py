"""CD303 dimensional-collapse: the embedding uses a small part of its dimensions.

What it finds
-------------
The effective rank of the centred rows is less than a tenth (warning) or a twentieth (error) of
what isotropic rows of the same number and width would give.

Why it matters
--------------
The rows are not all alike, so losses and mean cosines look healthy, but most of the width is
wasted: neighbours crowd together, and a linear probe or an index built on it stays poor.

Likely causes
-------------
Pulling together that is stronger than what keeps rows apart; augmentations stronger than the
signal; a narrow layer before the embedding; too large a weight decay or learning rate; dead
coordinates (CD304).

What to do
----------
Strengthen what spreads the rows: more negatives, a higher temperature, a variance and covariance
term (VICReg, Barlow Twins), whitening; put a projector between embedding and loss. Widen the
narrowest layer, or narrow the embedding to what the data fill.

What would refute it
--------------------
The data have that few degrees of freedom; the labels have that few classes (neural collapse); one
extreme row holds most of the variance.

Bounds and their source
-----------------------
warning: 0.1 and error: 0.05 of the isotropic null of Marchenko and Pastur. Natural spectra do not
come near: at width 768 eigenvalues that fall as 1/i have an effective rank of 0.79 of the width,
as 1/i² (steeper than is usual) of 0.20. Few rows raise the ratio and do not lower it, so
a ratio below the bound counts on any number of rows, and one above it only with as many as CD601
asks for. A rank is never below 1, so the null must exceed 1 / 0.1 = 10.
fall: 3. In a training the ratio, batch for batch, must be that many times lower than at the first
step (see geometry.FELL). Untrained plain networks can be this
low: 0.08 at depth 12 and width 64 on digits, so without a training it is told as info.
settled: 100 steps. A deep network that begins to learn passes through a phase of low rank. On
digits the dip of a healthy InfoNCE training of depth 8 ended at step 42; the bound is about twice
that. Training by class dips for longer, and is excused by its tight groups where classes are
known, and told as info where they are not (`neural_collapse`).
No history is needed where the rows span fewer dimensions exactly, all else being rounding, than
layers before them use, and embeddings are compared with each other (`bottleneck`): that is a
warning at most, since it may be meant. The lower counts of the rank of late steps, each by itself,
and of their rows together, each beside its own null: weights that move turn the axes, and
together the rows then span more than they ever did at one step.

References
----------
Jing et al., "Understanding Dimensional Collapse in Contrastive Self-supervised Learning", ICLR
2022. Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
Garrido et al., "RankMe", ICML 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.bottleneck import bottleneck
from collapse_doctor.rules.cd601_too_few_samples import rows_needed
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
    place,
    standing,
    title,
)
from collapse_doctor.rules.neural_collapse import excuse, softened
from collapse_doctor.rules.onset import Onset, onset_below
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When a rank counts as lost, as a share of the isotropic null."""

    warning: float = 0.1  # half of what the steepest healthy spectrum reads
    error: float = 0.05  # half of that again
    fall: float = FELL  # times lower than at the first step: measured, see geometry.FELL
    settled: int = 100  # steps: twice the longest dip of a healthy start, measured


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding that lost its dimensions."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if layer.width * bounds.warning <= 1:
        raise NotExamined(f"a tenth of width {layer.width} is no full dimension; see CD302")
    require_spread(measurements, layer)
    rank, null = layer.values.get("effective_rank", math.nan), null_of(layer, "effective_rank")
    if null is None or math.isnan(rank):
        raise NotExamined("its effective rank is undefined")
    needed = rows_needed(layer.width)
    few = f"{layer.count} rows are too few to judge {layer.width} dimensions; {needed} would do"
    if null * bounds.warning <= 1:
        raise NotExamined(few)
    if rank / null >= bounds.warning:
        if layer.count < needed:
            raise NotExamined(few)
        return None
    narrow = bottleneck(measurements, layer)
    if narrow is None:
        _require_fallen(measurements, layer, bounds)
    found = excuse(measurements, layer, exact=narrow is not None or _lost_exactly(layer))
    if found is not None and found.known:
        raise NotExamined(found.reason)
    match = _match(measurements, layer, bounds, rank / null)
    if narrow is not None:
        return softened(_by_design(match, layer, narrow), found)
    return softened(_from_where(measurements, layer, bounds, match), found)


def _lost_exactly(layer: LayerState) -> bool:
    """Tell whether the rows now span fewer directions than they used at the first step."""
    first = (layer.first or {}).get("effective_rank", math.nan)
    return layer.exact_rank is not None and layer.exact_rank < first


def _by_design(match: Match, layer: LayerState, narrow: LayerState) -> Match:
    """Return a match that names the place where the rank is lost at every step."""
    spanned = f"{layer.exact_rank} dimension{'' if layer.exact_rank == 1 else 's'}"
    where = f"{title(narrow)} is {narrow.width} wide" if narrow is not layer else ""
    return replace(
        match,
        severity=min(match.severity or Severity.WARNING, Severity.WARNING, key=_rank),
        related=() if narrow is layer else (place(narrow, None, "the narrowest place"),),
        cause=(
            f"The rows span {spanned} exactly, at every step and whatever is learned"
            f"{f': {where}' if where else ''}. The layers before it have more."
        ),
        remedy=f"Widen the narrowest layer, or make the embedding {spanned} wide.",
    )


def _from_where(
    measurements: Measurements, layer: LayerState, bounds: Bounds, match: Match
) -> Match:
    """Return a match that names the first layer whose rank is as low, and was not at first."""

    def is_lost(other: LayerState) -> bool:
        course = history(measurements, other, "effective_rank")
        fell = standing(measurements, other) is not Standing.TRAINED
        fell = fell or course.first > bounds.fall * course.last
        return _share(other) < bounds.warning and fell  # False for NaN

    return located(
        match,
        first_lost(measurements, layer, is_lost),
        lambda first: history(measurements, first, "effective_rank"),
        lambda share: share < bounds.warning,
        lambda last: (
            f"uses about {last.values.get('effective_rank', math.nan):.0f} of {last.width}"
        ),
    )


def _share(layer: LayerState) -> float:
    """Return the effective rank of a layer as a share of its null, NaN where that says nothing."""
    null = null_of(layer, "effective_rank")
    return layer.values.get("effective_rank", math.nan) / null if null else math.nan


def _rank(severity: Severity) -> int:
    return severity.rank


def _require_fallen(measurements: Measurements, layer: LayerState, bounds: Bounds) -> None:
    """Raise NotExamined if the rank was born low, or may still recover."""
    if standing(measurements, layer) is Standing.TRAINED:
        course = history(measurements, layer, "effective_rank")
        if course.first <= bounds.fall * course.last:  # False where it is unknown
            raise NotExamined(
                f"its rank was hardly higher at the first step ({course.first:.2f} of the null, "
                f"now {course.last:.2f})"
            )
        onset = course.onset(lambda ratio: ratio < bounds.fall * bounds.warning)
        if onset is not None and course.steps[-1] - onset < bounds.settled:
            raise NotExamined(
                f"its rank fell only at step {onset}; a healthy start may dip for up to "
                f"{bounds.settled} steps"
            )


def _match(measurements: Measurements, layer: LayerState, bounds: Bounds, ratio: float) -> Match:
    now = standing(measurements, layer)
    bound = bounds.error if ratio < bounds.error else bounds.warning
    course = history(measurements, layer, "effective_rank")
    onset = course.onset(lambda value: value < bounds.warning)
    trained = now is Standing.TRAINED
    began = onset_below(course, bounds.warning, onset) if trained else Onset()
    severity = Severity.ERROR if ratio < bounds.error else Severity.WARNING
    return Match(
        message=_message(layer) + began.sentence,
        where=place(layer, onset),
        evidence=evidence(
            rank_ratio=Evidence(
                ratio,
                bound,
                "<",
                null=1.0,
                meaning="effective rank / its null",
                interval=interval_of(
                    layer, "effective_rank", over=null_of(layer, "effective_rank")
                ),
            ),
            effective_rank=_shown(layer, "effective_rank"),
            participation_ratio=_shown(layer, "participation_ratio"),
            at_first_step=Evidence(course.first, meaning="the ratio at the first step")
            if trained
            else None,
            **began.numbers,
            rows=Evidence(layer.count),
            width=Evidence(layer.width),
        ),
        severity=capped(severity, now, Severity.INFO),
        confidence=_confidence(layer, now, severity),
    )


def _shown(layer: LayerState, metric: str) -> Evidence:
    """Return a rank beside its null, and how far chance may have moved it."""
    value = layer.values.get(metric, math.nan)
    return Evidence(value, null=null_of(layer, metric), interval=interval_of(layer, metric))


def _confidence(layer: LayerState, now: Standing, severity: Severity) -> Confidence:
    """Near the bound, on few rows, or without a sign of training, the reading is less sure."""
    few = layer.count < rows_needed(layer.width)
    sure = severity is Severity.ERROR and not few and not now.is_untrained
    return Confidence.HIGH if sure else Confidence.MEDIUM


def _message(layer: LayerState) -> str:
    rank, dead = layer.values["effective_rank"], layer.values.get("dead_share", 0.0)
    null = layer.nulls["effective_rank"]
    text = (
        f"About {rank:.1f} of the {layer.width} dimensions of {title(layer)} are in use, where as "
        f"many varied rows would use {null:.0f}"
    )
    if dead > 0:
        text += f"; {dead:.0%} of its coordinates never vary"
    return text + "."


RULE = Rule(
    code="CD303",
    name="dimensional-collapse",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
