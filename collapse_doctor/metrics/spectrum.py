"""How many directions the variance is spread over, from eigenvalues.

All functions take eigenvalues ≥ 0 of a second-moment matrix, in any order and of any scale.
No eigenvalues at all (fewer than two rows) give NaN. Eigenvalues that are all zero, rows with no
spread whatever, are outside every definition; they are given the value of one used direction,
which is the lowest (for ``top_share`` the highest) of the range: full collapse must never read
as anything better than the worst that can be measured.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from collapse_doctor.metrics.moments import Vector, as_array

__all__ = [
    "corrected_participation_ratio",
    "covariance_term",
    "effective_rank",
    "isoscore",
    "participation_ratio",
    "rankme",
    "stable_rank",
    "top_share",
]


def effective_rank(eigenvalues: Vector) -> float:
    """Return the exponential of the entropy of the singular values, in [1, min(n, d)].

    Roy & Vetterli (2007), "The effective rank: a measure of effective dimensionality":
    exp(-Σ p ln p) with p = σ/Σσ and σ the singular values, square roots of the eigenvalues.
    """
    shares = _shares(np.sqrt(as_array(eigenvalues)))
    return shares if isinstance(shares, float) else _entropy_rank(shares)


def rankme(eigenvalues: Vector, epsilon: float = 1e-7) -> float:
    """Return RankMe, the effective rank of *uncentred* rows, with a small constant under the log.

    Garrido et al. (2023), https://arxiv.org/abs/2210.02885: p = σ/Σσ + ε, not normalised
    again. ε lifts the result slightly: exp(-d ε ln ε), 1.0033 for one direction at d = 2048. A
    common offset of the rows lowers it, however rich they are.

    Parameters
    ----------
    eigenvalues
        All min(n, d) eigenvalues of ZᵀZ, zeros included, up to a factor.
    epsilon
        1e-7 in the paper, for float32.
    """
    shares = _shares(np.sqrt(as_array(eigenvalues)))
    if isinstance(shares, float):
        return shares
    return max(_entropy_rank(shares + epsilon), 1.0)  # one share of 1 + ε reads 1 - ε


def participation_ratio(eigenvalues: Vector) -> float:
    """Return (Σλ)²/Σλ², the number of directions in use if all used ones had equal variance.

    The plug-in form, bounded by the number of rows: isotropic rows with n degrees of freedom read
    d/(1 + (d+1)/n). See :func:`corrected_participation_ratio`.
    """
    shares = _shares(as_array(eigenvalues))
    return shares if isinstance(shares, float) else 1.0 / float(shares @ shares)


def corrected_participation_ratio(eigenvalues: Vector, degrees: int, width: int) -> float:
    """Return the participation ratio of the population the rows were drawn from, in [1, d].

    Numerator and denominator are replaced by their unbiased estimates for Gaussian rows:
    Srivastava (2005), "Some tests concerning the covariance matrix in high dimensional data",
    J. Japan Statist. Soc. 35, for tr Σ²; (tr Σ)² follows from the same two Wishart moments,
    E[(tr S)²] = (tr Σ)² + 2 tr Σ²/n and E[tr S²] = (1 + 1/n) tr Σ² + (tr Σ)²/n. Tails heavier
    than Gaussian are corrected too little. The relative error from chance alone is about 2/n for
    isotropic rows with n below d.

    Parameters
    ----------
    eigenvalues
        The non-zero eigenvalues of the centred covariance; zeros may be left out.
    degrees
        n, one less than the number of rows; below 2 nothing can be corrected: NaN.
    width
        d, the upper limit of the result.
    """
    shares = _shares(as_array(eigenvalues))
    if isinstance(shares, float):
        return shares
    if degrees < 2:
        return math.nan
    power = float(shares @ shares)  # tr S² where tr S = 1
    total = (degrees + 1) - 2.0 * power
    square = degrees * power - 1.0
    return min(max(total / square, 1.0), width) if square * width > total else float(width)


def covariance_term(eigenvalues: Vector, variances: Vector) -> float:
    """Return VICReg's covariance term, Σ_{i≠j} C²_ij / d, ≥ 0.

    Bardes, Ponce & LeCun (2022), https://arxiv.org/abs/2105.04906, eq. 3-4. The sum of all C²_ij is
    Σλ². Near 0 for decorrelated coordinates and for collapsed rows alike.

    Parameters
    ----------
    eigenvalues
        Of the covariance C with divisor n - 1.
    variances
        Of each coordinate (d,), with the same divisor.
    """
    values, own = as_array(eigenvalues), as_array(variances)
    if not len(values):
        return math.nan
    return max(float(values @ values) - float(own @ own), 0.0) / len(own)


def isoscore(eigenvalues: Vector, width: int) -> float:
    """Return IsoScore, (PR - 1)/(d - 1) with the plug-in participation ratio, in [0, 1].

    Rudman et al. (2022), https://arxiv.org/abs/2108.07344. Its definition by the distance δ of the
    normalised eigenvalues to the vector of ones comes to this, since δ depends on Σλ² alone; the
    two agree to rounding. Isotropic rows read 1 only in the limit of n far above d: it inherits
    the bias of the plug-in ratio. NaN in one dimension.
    """
    ratio = participation_ratio(eigenvalues)
    return (ratio - 1.0) / (width - 1) if width > 1 else math.nan


def stable_rank(eigenvalues: Vector) -> float:
    """Return Σλ/λ₁, in [1, rank]: ‖Z‖²_F/‖Z‖²₂ (Rudelson & Vershynin 2007, arXiv math/0503442)."""
    return 1.0 / top_share(eigenvalues)


def top_share(eigenvalues: Vector) -> float:
    """Return λ₁/Σλ, the share of the variance along the first principal axis, in [1/d, 1]."""
    shares = _shares(as_array(eigenvalues))
    return shares if isinstance(shares, float) else float(shares.max())


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64] | float:
    """Return values ≥ 0 over their sum, or the number an improper spectrum is given."""
    total = float(values.sum())
    if len(values) == 0 or not math.isfinite(total):
        return math.nan
    return values / total if total > 0 else 1.0


def _entropy_rank(weights: NDArray[np.float64]) -> float:
    weights = weights[weights > 0]  # p ln p tends to 0
    return math.exp(-float((weights * np.log(weights)).sum()))
