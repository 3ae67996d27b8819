"""One class whose rows are one point while the rows of other classes are spread.

The measures of the whole do not see it: a class of one row in a hundred holds a hundredth of the
variance. Each class is therefore held against the other classes, and against chance, for few rows
lie near each other by themselves where they have few directions to differ in.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from collapse_doctor.measurements import LayerState, Sample

__all__ = ["Alone", "collapsed_alone"]


@dataclass(frozen=True)
class Alone:
    """A class that collapsed by itself.

    ``ratio`` is its spread over that of the middle one of the others (root mean squares, unbiased),
    ``interval`` where that would lie in 95 of 100 other draws (None for equal rows), and ``chance``
    the most that the probability of such a ratio can be, among all classes, if the class is like
    the others.
    """

    label: Hashable
    count: int
    ratio: float
    interval: tuple[float, float] | None
    chance: float


def collapsed_alone(
    layer: LayerState, bound: float, chance: float, least: int, spread: float
) -> list[Alone]:
    """Return the classes that collapsed while the middle one of the others did not, largest first.

    Parameters
    ----------
    layer
        With ``classes``; those of a single row have no spread and are left out.
    bound
        Ratio of spreads below which a class counts as one point.
    chance
        Largest probability of such a ratio by chance.
    least
        Rows a class must have.
    spread
        Share of all variance that the middle class must hold: below it the others are points, too.
    """
    assert layer.classes is not None
    table = layer.classes[layer.classes["count"] >= 2]
    counts = table["count"].to_numpy(dtype=float)
    variances = table["within"].to_numpy(dtype=float) * counts / (counts - 1)
    total = float(layer.eigenvalues.sum())
    freedom: float | None = None
    found = []
    for place in np.argsort(-counts, kind="stable"):
        others = np.delete(variances, place)
        middle = float(np.median(others)) if len(others) else 0.0
        if not middle > spread * total or counts[place] < least:
            continue
        squared = float(variances[place]) / middle
        if squared >= bound**2:
            continue
        freedom = _directions_within(layer.sample) if freedom is None else freedom
        degrees = freedom * (counts[place] - 1)
        likely = min(len(table) * _below(squared, degrees), 1.0)
        if likely < chance:
            label, half = table["label"].iloc[int(place)], 1.96 / math.sqrt(2.0 * degrees)
            ratio = math.sqrt(squared)
            interval = (ratio * math.exp(-half), ratio * math.exp(half)) if ratio > 0 else None
            found.append(Alone(label, int(counts[place]), ratio, interval, likely))
    return found


def _below(ratio: float, degrees: float) -> float:
    """Return the Chernoff bound on the probability that chi-squared is below ratio·degrees."""
    if ratio <= 0:
        return 0.0
    return math.exp(0.5 * degrees * (math.log(ratio) + 1.0 - ratio))


def _directions_within(sample: Sample | None) -> float:
    """Return the participation ratio within classes, at least 1; 1 where no rows were kept."""
    if sample is None or sample.labels is None:
        return 1.0
    finite = np.isfinite(sample.rows).all(axis=1)
    places: dict[Hashable, list[int]] = {}
    for place, label in enumerate(sample.labels):
        if label is not None and finite[place]:
            places.setdefault(label, []).append(place)
    deviations = []
    for own in places.values():
        rows = sample.rows[own].astype(np.float64)
        if len(rows) > 1:
            deviations.append(rows - rows.mean(axis=0))
    if not deviations:
        return 1.0
    rows = np.concatenate(deviations)
    rows /= np.abs(rows).max() or 1.0
    gram = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    squares = float(np.square(gram).sum())
    return max(float(np.trace(gram)) ** 2 / squares, 1.0) if squares > 0 else 1.0
