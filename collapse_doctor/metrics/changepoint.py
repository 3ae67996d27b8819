"""When a measure changed, and whether at once or by and by: a change point by least squares.

One family of curves says all of it: a level before, a level after, and a straight line from one to
the other between two of the steps that were looked at. Where these two are neighbours the change
is *sudden*: between two looks nothing is known. Else it is *gradual*. Each look counts once,
however far it is from the next; the line is straight in steps, so a measure that changes by
factors (a length, a spread) should be given as its logarithm.

Muggeo, "Estimating regression models with unknown break-points", Statistics in Medicine 2003;
Yao, "Estimating the number of change-points via Schwarz' criterion", Statistics & Probability
Letters 1988 (a penalty in log n); Zhang and Siegmund, "A modified Bayes information criterion",
Biometrics 2007 (three of them for a jump, since its place was searched for).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST", "Change", "find_change"]

FEWEST = 8
"""Looks a change must rest on: fewer fit a jump to anything."""

MOST = 160
"""Looks that are taken into account at most, evenly spread: the search costs their cube."""

FITTED = 4
"""Numbers a slope takes from the data: two levels and two places."""

JUMP, SLOPE = 4.0, 2.0
"""Penalties in units of log n: for a jump, and for a slope in place of it.

Simulated with 2000 series of independent normal noise for each of 8, 12, 20 and 40 looks at the
steps of a recording, and 250 for 80 and 120: a change is seen in at most 1 % of series without
any, a slope in at most 3 % of those with one jump of five standard deviations. The tests repeat a
part of it."""

LIKELY = 3.84
"""Fits this much worse, in units of the residual variance, are within the 95 % interval (the chi
square with one degree of freedom)."""

ROUNDING = 1e-12
"""Share of the variation below which a residual is rounding: exact data must not divide by 0."""

SAME = 1e-14
"""Values, the largest being 1, that differ by less on average are one and the same."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """One change of a measure over the steps.

    ``began`` are two steps: it began after the first and not after the second, with a confidence
    of about 95 %, and never more closely than two neighbouring looks. ``sudden`` says that all of
    it fits between two neighbouring looks. ``before`` and ``after`` are the two levels, in the
    unit of the values; ``explained`` is the share of the variance the curve explains, 0 to 1.
    """

    began: tuple[int, int]
    sudden: bool
    before: float
    after: float
    explained: float


def find_change(steps: Sequence[int], values: Sequence[float]) -> Change | None:
    """Return the one change that explains a history best, None where no change explains it.

    Parameters
    ----------
    steps
        Ascending, at any distance from each other.
    values
        One for each step; what is not finite is left out.

    Returns
    -------
    Change or None
        None below :data:`FEWEST` values, and where a constant with noise does as well.
    """
    known = [(s, v) for s, v in zip(steps, values, strict=True) if math.isfinite(v)]
    if len(known) < FEWEST:
        return None
    chosen = np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST)).round().astype(int))
    places = np.array([known[i][0] for i in chosen], dtype=np.int64)
    level = np.array([known[i][1] for i in chosen], dtype=np.float64)
    unit = float(np.abs(level).max()) or 1.0
    level /= unit  # so that no square overflows
    left = _residuals(places.astype(np.float64), level)
    if left is None:
        return None
    start, end, sudden = _best(left, float(((level - level.mean()) ** 2).sum()))
    if start < 0:
        return None
    began = _interval(left, sudden=sudden)
    before, after = _levels(places.astype(np.float64), level, start, end)
    total = float(((level - level.mean()) ** 2).sum())
    return Change(
        (int(places[began[0]]), int(places[began[1]])),
        sudden,
        before * unit,
        after * unit,
        1.0 - float(left[start, end]) / total,
    )


def _residuals(x: Floats, y: Floats) -> Floats | None:
    """Return (n, n) sums of squares that a slope from look i to look j > i leaves; else infinity.

    None where the values do not vary.
    """
    count, centred = len(x), y - y.mean()
    total = float(centred @ centred)
    if total <= SAME**2 * count:
        return None
    left = np.full((count, count), np.inf)
    for i in range(count - 1):
        shape = _shape(x, i, np.arange(i + 1, count))
        shape -= shape.mean(axis=1, keepdims=True)
        explained = (shape @ centred) ** 2 / (shape**2).sum(axis=1)
        left[i, i + 1 :] = np.maximum(total - explained, ROUNDING * total)
    return left


def _shape(x: Floats, start: int, ends: NDArray[np.int64]) -> Floats:
    """Return one row per end: 0 up to the start, 1 from the end on, straight in between."""
    return np.asarray(np.clip((x - x[start]) / (x[ends, None] - x[start]), 0.0, 1.0))


def _best(left: Floats, total: float) -> tuple[int, int, bool]:
    """Return start, end and whether it is a jump; a start of -1 where there is no change."""
    count = len(left)
    jumps = np.diagonal(left, offset=1)
    jump = int(jumps.argmin())
    start, end = (int(i) for i in np.unravel_index(int(left.argmin()), left.shape))
    fit = (count - FITTED) * np.log([total, float(jumps[jump]), float(left[start, end])])
    cost = fit + np.array([0.0, JUMP, JUMP + SLOPE]) * math.log(count)
    choice = int(cost.argmin())
    if choice == 0:
        return -1, -1, False
    return (jump, jump + 1, True) if choice == 1 else (start, end, False)


def _interval(left: Floats, *, sudden: bool) -> tuple[int, int]:
    """Return the looks between which the change began."""
    count = len(left)
    profile = np.diagonal(left, offset=1) if sudden else left[:-1].min(axis=1)
    within = np.flatnonzero(profile <= profile.min() * (1.0 + LIKELY / (count - FITTED)))
    # A slope may begin between the look before the best one and the one after it.
    first = int(within[0]) - (0 if sudden else 1)
    return max(first, 0), min(int(within[-1]) + 1, count - 1)


def _levels(x: Floats, y: Floats, start: int, end: int) -> tuple[float, float]:
    """Return the level before and after, by least squares."""
    shape = _shape(x, start, np.array([end]))[0]
    centred = shape - shape.mean()
    rise = float(centred @ y) / float(centred @ centred)
    before = float(y.mean()) - rise * float(shape.mean())
    return before, before + rise
