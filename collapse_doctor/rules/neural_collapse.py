"""The one good reason for a low rank: the rows lie in one tight group for each class.

At the end of training by class, the embeddings of K classes become K points, which span K - 1
dimensions (Papyan, Han and Donoho, "Prevalence of neural collapse", PNAS 2020). That is success
for the task, so rank rules say so and stay silent.
"""

from __future__ import annotations

import math

from collapse_doctor.measurements import LayerState, Measurements

__all__ = ["excuse", "within_share"]

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


def excuse(measurements: Measurements, layer: LayerState) -> str:
    """Return why a low rank of ``layer`` is no collapse, or an empty string."""
    rank = layer.values.get("effective_rank", math.nan)
    if layer.classes is not None and len(layer.classes) > 1:
        return _by_labels(layer, rank)
    if layer.dimensions is not None and rank >= FILLED * layer.dimensions:
        needed = f"{layer.dimensions} dimension{'s' if layer.dimensions > 1 else ''}"
        return (
            f"its rank of {rank:.1f} is what the head on top of it learns to predict: that needs "
            f"no more than {needed}"
        )
    if layer.values.get("distinct_share", 1.0) < DISTINCT:
        return ""
    if layer.sample is None:
        return _by_count(_classes_seen(measurements), rank)
    from collapse_doctor.rules.groups import within_groups

    share = within_groups(layer.sample.rows, layer.sample.steps, rank)
    grouped = share is not None and share < GROUPED
    return _about("of a few tight groups", rank) if grouped else ""


def _by_labels(layer: LayerState, rank: float) -> str:
    classes = 0 if layer.classes is None else len(layer.classes)
    filled = rank >= FILLED * (classes - 1)
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
