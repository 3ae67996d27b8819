"""How the rows of different classes, or views of different samples, lie to each other.

All are functions of counts, class means and the scatter within classes, which are streamed; none
needs the rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "classifier_agreement",
    "classifier_alignment",
    "equiangularity",
    "lidar",
    "variability",
    "variability_ratio",
    "within_over_between",
]

Floats = NDArray[np.float64]


def within_over_between(counts: ArrayLike, means: ArrayLike, squares: ArrayLike) -> float:
    """Return tr Σ_W / tr Σ_B, ≥ 0: the scatter within classes over that between them.

    Σ_W = Σ_k squares_k/n, Σ_B = Σ_k (n_k/n)(μ_k - μ)(μ_k - μ)ᵀ. 0 at neural collapse; infinite
    where all class means are one. Each class mean errs by its own scatter over its count, which
    inflates Σ_B by tr Σ_W K/n; that is taken off (below it the means cannot be told apart).

    Parameters
    ----------
    counts, means, squares
        (K,), (K, d) and (K,): rows, mean, and sum of squared distances to the mean of each class.
    """
    number, mean, spread = _classes(counts, means, squares)
    total = number.sum()
    if len(number) < 2 or total <= len(number):
        return math.nan
    within = float(spread.sum()) / (total - len(number))  # unbiased
    centre = (number[:, None] * mean).sum(axis=0) / total
    between = float((number * np.square(mean - centre).sum(axis=1)).sum()) / total
    between -= within * (len(number) - 1) / total
    if between > 0:
        return float(within / between)
    return math.inf if within > 0 else math.nan


def variability(counts: ArrayLike, means: ArrayLike, squares: ArrayLike) -> float:
    """Return the class-distance normalised variance, mean over pairs of classes, ≥ 0.

    CDNV, Galanti, György & Hutter (2022), https://arxiv.org/abs/2112.15121, eq. 4:
    (σ²_i + σ²_j)/(2‖μ_i - μ_j‖²), σ² the mean squared distance to the class mean. 0 at neural
    collapse; infinite where two class means are one. NaN below two classes.
    """
    number, mean, spread = _classes(counts, means, squares)
    if len(number) < 2:
        return math.nan
    variances = spread / number
    one, other = np.triu_indices(len(number), 1)
    distances = np.square(mean[one] - mean[other]).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (variances[one] + variances[other]) / (2.0 * distances)
    return float(ratios.mean())


def variability_ratio(within: ArrayLike, means: ArrayLike) -> float:
    """Return NC1, tr(Σ_W Σ_B⁺)/K, ≥ 0; 0 at neural collapse.

    Papyan, Han & Donoho (2020), https://doi.org/10.1073/pnas.2015509117, eq. 7: Σ_B is the plain
    mean over classes of (μ_k - μ_G)(μ_k - μ_G)ᵀ, μ_G the mean of the class means.

    Parameters
    ----------
    within
        Σ_W (d, d), the pooled covariance within classes.
    means
        (K, d), K at least 2.
    """
    mean = np.asarray(means, dtype=np.float64)
    if len(mean) < 2:
        return math.nan
    centred = mean - mean.mean(axis=0)
    # tr(W B⁺) with B = CᵀC/K needs only the K directions that the means span.
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    used = lengths > lengths.max(initial=0.0) * max(centred.shape) * np.finfo(np.float64).eps
    along = np.einsum("kd,de,ke->k", axes[used], np.asarray(within, dtype=np.float64), axes[used])
    return float((along / np.square(lengths[used])).sum())


def equiangularity(means: ArrayLike) -> float:
    """Return NC2, ‖MMᵀ/‖MMᵀ‖ - E‖ (Frobenius), in [0, 2]: how far from a simplex of equal angles.

    M are the centred class means (K, d), E = (I - 11ᵀ/K)/√(K - 1), the Gram matrix of the simplex
    equiangular tight frame at norm 1 (Papyan, Han & Donoho 2020; Zhu et al. 2021). NaN below two
    classes, or where all means are one.
    """
    mean = np.asarray(means, dtype=np.float64)
    classes = len(mean)
    if classes < 2:
        return math.nan
    centred = mean - mean.mean(axis=0)
    gram = centred @ centred.T
    size = float(np.linalg.norm(gram))
    if not size > 0:
        return math.nan
    frame = (np.eye(classes) - 1.0 / classes) / math.sqrt(classes - 1)
    return float(np.linalg.norm(gram / size - frame))


def classifier_alignment(weights: ArrayLike, means: ArrayLike) -> float:
    """Return NC3, ‖W/‖W‖ - M/‖M‖‖ (Frobenius), in [0, 2]: 0 where the head is its class means.

    Papyan, Han & Donoho (2020), eq. 10, M the centred class means.

    Parameters
    ----------
    weights, means
        Both (K, d): the last layer's rows, and the class means, in one order.
    """
    head = np.asarray(weights, dtype=np.float64)
    mean = np.asarray(means, dtype=np.float64)
    centred = mean - mean.mean(axis=0)
    sizes = np.linalg.norm(head), np.linalg.norm(centred)
    if not min(sizes) > 0:
        return math.nan
    return float(np.linalg.norm(head / sizes[0] - centred / sizes[1]))


def classifier_agreement(predicted: ArrayLike, rows: ArrayLike, means: ArrayLike) -> float:
    """Return NC4, the share of rows whose predicted class is that of the nearest mean, in [0, 1].

    Parameters
    ----------
    predicted
        (n,) classes as places in ``means``.
    rows, means
        (n, d) and (K, d).
    """
    values, mean = np.asarray(rows, dtype=np.float64), np.asarray(means, dtype=np.float64)
    if not len(values):
        return math.nan
    gaps = np.square(mean).sum(axis=1) - 2.0 * values @ mean.T
    return float((gaps.argmin(axis=1) == np.asarray(predicted)).mean())


def lidar(within: ArrayLike, means: ArrayLike, delta: float = 1e-4) -> float:
    """Return LiDAR, the effective rank of the discriminant between clean samples, in [1, K - 1].

    Thilak et al. (2024), https://arxiv.org/abs/2312.04000, eq. 5-7: exp of the entropy of the
    eigenvalues of Σ_w^-½ Σ_b Σ_w^-½, Σ_b the covariance of the samples' means over their views and
    Σ_w that within the views plus δI. Where all means are one there is nothing to rank: the value
    is 1, the lowest, and not the highest, as entropy over nothing but its floor would have it.
    δ is taken relative to the mean eigenvalue of Σ_w + Σ_b, so that the scale of the rows does not
    matter. Read it against its value for permuted labels: noise alone reads far above 1.

    Parameters
    ----------
    within
        Σ_w (d, d), the pooled covariance within the views of each sample.
    means
        (K, d), one mean per clean sample, K at least 2.
    delta
        The paper's δ, for Σ_w.
    """
    mean = np.asarray(means, dtype=np.float64)
    if len(mean) < 2:
        return math.nan
    centred = (mean - mean.mean(axis=0)) / math.sqrt(len(mean) - 1)
    spread = np.asarray(within, dtype=np.float64)
    size = (float(np.trace(spread)) + float(np.square(centred).sum())) / mean.shape[1]
    floor = np.finfo(np.float64).eps * float(np.square(mean).sum()) / len(mean)
    if not float(np.square(centred).sum()) > floor:
        return 1.0
    root = np.linalg.cholesky(spread + delta * size * np.eye(len(spread)))
    shares = np.square(np.linalg.svd(np.linalg.solve(root, centred.T), compute_uv=False))
    shares = shares[shares > 0] / shares.sum()
    return math.exp(-float((shares * np.log(shares)).sum()))


def _classes(
    counts: ArrayLike, means: ArrayLike, squares: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return counts, means and squares of the classes that have rows, as float64."""
    number = np.asarray(counts, dtype=np.float64)
    filled = number > 0
    mean, spread = np.asarray(means, dtype=np.float64), np.asarray(squares, dtype=np.float64)
    return number[filled], mean[filled], spread[filled]
