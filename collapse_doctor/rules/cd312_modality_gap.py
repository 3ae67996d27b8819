"""CD312 modality-gap: two towers occupy separate cones.

What it finds
-------------
Two embeddings that are compared by direction (images and texts, questions and documents; two models
or two outputs of one) whose mean directions lie far apart, so that nearly every row can be told by
the tower it comes from.

Why it matters
--------------
Similarities across the towers all carry the same offset. Ranking within one tower or from one to
the other is as good as before; mixing both in one index, comparing a similarity across towers with
one within, or a fixed threshold is not: the tower decides before the content does.

Likely causes
-------------
Networks are born in cones of their own (Liang et al.), and a contrastive loss at a low temperature
keeps them there: it only needs the right pair to be nearer than the wrong ones. Pairs that do not
match, and one tower that is frozen or learns more slowly, keep it, too.

What to do
----------
Nothing, if you only rank from one tower to the other. Otherwise take each tower's own mean out
before comparing, or share the last projection between the towers; a higher temperature in training
makes the gap smaller.

What would refute it
--------------------
The towers are not meant to lie in one space, or the rows of the two towers are about other things.

Bounds and their source
-----------------------
beyond_chance: 4 times what the means of as many rows of one common cone differ by (root mean
square, from the scatter of the rows). In the worst case, all scatter along one direction, chance
exceeds it once in 16 000 draws (two-sided normal at 4 standard deviations).
offset: 0.2 of the mean squared distance between rows of different towers: the gap is then half as
long as the rows of the two towers differ without it (sqrt(0.2 / 0.8) = 0.5). The gap that Liang et
al. report of CLIP, 0.82, makes up 0.4 at a mean cosine of 0.5 within each tower.
told_apart: 0.95 of the rows lie nearer to the mean of their own tower, by means of the other half
of the rows. One common cone reads 0.5, whatever the number of rows and the width.
min_rows: 16 of each tower at one step.

References
----------
Liang et al., "Mind the Gap: Understanding the Modality Gap in Multi-modal Contrastive
Representation Learning", NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements, Sample
from collapse_doctor.metrics.paired import Cones, two_cones
from collapse_doctor.recording.observations import Comparison
from collapse_doctor.rules.geometry import (
    embeddings,
    evidence,
    per_cent,
    place,
    standing,
    title,
)
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When two cones are separate."""

    beyond_chance: float = 4.0  # times the null: once in 16 000 draws in the worst case
    offset: float = 0.2  # of the squared distance between towers: half of the rest's length
    told_apart: float = 0.95  # of the rows are nearer to their own tower's mean; one cone: 0.5
    min_rows: int = 16  # of each tower


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each pair of towers in separate cones."""
    pairs = list(_towers(measurements))
    if not pairs:
        raise NotExamined(_why_no_pair(measurements))
    reasons = []
    for one, other in pairs:
        try:
            match = _examine(measurements, bounds, one, other)
        except NotExamined as missing:
            reasons.append(f"{title(one)} and {title(other)}: {missing}")
            continue
        if match is not None:
            yield match
    if reasons:
        raise NotExamined("; ".join(reasons))


def _why_no_pair(measurements: Measurements) -> str:
    layers = embeddings(measurements)  # says itself why there are none
    if measurements.subject.kind == "embeddings":
        return "a file holds one embedding, and no second tower"
    if len(layers) < 2:
        return "there is one embedding, and no second tower"
    return "no two embeddings that both learn were seen to be compared by direction"


def _towers(measurements: Measurements) -> Iterator[tuple[LayerState, LayerState]]:
    """Yield each pair of embeddings of one width that are compared by direction, and both learn.

    One side without a gradient is a target (a teacher, a frozen tower): it lies where it lies.
    """
    judged = {(layer.model, layer.layer): layer for layer in embeddings(measurements)}
    seen = set()
    for comparison in measurements.comparisons:
        for places in _learning_pairs(comparison):
            found = [judged[place] for place in sorted(places) if place in judged]
            if len(found) < 2 or places in seen:
                continue
            seen.add(places)
            one, other = found
            if one.width == other.width and one.directed and other.directed:
                yield one, other


def _learning_pairs(comparison: Comparison) -> Iterator[frozenset[tuple[str, str]]]:
    """Yield the places of any two operands that are outputs of different layers, and learn."""
    places = [
        (operand.origin.model, operand.origin.layer)
        for operand in comparison.operands
        if operand.origin is not None and operand.requires_grad
    ]
    for order, one in enumerate(places):
        for other in places[order + 1 :]:
            if one != other:
                yield frozenset((one, other))


def _examine(
    measurements: Measurements, bounds: Bounds, one: LayerState, other: LayerState
) -> Match | None:
    for layer in (one, other):
        require_spread(measurements, layer)
    if standing(measurements, one).is_untrained:
        raise NotExamined("no optimizer stepped: untrained towers are born in cones of their own")
    if one.sample is None or other.sample is None:
        raise NotExamined("no rows of them were kept")
    steps = sorted(set(one.sample.steps.tolist()) & set(other.sample.steps.tolist()))
    if not steps:
        raise NotExamined("their rows were not kept at the same step")
    found = _cones(one.sample, other.sample, steps[-1], bounds)
    if found is None:
        raise NotExamined(f"they have too few rows in a step; {bounds.min_rows} would do")
    if (
        found.gap < bounds.beyond_chance * found.null
        or found.offset < bounds.offset
        or found.told_apart < bounds.told_apart
    ):
        return None
    first = _cones(one.sample, other.sample, steps[0], bounds) if len(steps) > 1 else None
    return _match(bounds, one, other, found, first, steps[-1])


def _cones(one: Sample, other: Sample, step: int, bounds: Bounds) -> Cones | None:
    """Return how the rows of one step lie, None where there are too few."""
    rows = [_finite(sample.rows[sample.steps == step]) for sample in (one, other)]
    return two_cones(*rows) if min(map(len, rows)) >= bounds.min_rows else None


def _finite(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows[np.isfinite(rows).all(axis=1)])


def _match(
    bounds: Bounds,
    one: LayerState,
    other: LayerState,
    found: Cones,
    first: Cones | None,
    step: int,
) -> Match:
    return Match(
        message=(
            f"{title(one)} and {title(other)} lie in separate cones: their mean directions are "
            f"{found.gap:.2f} apart, and {per_cent(found.told_apart)} of the rows lie nearer to "
            "the mean of their own tower."
        ),
        where=place(one, step),
        related=(place(other, step, "the other tower"),),
        evidence=evidence(
            modality_gap=Evidence(
                found.gap,
                bounds.beyond_chance * found.null,
                ">=",
                null=found.null,
                meaning="distance of the mean directions",
                interval=found.interval,
            ),
            offset_share=Evidence(
                found.offset,
                bounds.offset,
                ">=",
                null=0.0,
                meaning="of the squared distance between rows of the two",
            ),
            told_apart=Evidence(
                found.told_apart,
                bounds.told_apart,
                ">=",
                null=0.5,
                meaning="rows nearer to the mean of their own tower",
            ),
            at_first_step=Evidence(first.gap, meaning="the gap at the first step")
            if first is not None
            else None,
        ),
        confidence=Confidence.HIGH,
    )


RULE = Rule(
    code="CD312",
    name="modality-gap",
    severity=Severity.INFO,
    bounds=Bounds(),
    check=check,
)
