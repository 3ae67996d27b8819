"""Affine copies: the rows of one operand are those of the other, scaled and shifted.

Two forms are known. Row by row, ``b = c·a + t`` with two numbers of its own for each row, as layer
normalisation makes it; or with one factor and one vector ``t`` for all rows, as subtracting the
mean of a batch does. Everything is computed in float64 from values as they were stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Fit", "fit_affine"]

MIN_WIDTH = 4
"""Of three numbers in a row, a factor and an offset leave a single one to be checked."""
MIN_ROWS = 3
"""Of two rows, one difference is all there is to hold against the other operand's."""
WITHIN_ROUNDING = 4.0
"""Rounding units, at the operands' size, by which a stored copy may miss: half a unit each for two
stored values, the product and the sum, taken twice."""
CLEAR = 1e-4
"""What is left over must also lie this far below what varies, or below two units of the dtype
where that is coarser: a large offset eats up the digits that could show a difference. And an offset
counts that is as clear beside the rows."""


@dataclass(frozen=True)
class Fit:
    """What was found: smallest and largest factor, and the size of the offset beside the rows'."""

    lowest: float
    highest: float
    offset: float
    correlation: float


def fit_affine(left: Tensor, right: Tensor, eps: float) -> Fit | None:
    """Return the factor and offset that make ``right`` of ``left``, or None.

    Parameters
    ----------
    left, right
        Rows (n, d) in float64, of one shape.
    eps
        The distance from 1 to the next number of the coarser stored precision.
    """
    if left.shape[0] == 0 or left.shape[1] < MIN_WIDTH:
        return None
    found = _one_for_each(left, right, eps) or _one_for_all(left, right, eps)
    # Without an offset they are multiples, or would be if none of their rows were zero; with a
    # tiny one the other may be a network that has just begun to leave its copy.
    least = max(CLEAR, WITHIN_ROUNDING * eps)
    return found if found is not None and found.offset > least else None


def _one_for_each(left: Tensor, right: Tensor, eps: float) -> Fit | None:
    """Fit a factor and a number for each row: rows without their mean are multiples."""
    if not _could_be(left[0] - left[0].mean(), right[0] - right[0].mean()):
        return None
    one, other = (rows - rows.mean(1, keepdim=True) for rows in (left, right))
    factor = (one * other).sum(1) / (one * one).sum(1)
    if not _agrees(one, other, factor, (left, right), eps) or _all_alike(one):
        return None
    shift = right.mean(1) - factor * left.mean(1)
    offset = shift.square().mean().sqrt() / _size(right).mean()
    return _found(factor, offset, one, other)


def _one_for_all(left: Tensor, right: Tensor, eps: float) -> Fit | None:
    """Fit one factor and one vector for all rows: columns without their mean are multiples."""
    if left.shape[0] < MIN_ROWS or not _could_be(left[1] - left[0], right[1] - right[0]):
        return None
    one, other = (rows - rows.mean(0) for rows in (left, right))
    factor = ((one * other).sum() / (one * one).sum()).reshape(1)
    if not _agrees(one, other, factor, (left, right), eps):
        return None
    shift = right.mean(0) - factor * left.mean(0)
    return _found(factor, _size(shift[None])[0] / _size(right).mean(), one, other)


def _could_be(one: Tensor, other: Tensor) -> bool:
    """Tell by one pair of vectors whether it is worth while to look at all."""
    cosine = torch.nn.functional.cosine_similarity(one, other, dim=0)
    return bool(cosine.abs() > 0.999)


def _agrees(
    one: Tensor, other: Tensor, factor: Tensor, stored: tuple[Tensor, Tensor], eps: float
) -> bool:
    """Tell whether every row is the factor times its partner, to the rounding of what is stored."""
    left, right = stored
    rest = _size(other - factor[:, None] * one)
    rounding = WITHIN_ROUNDING * eps * (_size(right) + factor.abs() * _size(left))
    varies = max(CLEAR, 2 * eps) * _size(other)
    if factor.shape[0] == 1:  # one factor: single rows may lie at the mean
        varies = varies.square().mean().sqrt()
    # NaN, from rows that do not vary or are not finite, fails.
    return bool(((rest <= rounding) & (rest <= varies) & (varies > 0)).all())


def _all_alike(rows: Tensor) -> bool:
    """Tell whether all rows point one way (or back): then each is an affine copy of each other."""
    if rows.shape[0] == 1:
        return False
    cosine = torch.nn.functional.cosine_similarity(rows, rows.roll(1, 0), dim=1)
    return bool((1 - cosine.abs()).amax() <= 1e-6)


def _size(rows: Tensor) -> Tensor:
    return rows.square().mean(1).sqrt()


def _found(factor: Tensor, offset: Tensor, one: Tensor, other: Tensor) -> Fit:
    dot = (one * other).sum(1).abs()
    lengths = torch.linalg.vector_norm(one, dim=1) * torch.linalg.vector_norm(other, dim=1)
    correlation = (dot / lengths).nan_to_num(1.0).amin()
    lowest, highest = factor.amin(), factor.amax()
    return Fit(float(lowest), float(highest), float(offset), float(correlation))
