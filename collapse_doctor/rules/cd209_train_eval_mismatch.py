"""CD209 train-eval-mismatch: the embedding is collapsed in one of train and eval mode only.

What it finds
-------------
The probe batch was run in both modes, and in one of them its embeddings are collapsed: they are one
vector, or, where train mode adds no noise, lie on a line, use a small part of their dimensions, or
share a large mean that makes all cosines high. In the other mode they are not.

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
parting: 3. A mean that all rows share in one mode only counts where the same row lies at least so
many times their spread apart in the two modes; and a model that keeps running statistics must show
as much, at the embedding or the first layer that is lost, for more than an info. By the law of
total variance the rows of one class lie, on average over classes and channels, within one running
standard deviation of the running mean: normalised by their own batch instead they move by no more
than sqrt(2) of their spread. Twice that is not the choice of the probe.
mean_cosine: 0.85 and narrowed: 2, the bounds of CD306.
noise: 0.001. Rows that two passes in train mode place further apart than this share of their
spread are noisy: a rank that noise fills, and a line that it thickens, are not compared. Rounding
of float32 stays a thousand times below.
shift: 0.1 standard deviations. After n updates with momentum m running statistics hold (1 - m)^n of
what they began with. As long as that shifts the channels of a layer by more, on average, and
fewer than settled: 100 steps were taken (0.9^100 = 3e-5), eval mode may lag behind a healthy
training. It is a thirtieth of the shift that parting asks for. Of statistics that are not known
only the steps count. A momentum below 0.0003, the smallest in torchvision (MnasNet), settles in no
training, and nothing is waited for; nor without any statistics, as for a branch on
`self.training`.

References
----------
Ioffe and Szegedy, "Batch Normalization", ICML 2015. Wu and Johnson, "Rethinking 'Batch' in
BatchNorm", 2021 (statistics of training and test, and how the batch leaks information).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.rules.geometry import (
    Standing,
    evidence,
    is_embedding,
    per_cent,
    place,
    standing,
    title,
)
from collapse_doctor.rules.modes import (
    Loss,
    ModeBounds,
    Sight,
    loss_in,
    lost_early,
    sights_of,
)
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.probed import reasons, shown
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import is_fitted

__all__ = ["RULE"]

TEST = "modes"


def check(measurements: Measurements, bounds: ModeBounds) -> Iterator[Match]:
    """Yield one match for each embedding that is collapsed in one mode only."""
    layers = shown(measurements, TEST)
    missing = list(reasons(measurements, TEST))
    sights = sights_of(measurements, layers)
    judged = [sight for sight in sights if is_embedding(sight.eval)]
    if not judged and not missing:
        raise NotExamined("the model returned no embedding on the probe")
    for sight in judged:
        try:
            _require_judgeable(measurements, sight, bounds)
            loss = loss_in(measurements, sight, bounds)
        except NotExamined as reason:
            missing.append(f"{title(sight.eval)}: {reason}")
            continue
        if loss is None:
            continue
        if _may_settle(measurements, sight, loss, bounds):
            missing.append(
                f"{title(sight.eval)}: {loss.mode} mode is collapsed, but {measurements.steps} "
                "steps are few, and what eval mode uses has not settled"
            )
            continue
        yield _match(measurements, sight, sights, loss, bounds)
    if missing:
        raise NotExamined("; ".join(dict.fromkeys(missing)))


def _require_judgeable(measurements: Measurements, sight: Sight, bounds: ModeBounds) -> None:
    if sight.eval.count < bounds.min_rows:
        raise NotExamined(
            f"{sight.eval.count} rows are too few to judge; a probe of {bounds.min_rows} would do"
        )
    if sight.eval.width < bounds.min_width:
        raise NotExamined(f"{sight.eval.width} coordinates are too few to judge")
    if is_fitted(measurements, sight.eval):
        raise NotExamined("its rows are fitted to given numbers, which may lie close together")
    if standing(measurements, sight.eval) is Standing.FRESH and not measurements.trained:
        raise NotExamined("its weights are as they were drawn: nothing was trained yet")


def _may_settle(measurements: Measurements, sight: Sight, loss: Loss, bounds: ModeBounds) -> bool:
    """Tell whether a few more steps might cure it: running statistics still hold their beginning.

    Statistics of somebody's own settle in a way that is not known. But they shift and scale rows:
    what makes all of them one vector, to the last bit, is no such thing.
    """
    if not measurements.trained or measurements.steps >= bounds.settled:
        return False
    if math.isnan(sight.unsettled):
        return not (loss.mode == "eval" and loss.value == 0)
    return loss.mode == "eval" and sight.unsettled > bounds.shift


def _match(
    measurements: Measurements,
    sight: Sight,
    sights: Sequence[Sight],
    loss: Loss,
    bounds: ModeBounds,
) -> Match:
    first = _first(measurements, sight, sights, loss, bounds)
    here = place(sight.eval, measurements.steps or None)
    where = here if first is None else place(first.eval, measurements.steps or None)
    site = first.site if first is not None and first.site is not None else sight.site
    sure = measurements.trained and not _may_be_the_probe(sight, first, loss, bounds)
    return Match(
        message=_message(sight, loss),
        where=at_line(where, site),
        related=() if first is None else (_noted(here),),
        evidence=_numbers(sight, loss),
        severity=Severity.WARNING if sure else Severity.INFO,
        confidence=_confidence(loss, sure=sure),
        cause=_cause(sight, loss),
    )


def _may_be_the_probe(sight: Sight, first: Sight | None, loss: Loss, bounds: ModeBounds) -> bool:
    """Tell whether rows of one kind, normalised by themselves in train mode, would look so.

    A bounded activation hides how far the modes lie apart, so the first layer counts as well.
    """
    parted = sight.parting > bounds.parting or (
        first is not None and first.parting > bounds.parting
    )
    return loss.mode == "eval" and loss.value != 0 and sight.running and not parted


def _noted(here: Where) -> Where:
    return Where(here.model, here.layer, here.step, note="the embedding that follows from it")


def _confidence(loss: Loss, *, sure: bool) -> Confidence:
    """Return how sure a loss is: spread that is gone is seen, a shape may be the probe's own."""
    if not sure:
        return Confidence.LOW
    return Confidence.HIGH if loss.measure.endswith("dispersion") else Confidence.MEDIUM


def _first(
    measurements: Measurements,
    sight: Sight,
    sights: Sequence[Sight],
    loss: Loss,
    bounds: ModeBounds,
) -> Sight | None:
    """Return the first layer in depth that is collapsed in the same mode only."""
    before = sorted(
        (o for o in sights if o.eval.model == sight.eval.model and o.eval.depth < sight.eval.depth),
        key=lambda other: other.eval.depth,
    )
    for other in before:
        try:
            lost = lost_early(measurements, other, bounds)
        except NotExamined:
            continue
        if lost is not None and lost.mode == loss.mode:
            return other
    return None


def _message(sight: Sight, loss: Loss) -> str:
    healthy = "train" if loss.mode == "eval" else "eval"
    if loss.measure.endswith("dispersion"):
        what = "directions" if loss.measure == "direction_dispersion" else "rows"
        said = (
            "all rows are one vector"
            if loss.value == 0
            else f"{what} differ from their mean by {per_cent(loss.value)} of its length"
        )
        beside = per_cent(loss.other)
    elif loss.measure == "top_share":
        said = f"{per_cent(loss.value)} of the variance lies along one line"
        beside = per_cent(loss.other)
    elif loss.measure == "mean_cosine":
        said = f"all cosines are high ({loss.value:.3f} on average)"
        beside = f"{loss.other:.3f}"
    else:
        said = f"the rank is {per_cent(loss.value)} of what as many varied rows use"
        beside = per_cent(loss.other)
    return (
        f"In {loss.mode} mode {title(sight.eval)} is collapsed, and in {healthy} mode it is not: "
        f"on the same inputs {said}, against {beside} in {healthy} mode."
    )


def _cause(sight: Sight, loss: Loss) -> str:
    if loss.mode == "eval" and sight.noise > 0.5:
        return (
            "Train mode adds noise that is as large as the differences between its rows (two "
            "passes of one batch differ by "
            f"{per_cent(sight.noise)} of the spread): dropout or the like makes rows look "
            "different which the model itself does not tell apart."
        )
    return ""


def _numbers(sight: Sight, loss: Loss) -> dict[str, Evidence]:
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
    bounds=ModeBounds(),
    check=check,
)
