"""Two embeddings of the same rows, or of two kinds of rows, held against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Cones",
    "alignment",
    "linear_cka",
    "modality_gap",
    "modality_gap_null",
    "two_cones",
]


def alignment(rows: ArrayLike, partners: ArrayLike, power: float = 2.0) -> float:
    """Return the mean of ‖x - y‖^α over paired unit rows, in [0, 2^α].

    Wang & Isola (2020), https://arxiv.org/abs/2005.10242, eq. 1, α = 2. Independent directions
    read 2 on average for α = 2; full collapse reads 0, as perfect agreement does: it tells nothing
    without uniformity. Pairs with a row of length zero are left out; NaN if none is left.

    Parameters
    ----------
    rows, partners
        Both (n, d); row i belongs to row i.
    """
    one, other = (np.asarray(part, dtype=np.float64) for part in (rows, partners))
    lengths = np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1)
    used = (lengths[0] > 0) & (lengths[1] > 0)
    if not used.any():
        return math.nan
    gap = one[used] / lengths[0][used, None] - other[used] / lengths[1][used, None]
    return float((np.linalg.norm(gap, axis=1) ** power).mean())


def linear_cka(rows: ArrayLike, others: ArrayLike) -> float:
    """Return the linear centred kernel alignment of two embeddings of the same rows, in [0, 1].

    Kornblith et al. (2019), https://arxiv.org/abs/1905.00414, eq. 4:
    ‖YᵀX‖²/(‖XᵀX‖ ‖YᵀY‖), X and Y centred. 1 where one is a rotation and uniform scaling of the
    other. Biased upwards where n is not far above both widths (n independent rows of widths p and
    q read about √(pq)/(√(pq) + n)). NaN where one does not vary.

    Parameters
    ----------
    rows, others
        (n, p) and (n, q).
    """
    x, y = _centred(rows), _centred(others)
    if len(x) > max(x.shape[1], y.shape[1]):
        cross, own, other = x.T @ y, x.T @ x, y.T @ y
        top, sizes = float(np.square(cross).sum()), (own, other)
    else:  # the products between rows are the smaller matrices
        sizes = (x @ x.T, y @ y.T)
        top = float((sizes[0] * sizes[1]).sum())
    size = float(np.linalg.norm(sizes[0])) * float(np.linalg.norm(sizes[1]))
    return top / size if size > 0 else math.nan


def modality_gap(rows: ArrayLike, others: ArrayLike) -> float:
    """Return ‖mean of x/‖x‖ - mean of y/‖y‖‖, in [0, 2]: how far apart two towers' cones are.

    Liang et al. (2022), https://arxiv.org/abs/2203.02053, section 3. Hold it against
    :func:`modality_gap_null`: means of few rows differ by chance.

    Parameters
    ----------
    rows, others
        (n, d) and (m, d); rows of length zero are left out.
    """
    return float(np.linalg.norm(_mean_direction(rows) - _mean_direction(others)))


def modality_gap_null(rows: ArrayLike, others: ArrayLike) -> float:
    """Return the root mean square gap between means of n and m rows of one common cone.

    Each mean errs by its own scatter: √(s_x/n + s_y/m), with s the mean squared distance of the
    unit rows to their mean.
    """
    total = 0.0
    for part in (rows, others):
        unit = _unit(part)
        total += (
            float(np.square(unit - unit.mean(axis=0)).sum()) / max(len(unit) - 1, 1) / len(unit)
        )
    return math.sqrt(total)


@dataclass(frozen=True)
class Cones:
    """How the directions of two towers lie to each other.

    ``gap`` and ``null`` are those of :func:`modality_gap` and :func:`modality_gap_null`,
    ``interval`` where the gap would lie in 95 of 100 draws of as many rows. ``offset`` in [0, 1] is
    the share of the gap in the mean squared distance between rows of different towers, less what
    chance puts there. ``told_apart`` in [0, 1] is the share of rows that lie nearer to the mean
    direction of their own tower, each judged by means of the other half of the rows; one common
    cone reads 0.5.
    """

    gap: float
    null: float
    interval: tuple[float, float]
    offset: float
    told_apart: float


def two_cones(rows: ArrayLike, others: ArrayLike) -> Cones | None:
    """Return how far apart two towers' cones are, None below four rows of non-zero length.

    ‖x - y‖² of rows from different towers is gap² + s_x + s_y on average, s the mean squared
    distance of the unit rows to their mean.

    Parameters
    ----------
    rows, others
        (n, d) and (m, d); rows of length zero are left out.
    """
    one, other = _unit(rows), _unit(others)
    if min(len(one), len(other)) < 4:
        return None
    axis = one.mean(axis=0) - other.mean(axis=0)
    gap, null = float(np.linalg.norm(axis)), modality_gap_null(one, other)
    spread = sum(
        float(np.square(part - part.mean(axis=0)).sum(axis=1).mean()) for part in (one, other)
    )
    errors = [float((part @ axis).var()) / len(part) for part in (one, other)]
    half = 1.96 * math.sqrt(sum(errors)) / gap if gap > 0 else null
    beyond = max(gap**2 - null**2, 0.0)
    return Cones(
        gap=gap,
        null=null,
        interval=(max(gap - half, 0.0), min(gap + half, 2.0)),
        offset=beyond / (beyond + spread) if beyond + spread > 0 else 0.0,
        told_apart=_told_apart(one, other),
    )


def _told_apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the share of rows nearer to their own tower's mean, means of the other half."""
    right = []
    for fold in (0, 1):
        near, far = one[1 - fold :: 2].mean(axis=0), other[1 - fold :: 2].mean(axis=0)
        axis, middle = near - far, float(near @ near - far @ far) / 2.0
        right += [one[fold::2] @ axis > middle, other[fold::2] @ axis < middle]
    return float(np.concatenate(right).mean())


def _centred(rows: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(rows, dtype=np.float64)
    return np.asarray(values - values.mean(axis=0))


def _unit(rows: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(rows, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1)
    return np.asarray(values[lengths > 0] / lengths[lengths > 0][:, None])


def _mean_direction(rows: ArrayLike) -> NDArray[np.float64]:
    unit = _unit(rows)
    return np.asarray(unit.mean(axis=0)) if len(unit) else np.full(np.shape(rows)[1], math.nan)
