"""The one good reason for a low rank: the rows lie in one tight group for each class.

At the end of training by class, the embeddings of K classes become K points, which span K - 1
dimensions (Papyan, Han and Donoho, "Prevalence of neural collapse", PNAS 2020). That is success
for the task, so rank rules say so and stay silent where classes are known: by labels, or by a head
that learns them. Where only the rows look like it, the finding is told as info.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.measurements import LayerState, Measurements, Sample
from collapse_doctor.rules.rule import Match
from collapse_doctor.rules.spread import is_fitted

__all__ = ["Excuse", "excuse", "softened", "within_share"]

GROUPED = 0.45
"""Scatter left within clusters, as a share of a Gaussian cloud's (see ``groups``).

Measured on digits with networks of depth 4 and 8 trained by class (triplet, supervised
contrastive, cosine, cross-entropy): 0.04 to 0.41; Gaussian, power-law and t clouds of rank 1 to
64: 0.96 to 1.08; networks that only pull together: 0.74 to 0.95.
"""

WITHIN_CLASSES = 0.2
"""Share of the variance within classes: below it, the class means lie at least twice as far from
the centre as the rows lie from their class mean (root mean squares: sqrt(0.8 / 0.2) = 2)."""

FILLED = 1 / 3
"""Share of the K - 1 dimensions that classes can fill which must be in use."""

DISTINCT = 0.5
"""At least every second row must be a row of its own: exact repetition is no tight group."""


@dataclass(frozen=True)
class Excuse:
    """Why a low rank may be no collapse.

    ``known`` is true where classes, or a head that needs so few dimensions, were seen; false where
    the rows look as if there were classes, and nothing else says so.
    """

    reason: str
    known: bool


def excuse(measurements: Measurements, layer: LayerState, *, exact: bool) -> Excuse | None:
    """Return why a low rank of ``layer`` may be no collapse, None where nothing speaks for it.

    ``exact`` says that outside its few directions there is nothing but rounding. Rows of tight
    groups do vary a little within them, in all directions the weights leave open; so what is
    exact was lost in the weights, and groups are no excuse for it unless classes are known.
    """
    rank = layer.values.get("effective_rank", math.nan)
    by_labels = _by_labels(layer, rank)
    if by_labels:
        return _known(by_labels)
    if is_fitted(measurements, layer):
        return _known("it is fitted to given numbers: its rank is that of what they hold")
    if layer.dimensions is not None and rank >= FILLED * layer.dimensions:
        needed = f"{layer.dimensions} dimension{'s' if layer.dimensions > 1 else ''}"
        return _known(
            f"its rank of {rank:.1f} is what the head on top of it learns to predict: that needs "
            f"no more than {needed}"
        )
    if layer.values.get("distinct_share", 1.0) < DISTINCT:
        return None
    classes = _classes_seen(measurements)
    if layer.sample is None:
        return _known(_by_count(classes, rank))
    known = classes > 1 or layer.dimensions is not None
    if exact and not known:
        return None
    return _by_groups(layer.sample, rank, known=known)


def softened(match: Match, found: Excuse | None) -> Match:
    """Return a match as info where its rows lie in tight groups, and nothing tells of what."""
    if found is None:
        return match
    return replace(
        match,
        severity=Severity.INFO,
        confidence=Confidence.LOW,
        message=f"{match.message} They lie in a few tight groups.",
        cause=(
            "Either the rows are of a few classes and were trained by class (neural collapse), "
            "which is no fault, or only a few points are left of them. Without labels the two "
            "look alike."
        ),
        remedy="Give the labels of the rows: they tell the two apart.",
    )


def _known(reason: str) -> Excuse | None:
    return Excuse(reason, known=True) if reason else None


def _by_groups(sample: Sample, rank: float, *, known: bool) -> Excuse | None:
    from collapse_doctor.rules.groups import within_groups

    share = within_groups(sample.rows, sample.steps, rank)
    if share is None or share >= GROUPED:
        return None
    return Excuse(_about("of a few tight groups", rank), known)


def _by_labels(layer: LayerState, rank: float) -> str:
    classes = 0 if layer.classes is None else len(layer.classes)
    filled = classes > 1 and rank >= FILLED * (classes - 1)
    small = within_share(layer) < WITHIN_CLASSES  # False for NaN
    return _about(f"of its {classes} classes", rank) if filled and small else ""


def within_share(layer: LayerState) -> float:
    """Return the share of the variance that lies within classes, NaN where it is unknown."""
    classes = layer.classes
    total = float(layer.eigenvalues.sum()) * max(layer.count - 1, 1)
    if classes is None or not total > 0:
        return math.nan
    return float((classes["count"] * classes["within"]).sum()) / total


def _by_count(classes: int, rank: float) -> str:
    """Judge by the number of classes alone, where no rows were kept."""
    filled = classes > 1 and rank >= FILLED * (classes - 1)
    return _about(f"of the {classes} classes of the labels", rank) if filled else ""


def _classes_seen(measurements: Measurements) -> int:
    """Return the largest number of distinct labels of one batch, 0 where none is of use."""
    labels = measurements.labels
    if labels is None or labels.empty:
        return 0
    return int(labels["distinct"].max())


def _about(groups: str, rank: float) -> str:
    return (
        f"its rank of {rank:.1f} is that {groups}: within them the rows hardly vary, as at the end "
        "of training by class (neural collapse), which is no fault"
    )
