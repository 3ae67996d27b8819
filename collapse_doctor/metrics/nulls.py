"""What the measures read on healthy data: independent rows, equal variance in every direction.

A measure of rank depends on the number of rows almost as much as on the embedding. Each number
is therefore held against its null, the value for isotropic Gaussian rows of the same shape.
``rows`` of centred data are degrees of freedom: one less than the rows that were centred.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from collapse_doctor.metrics.decay import power_law

__all__ = [
    "cosine_deviation",
    "dispersion",
    "effective_rank",
    "hubness",
    "isoscore",
    "marchenko_pastur",
    "mean_top_share",
    "pair_cosine_deviation",
    "participation_ratio",
    "relu_cone",
    "spectral_exponent",
    "stable_rank",
    "top_share",
]

_NODES = 2000


@lru_cache(maxsize=4096)
def effective_rank(rows: int, width: int) -> float:
    """Return the effective rank of an isotropic Gaussian matrix, rows by width.

    Singular values follow the law of Marchenko & Pastur (1967) with ratio γ = min/max of the
    shape. With s = √x and x ~ MP(γ), the rank is min(rows, width)·E[s]·exp(-E[s ln s]/E[s]).
    A square matrix reads 0.805 of its width.

    The integral is taken over θ with x = 1 + γ + 2√γ cos θ, where the density becomes
    (2/π) sin²θ / x, free of the singularities at the edges; the midpoint rule is then good to
    better than 1e-5 of the result.
    """
    small, large = sorted((rows, width))
    if small < 1:
        return math.nan
    ratio = small / large
    angles = (np.arange(_NODES) + 0.5) * (math.pi / _NODES)
    x = 1.0 + ratio + 2.0 * math.sqrt(ratio) * np.cos(angles)
    weights = (2.0 / _NODES) * np.sin(angles) ** 2 / x
    s = np.sqrt(x)
    first = float((weights * s).sum())
    entropy = float((weights * s * np.log(s)).sum())
    return small * first * math.exp(-entropy / first)


def participation_ratio(degrees: int, width: int) -> float:
    """Return the plug-in participation ratio of isotropic rows, d/(1 + (d+1)/n).

    E[(tr S)²]/E[tr S²] is (d² + 2d/n)/(d + d(d+1)/n) for a Wishart matrix; the term 2d/n is
    negligible beside d².
    """
    return width / (1.0 + (width + 1) / degrees) if degrees >= 1 else math.nan


def isoscore(degrees: int, width: int) -> float:
    """Return (PR - 1)/(d - 1) for the plug-in participation ratio of isotropic rows."""
    return (participation_ratio(degrees, width) - 1.0) / (width - 1) if width > 1 else math.nan


def marchenko_pastur(degrees: int, width: int) -> NDArray[np.float64]:
    """Return the min(n, d) non-zero eigenvalues of isotropic rows, largest first, their mean d/min.

    The i-th is the quantile 1 - (i - 0.5)/min(n, d) of the law of Marchenko & Pastur (1967). The
    largest of a sample scatters about its quantile by a share of n^-2/3 (Johnstone 2001).
    """
    small, large = sorted((degrees, width))
    if small < 1:
        return np.zeros(0)
    ratio = small / large
    angles = np.linspace(0.0, math.pi, 4 * _NODES + 1)
    x = 1.0 + ratio + 2.0 * math.sqrt(ratio) * np.cos(angles)
    density = np.sin(angles) ** 2 / np.maximum(x, 1e-300)
    if ratio == 1.0:
        density[-1] = 2.0 * density[-2] - density[-3]  # 0/0 at the lower edge of a square
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0)])
    wanted = (np.arange(small) + 0.5) / small
    found = np.interp(wanted, below / below[-1], x)  # from the upper edge downwards
    return np.asarray(found * (width / small))


@lru_cache(maxsize=256)
def spectral_exponent(degrees: int, width: int) -> float:
    """Return the exponent that :func:`.decay.power_law` reads of isotropic rows."""
    found = power_law(marchenko_pastur(degrees, width))
    return found.exponent if found is not None else math.nan


def top_share(degrees: int, width: int) -> float:
    """Return the share of the largest eigenvalue, (1/√d + 1/√n)², at most 1.

    The upper edge of the Marchenko-Pastur law, (1 + √(d/n))², over the trace d. The largest
    eigenvalue of a sample lies a little below the edge (Johnstone 2001), about 5 % at n = d = 100.
    """
    if degrees < 1:
        return math.nan
    return min((1.0 / math.sqrt(width) + 1.0 / math.sqrt(degrees)) ** 2, 1.0)


def stable_rank(degrees: int, width: int) -> float:
    """Return the trace over the largest eigenvalue: the inverse of :func:`top_share`."""
    return 1.0 / top_share(degrees, width)


def dispersion(rows: int) -> float:
    """Return √(1 - 1/n), the dispersion of n independent rows about their own mean.

    It holds for vectors (‖Zc‖/‖Z‖) and for directions alike: the squared mean of n independent
    centred rows is 1/n of the mean square.
    """
    return math.sqrt(1.0 - 1.0 / rows) if rows >= 2 else math.nan


def pair_cosine_deviation(width: int) -> float:
    """Return 1/√d, the standard deviation of the cosine of two independent directions (mean 0)."""
    return 1.0 / math.sqrt(width)


def cosine_deviation(rows: int, width: int) -> float:
    """Return √(2/(n(n-1)d)), the standard deviation of the mean cosine over all pairs (mean 0).

    The cosines of different pairs of independent uniform directions are uncorrelated, so the
    variance 1/d of one pair is divided by the number of pairs.
    """
    return math.sqrt(2.0 / (rows * (rows - 1) * width)) if rows >= 2 else math.nan


def mean_top_share(width: int, top: int) -> float:
    """Return the share of ‖mean‖² in its ``top`` largest coordinates when none is special.

    The coordinates of the mean are then independent normal values of one variance; the i-th
    largest of their squares is put at the quantile 1 - (i - 0.5)/d of χ² with one degree of
    freedom, which is within 3 % of the mean over samples for d ≥ 8.
    """
    normal = NormalDist()
    tails = [(i + 0.5) / width for i in range(min(top, width))]
    return min(sum(normal.inv_cdf(tail / 2.0) ** 2 for tail in tails) / width, 1.0)


def hubness(rows: int, neighbours: int = 10) -> float:
    """Return the skewness of k-occurrence without hubs, (1 - 2p)/√((n - 1)p(1 - p)), p = k/(n - 1).

    Each of n - 1 other rows then has a row among its k nearest with the probability p by itself: a
    binomial count. Directions spread evenly over a sphere of many dimensions read that, 1/√k =
    0.316 for k = 10; in a few dimensions lists are shared, and they read down to 0.
    """
    if rows < neighbours + 2:
        return math.nan
    p = neighbours / (rows - 1)
    return (1.0 - 2.0 * p) / math.sqrt((rows - 1) * p * (1.0 - p))


def relu_cone(cosine: float, layers: int) -> float:
    """Return the cosine of two rows after ``layers`` wide, random ReLU layers.

    Cho & Saul (2009), the arc-cosine kernel of degree 1, applied layer by layer:
    ρ' = (√(1-ρ²) + (π - arccos ρ) ρ)/π. An *untrained* deep ReLU network narrows every input to a
    cone: 0 → 0.318 → 0.494 → 0.605 …, 0.948 after 20 layers.

    Parameters
    ----------
    cosine
        Cosine of the inputs, in [-1, 1].
    layers
        Number of ReLU layers.
    """
    for _ in range(layers):
        angle = math.acos(max(-1.0, min(1.0, cosine)))
        cosine = (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi
    return cosine
