"""What the labels of a file's rows tell of their geometry: neural collapse, and neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collapse_doctor.metrics.classes import equiangularity, variability, variability_ratio
from collapse_doctor.metrics.intervals import Interval, mean_interval, proportion
from collapse_doctor.metrics.neighbours import label_agreement, neighbourhood
from collapse_doctor.summary import EmbeddingSummary

__all__ = ["ByClass", "by_class"]

MOST_CLASSES = 200
"""Of more, what needs all pairs of classes, or their axes, is not worked out."""
WIDEST = 2048
"""The covariance within classes of wider rows would not fit beside them."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ByClass:
    """Measures by class, keyed as metrics are, each with its null and its interval if it has one.

    ``within_share``: share of the variance within classes. ``variability``: CDNV.
    ``variability_ratio``: NC1. ``equiangularity``: NC2. ``label_agreement``: share of rows whose
    nearest other row bears their label. NC3 and NC4 need the weights of a head, which a file of
    embeddings does not hold.
    """

    values: dict[str, float] = field(default_factory=dict)
    nulls: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)


def by_class(summary: EmbeddingSummary) -> ByClass:
    """Measure the labelled rows of the summary's sample; nothing where there are no two classes.

    The nulls are the same measures with the labels dealt out anew (seed 0), once: what labels
    without meaning read on these rows.
    """
    sample = summary.sample
    if sample.labels is None:
        return ByClass()
    known = np.array([label is not None and label == label for label in sample.labels])
    rows = sample.rows.cpu().numpy().astype(np.float64)[known]
    places: dict[object, int] = {}
    ids = np.array([places.setdefault(label, len(places)) for label in sample.labels[known]])
    counts = np.bincount(ids) if len(ids) else np.zeros(0)
    if len(counts) < 2 or counts.max() < 2:
        return ByClass()
    rows = rows / (np.abs(rows).max() or 1.0)
    near = neighbourhood(_unit(rows), 1)
    shuffled = np.random.default_rng(0).permutation(ids)
    values, nulls = _measures(rows, ids), _measures(rows, shuffled)
    values["label_agreement"] = label_agreement(near, ids)
    shares = counts / counts.sum()
    nulls["label_agreement"] = float(shares @ shares)
    intervals = _intervals(rows, ids, values, len(near.kept), summary.count)
    known_values = {name: value for name, value in values.items() if math.isfinite(value)}
    known_nulls = {name: value for name, value in nulls.items() if math.isfinite(value)}
    return ByClass(known_values, known_nulls, intervals)


def _measures(rows: Floats, ids: NDArray[np.int64]) -> dict[str, float]:
    """Return the measures of rows (n, d) of the classes ``ids`` (n,), numbered from 0."""
    counts, means = _means(rows, ids)
    deviations = rows - means[ids]
    squares = np.bincount(ids, np.square(deviations).sum(axis=1))
    total = float(np.square(rows - rows.mean(axis=0)).sum())
    found = {"within_share": float(squares.sum()) / total if total > 0 else math.nan}
    if len(counts) <= MOST_CLASSES:
        found["variability"] = variability(counts, means, squares)
        found["equiangularity"] = equiangularity(means)
        if rows.shape[1] <= WIDEST:
            within = deviations.T @ deviations / len(rows)
            found["variability_ratio"] = variability_ratio(within, means)
    return found


def _means(rows: Floats, ids: NDArray[np.int64]) -> tuple[Floats, Floats]:
    counts = np.bincount(ids).astype(float)
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, ids, rows)
    return counts, sums / counts[:, None]


def _intervals(
    rows: Floats, ids: NDArray[np.int64], values: dict[str, float], listed: int, count: int
) -> dict[str, Interval]:
    """Return the intervals of the two shares; how classes are drawn is not known for the others."""
    _, means = _means(rows, ids)
    within = np.square(rows - means[ids]).sum(axis=1)
    whole = np.square(rows - rows.mean(axis=0)).sum(axis=1)
    found = {}
    share, agreement = values["within_share"], values["label_agreement"]
    if math.isfinite(share):
        changes = (within - share * whole) / whole.mean()
        found["within_share"] = mean_interval(share, changes, count, (0.0, 1.0))
    if math.isfinite(agreement):
        found["label_agreement"] = proportion(agreement, listed)
    return found


def _unit(rows: Floats) -> Floats:
    """Return the directions of rows; those of length zero stay as they are."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))
