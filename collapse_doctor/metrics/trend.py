"""Whether a measure rises or falls over irregular steps, told from noise without any model of it.

Mann and Kendall's test counts, over all pairs of looks, how often the later value is the larger
one; Theil and Sen's slope is the median slope of these pairs, and its interval comes from the same
counts. Neither asks for evenly spaced steps nor for normal noise, and a quarter of the values may
be outliers.

Mann, "Nonparametric tests against trend", Econometrica 1945; Kendall, "Rank Correlation Methods",
1975; Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 1968.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

__all__ = ["FEWEST", "Trend", "trend"]

FEWEST = 5
"""Values a trend must rest on: four in order are so in 1 of 24 cases by chance."""

CONFIDENCE = 0.99
"""Of the interval of the slope."""


@dataclass(frozen=True)
class Trend:
    """The direction of a measure over the steps.

    ``falls`` and ``rises`` are one-sided p-values, 0 to 1: how often independent noise alone would
    fall, or rise, as steadily (normal approximation with correction for ties and continuity).
    ``slope`` is in units of the values per step, between ``low`` and ``high`` with a confidence of
    99 %.
    """

    falls: float
    rises: float
    slope: float
    low: float
    high: float


def trend(steps: Sequence[int], values: Sequence[float]) -> Trend | None:
    """Return the trend of a history, None below :data:`FEWEST` finite values.

    Parameters
    ----------
    steps
        Ascending and different, at any distance from each other.
    values
        One for each step; what is not finite is left out.
    """
    y = np.asarray(values, dtype=np.float64)
    x = np.asarray(steps, dtype=np.float64)[np.isfinite(y)]
    y = y[np.isfinite(y)]
    if len(y) < FEWEST:
        return None
    earlier, later = np.triu_indices(len(y), k=1)
    rise = y[later] - y[earlier]
    score = float(np.sign(rise).sum())
    spread = _spread(y)
    slopes = np.sort(rise / (x[later] - x[earlier]))
    low, high = _interval(slopes, spread)
    return Trend(
        falls=_chance(-score, spread),
        rises=_chance(score, spread),
        slope=float(np.median(slopes)),
        low=low,
        high=high,
    )


def _spread(values: np.ndarray) -> float:
    """Return the standard deviation of Kendall's score under independence, given the ties."""
    count = len(values)
    _, ties = np.unique(values, return_counts=True)
    tied = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return math.sqrt((count * (count - 1) * (2 * count + 5) - tied) / 18.0)


def _chance(score: float, spread: float) -> float:
    """Return how likely a score at least this large is by chance."""
    if spread == 0.0:  # all values are one
        return 1.0
    return 1.0 - NormalDist().cdf((score - 1.0) / spread)


def _interval(slopes: np.ndarray, spread: float) -> tuple[float, float]:
    """Return the slopes between which the true one lies, by Sen's ranks."""
    reach = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * spread
    count = len(slopes)
    below = max(round((count - reach) / 2.0) - 1, 0)
    above = min(round((count + reach) / 2.0), count - 1)
    return float(slopes[below]), float(slopes[above])
