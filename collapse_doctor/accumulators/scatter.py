"""Second moments between columns, and their eigenvalues, from the smaller of two Gram matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from collapse_doctor.accumulators.moments import centre
from collapse_doctor.accumulators.scaling import scaled

__all__ = [
    "Scatter",
    "centred_axes",
    "centred_spectrum",
    "raw_spectrum",
]


@dataclass
class Scatter:
    """Centred scatter ``Zcᵀ Zc`` (d, d) of ``count`` rows about their ``mean`` (d,), float64."""

    count: int
    mean: Tensor
    matrix: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """Return the scatter of a float64 block (n, d) with at least one row."""
        mean, deviations = centre(rows)
        return cls(len(rows), mean, deviations.T @ deviations)

    def merge(self, other: Self) -> None:
        """Take in the rows that ``other`` has seen (Chan, Golub & LeVeque 1983)."""
        total = self.count + other.count
        step = other.mean.to(self.mean.device) - self.mean
        weight = self.count * (other.count / total)
        matrix = self.matrix + other.matrix.to(self.matrix.device)
        self.matrix = matrix.addr_(step, step, alpha=weight)
        self.mean = self.mean + step * (other.count / total)
        self.count = total

    def scaled(self, exponent: int) -> Self:
        """Return the scatter of the rows times 2^exponent."""
        mean, matrix = scaled(self.mean, exponent), scaled(self.matrix, 2 * exponent)
        return type(self)(self.count, mean, matrix)


def centred_spectrum(held: Scatter | Tensor) -> Tensor:
    """Return the eigenvalues of the centred covariance, largest first.

    Parameters
    ----------
    held
        A scatter, or the float64 rows themselves (n, d).

    Returns
    -------
    Tensor
        ``min(n - 1, d)`` values ≥ 0, float64: the others are zero by construction. NaN where the
        squares overflow float64.
    """
    if isinstance(held, Scatter):
        count, matrix = held.count, held.matrix
    else:
        count, matrix = len(held), _smaller_gram(centre(held)[1]) if len(held) else held
    keep = max(min(count - 1, _width(held)), 0)
    return _descending(matrix, keep) / max(count - 1, 1)


def raw_spectrum(held: Scatter | Tensor) -> Tensor:
    """Return the ``min(n, d)`` eigenvalues of the uncentred ``ZᵀZ / n``, largest first.

    Their square roots are the singular values of ``Z`` up to a factor.
    """
    if isinstance(held, Scatter):
        count = held.count
        matrix = torch.addr(held.matrix, held.mean, held.mean, alpha=count)
    else:
        count, matrix = len(held), _smaller_gram(held)
    return _descending(matrix, min(count, _width(held))) / max(count, 1)


def centred_axes(held: Scatter | Tensor, axes: int) -> Tensor:
    """Return the first principal axes as orthonormal rows (``axes`` at most min(n - 1, d), d).

    The sign is fixed so that the largest coordinate of each axis is positive. Where there is no
    variance left the axes are arbitrary, though orthonormal.
    """
    if isinstance(held, Scatter):
        basis = torch.linalg.eigh(held.matrix).eigenvectors.flip(1)
        count = held.count
    else:
        deviations, count = centre(held)[1], len(held)
        basis = torch.linalg.eigh(_smaller_gram(deviations)).eigenvectors.flip(1)
        if count <= deviations.shape[1]:
            # n×n Gram: its eigenvectors weigh rows; QR turns the weighted sums into unit axes and
            # fills in where a sum is zero, which dividing by its length could not
            basis = torch.linalg.qr(deviations.T @ basis[:, :axes]).Q
    found = basis[:, : min(axes, count - 1, _width(held))].T
    peak = found.gather(1, found.abs().argmax(dim=1, keepdim=True))
    return torch.where(peak < 0, -found, found)


def _width(held: Scatter | Tensor) -> int:
    return len(held.mean) if isinstance(held, Scatter) else held.shape[1]


def _smaller_gram(rows: Tensor) -> Tensor:
    return rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows


def _descending(matrix: Tensor, keep: int) -> Tensor:
    if keep == 0:
        return matrix.new_zeros(0)
    if not bool(torch.isfinite(matrix).all()):  # LAPACK may hang or raise on these
        return matrix.new_full((keep,), torch.nan)
    ascending: Tensor = torch.linalg.eigvalsh(matrix)
    return ascending.flip(0)[:keep].clamp_min(0.0)
