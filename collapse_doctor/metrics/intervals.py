"""How far chance alone may have moved a measure: 95 % intervals from what each row contributes.

All are the delta method with the influence of single rows (the infinitesimal jackknife; Efron
1982, "The Jackknife, the Bootstrap and Other Resampling Plans", chapter 6): a measure of n rows
scatters like the mean of n influences, so its variance is their mean square over n. Influences of
spectral measures follow from first-order perturbation of the eigenvalues, and those of means over
pairs from the sums over the pairs of each row, so nothing is drawn at random. The naive bootstrap
is not used: it repeats rows, and repeated rows lower every rank.

What they cover is chance, at this number of rows: another draw of as many. The bias of a rank of
few rows is not in them, and is what its null is for. Where a first-order term vanishes (isotropic
rows, a mean of zero) they are wider than they need be, never narrower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_doctor.metrics.moments import Vector, as_array
from collapse_doctor.metrics.uniformity import pair_potentials

__all__ = ["LEVEL", "MOST_ROWS", "Interval", "intervals", "mean_interval", "proportion"]

Interval = tuple[float, float]
"""Lower and upper end; the measure lies between them with the probability LEVEL."""

LEVEL = 0.95
_Z = 1.959963984540054
"""The quantile of the normal distribution that belongs to LEVEL."""

MOST_ROWS = 1000
"""Rows whose influences are worked out; of more, evenly spread ones. The eigenproblem of their
Gram matrix takes a third of a second, and the width of an interval is then known to 3 %."""

FEWEST = 8
"""Rows below which an interval from their scatter says nothing."""

Floats = NDArray[np.float64]


def intervals(
    rows: Vector, values: Mapping[str, float], count: int | None = None
) -> dict[str, Interval]:
    """Return the interval of each measure in ``values`` that has one.

    Parameters
    ----------
    rows
        (m, d), those that were measured or a uniform sample of them; those that are not finite are
        left out. Below 8 no interval is given.
    values
        The measures, by name of metric; the intervals lie about them.
    count
        Number of rows that ``values`` rest on; default m.
    """
    given = as_array(rows)
    given = given[np.isfinite(given).all(axis=1)]
    number = max(count or len(given), 1)
    if len(given) < FEWEST:
        return {}
    chosen = given[:: -(-len(given) // MOST_ROWS)]
    found = _of_dimensions(values, len(given))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        influences = _influences(chosen / (np.abs(chosen).max() or 1.0))
    for name, influence in influences.items():
        value = values.get(name, math.nan)
        error = math.sqrt(float(np.square(influence.change).mean()) / number)
        if math.isfinite(value) and math.isfinite(error):
            found[name] = influence.about(value, _Z * error)
    return found


def proportion(value: float, count: int) -> Interval:
    """Return the interval of a share counted in ``count`` rows (Wilson 1927).

    >>> low, high = proportion(0.5, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    middle = (value + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z * math.sqrt(value * (1 - value) / count + _Z**2 / (4 * count**2))
    half /= 1 + _Z**2 / count
    return max(middle - half, 0.0), min(middle + half, 1.0)


def mean_interval(
    value: float, changes: ArrayLike, count: int, ends: tuple[float, float]
) -> Interval:
    """Return the interval of a measure from the influence of each row.

    Parameters
    ----------
    value
        The measure.
    changes
        (m,) influences of rows on it, times their number.
    count
        Number of rows that the value rests on.
    ends
        Lowest and highest possible value.
    """
    error = math.sqrt(float(np.square(np.asarray(changes, dtype=np.float64)).mean()) / count)
    return max(value - _Z * error, ends[0]), min(value + _Z * error, ends[1])


@dataclass(frozen=True)
class _Influence:
    """What each row changes, times n: of the measure, or of its logarithm.

    ``lowest`` and ``highest`` are the ends of the measure's range.
    """

    change: Floats
    lowest: float = -math.inf
    highest: float = math.inf
    logarithmic: bool = False

    def about(self, value: float, half: float) -> Interval:
        """Return the interval ``half`` to both sides of ``value``, inside the range."""
        if self.logarithmic:
            low, high = value * math.exp(-half), value * math.exp(min(half, 700.0))
        else:
            low, high = value - half, value + half
        return max(low, min(self.lowest, value)), min(high, max(self.highest, value))


def _influences(rows: Floats) -> dict[str, _Influence]:
    """Return the influences of rows (n, d), by the name of the metric."""
    found = _of_spread(rows)
    lengths = np.linalg.norm(rows, axis=1)
    unit = rows[lengths > 0] / lengths[lengths > 0][:, None]
    if len(unit) >= FEWEST:
        found |= _of_directions(unit)
    found |= _of_spectrum(rows)
    found["norm_mean"] = _Influence(
        (lengths - lengths.mean()) / lengths.mean(), 0.0, math.inf, True
    )
    return found


def _of_spread(rows: Floats) -> dict[str, _Influence]:
    """Return that of the dispersion, the root of a ratio of two means, ‖Zc‖²/‖Z‖²."""
    whole = np.square(rows).sum(axis=1)
    spread = np.square(rows - rows.mean(axis=0)).sum(axis=1)
    ratio = spread.mean() / whole.mean()
    change = (spread - ratio * whole) / (2.0 * spread.mean())  # of the logarithm of the root
    return {"relative_dispersion": _Influence(change, 0.0, 1.0, logarithmic=True)}


def _of_directions(unit: Floats) -> dict[str, _Influence]:
    """Return those of means over pairs (cosine, uniformity): a row counts in n - 1 of them."""
    sums = unit @ unit.sum(axis=0) - 1.0
    cosines = 2.0 * (sums - sums.mean()) / (len(unit) - 1)
    apart = 1.0 - sums.mean() / (len(unit) - 1)
    potentials = pair_potentials(unit)
    return {
        "mean_cosine": _Influence(cosines, -1.0, 1.0),
        "direction_dispersion": _Influence(-cosines / (2.0 * apart), 0.0, 1.0, logarithmic=True),
        "uniformity": _Influence(
            2.0 * (potentials - potentials.mean()) / potentials.mean(), -8.0, 0.0
        ),
    }


def _of_spectrum(rows: Floats) -> dict[str, _Influence]:
    """Return those of λ: a row changes λ_k by λ_k (n v²_ik - 1), v the left singular vectors."""
    centred = rows - rows.mean(axis=0)
    values, left = _axes(centred)
    if not len(values):
        return {}
    leverage = len(rows) * np.square(left) - 1.0
    total = values.sum()
    traces = leverage @ values
    roots = np.sqrt(values)
    size, entropy = roots.sum(), float(roots @ np.log(roots))
    ranks = leverage @ (roots * (entropy / size - np.log(roots)) / (2.0 * size))
    tops = leverage[:, 0] - traces / total
    return {
        "effective_rank": _Influence(ranks, 1.0, math.inf, logarithmic=True),
        "participation_ratio": _Influence(
            _of_participation(centred, values, left), 1.0, rows.shape[1], logarithmic=True
        ),
        "stable_rank": _Influence(-tops, 1.0, math.inf, logarithmic=True),
        "top_share": _Influence(tops, 0.0, 1.0, logarithmic=True),
    }


def _of_participation(centred: Floats, values: Floats, left: Floats) -> Floats:
    """Return the influences on ln((tr Σ)²/tr Σ²), tr Σ² by its unbiased estimate.

    The form zᵀΣz of a row z is taken over the other rows: its own part is bias.
    """
    degrees, total = len(centred) - 1, float(values.sum())
    own = np.square(centred).sum(axis=1)
    forms = (np.square(left) @ np.square(values) - np.square(own)) / max(degrees - 1, 1)
    power = max(float(values @ values) - total**2 / degrees, 0.0)
    power /= max((degrees - 1) * (degrees + 2), 1)
    return np.asarray(2.0 * (own - own.mean()) / own.mean() - 2.0 * (forms - forms.mean()) / power)


def _axes(centred: Floats) -> tuple[Floats, Floats]:
    """Return the non-zero eigenvalues of ZcᵀZc, largest first, and the left singular vectors."""
    tall = len(centred) > centred.shape[1]
    values, vectors = np.linalg.eigh(centred.T @ centred if tall else centred @ centred.T)
    kept = values > max(values.max(initial=0.0), 0.0) * 1e-12
    values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]
    return values, (centred @ vectors) / np.sqrt(values) if tall else vectors


def _of_dimensions(values: Mapping[str, float], count: int) -> dict[str, Interval]:
    """Return m ± z·m/√n, how far a likelihood estimate m of a dimension scatters (Fisher)."""
    found = {}
    for name in ("two_nn", "local_dimension"):
        value = values.get(name, math.nan)
        if math.isfinite(value):
            half = _Z * value / math.sqrt(count)
            found[name] = (max(value - half, 0.0), value + half)
    return found
