"""The measures of one batch, fast enough to be taken at many steps of a training.

A summary that will be merged has to keep everything; of a batch that is measured once and
forgotten only that is worked out which the wanted metrics read. Of a few hundred rows it is the
number of operations that costs, not their size: NumPy, whose calls cost least, does the small
ones, and torch the Gram matrix and its eigenvalues, because it keeps to the number of threads the
training was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from collapse_doctor.accumulators.distinct import count_distinct
from collapse_doctor.accumulators.intake import check_rows, resolution
from collapse_doctor.accumulators.scaling import are_ordinary
from collapse_doctor.accumulators.statistics import MAX_SCATTER_WIDTH
from collapse_doctor.metrics.coordinates import varying_coordinates
from collapse_doctor.metrics.moments import Moments
from collapse_doctor.metrics.table import measure
from collapse_doctor.summary import EmbeddingSummary

__all__ = ["BatchMoments", "measure_batch", "moments_of"]

_Array = NDArray[np.float64]

_BLOCK = 64
"""Rows of a Gram matrix that are multiplied at once."""


def measure_batch(rows: Tensor, names: Iterable[str] | None = None) -> dict[str, float]:
    """Return the value of each metric (default: all) on the rows (n, d) of one batch.

    The numbers are those of an :class:`EmbeddingSummary` of the same rows, up to rounding.

    Parameters
    ----------
    rows
        Rows of any real dtype. They are measured on the CPU, wherever they are.
    names
        Names of metrics; what the others would need is not worked out.

    Raises
    ------
    InputError
        If the rows are not a dense real matrix.
    UsageError
        If there is no metric of a name.
    """
    return measure(moments_of(rows), names)


@torch.no_grad()
def moments_of(rows: Tensor) -> Moments:
    """Return what metrics may ask of the rows (n, d) of one batch, of any real dtype.

    Rows that need care (some not finite, or of length zero, or out of the range of float32; or
    too many and too wide for one eigenproblem) are left to an :class:`EmbeddingSummary`.
    """
    check_rows(rows, None)
    here = rows.detach().cpu()
    if 0 < min(here.shape) <= MAX_SCATTER_WIDTH:
        values = here.to(torch.float64).numpy()
        lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
        if are_ordinary(float(lengths.min()), float(lengths.max())):
            return BatchMoments(values, lengths, resolution(rows.dtype))
    return EmbeddingSummary.of(here)


class _Columns:
    """Moments of the columns of a float64 block (n, k); those that are seldom read, when asked."""

    def __init__(self, rows: _Array) -> None:
        self.count = len(rows)
        self._rows = rows
        # the first row before the mean, for the reason given in accumulators.moments.centre
        self.deviations = rows - rows[0]
        drift = np.add.reduce(self.deviations, axis=0) / self.count
        self.deviations -= drift
        self.mean: _Array = rows[0] + drift

    @cached_property
    def squares(self) -> _Array:
        """Sums of squared deviations."""
        squares: _Array = np.einsum("ij,ij->j", self.deviations, self.deviations)
        return squares

    @cached_property
    def minimum(self) -> _Array:
        """Smallest values."""
        lowest: _Array = self._rows.min(axis=0)
        return lowest

    @cached_property
    def maximum(self) -> _Array:
        """Largest values."""
        highest: _Array = self._rows.max(axis=0)
        return highest


class _Distinct(NamedTuple):
    distinct: int
    examined: int


class BatchMoments:
    """Moments of the rows of one batch, all of them finite and none of length zero.

    Satisfies :class:`collapse_doctor.metrics.moments.Moments`, where its properties are described.

    Parameters
    ----------
    rows
        The float64 rows (n, d), n and d at least 1. They are not copied: no property may be read
        for the first time after they were overwritten.
    lengths
        Their lengths (n,), for which :func:`are_ordinary` holds.
    resolution
        Machine epsilon of the dtype the rows came in.
    """

    unit = 1.0
    zero_rows = 0

    def __init__(self, rows: _Array, lengths: _Array, resolution: float) -> None:
        self._rows, self._lengths = rows, lengths
        self.resolution = resolution
        self.count, self.width = rows.shape
        self.rows_seen = self.spectrum_rows = self.count

    @cached_property
    def vectors(self) -> _Columns:
        """Moments of the d coordinates."""
        return _Columns(self._rows)

    @cached_property
    def directions(self) -> _Columns:
        """Moments of the rows over their length."""
        return _Columns(self._rows / self._lengths[:, None])

    @cached_property
    def lengths(self) -> _Columns:
        """Moments of the lengths, one column."""
        return _Columns(self._lengths[:, None])

    @cached_property
    def distinct(self) -> _Distinct:
        """Counts of different rows."""
        return _Distinct(count_distinct(torch.from_numpy(self._rows)), self.count)

    @cached_property
    def varies(self) -> bool:
        """Whether any coordinate varies by more than the rounding of the dtype."""
        held = self.vectors
        return bool(varying_coordinates(held.minimum, held.maximum, self.resolution).any())

    def eigenvalues(self) -> _Array:
        """Return the min(n - 1, d) eigenvalues of the centred covariance."""
        return self._centred

    def raw_eigenvalues(self) -> _Array:
        """Return the min(n, d) eigenvalues of the uncentred second moment."""
        return self._raw

    def sample_rows(self) -> NDArray[np.float32]:
        """Return all rows, as a summary keeps them."""
        return self._rows.astype(np.float32)

    @cached_property
    def _centred(self) -> _Array:
        keep = min(self.count - 1, self.width)
        if not self.varies:
            return np.zeros(keep)
        return _descending(self._gram, keep, max(self.count - 1, 1))

    @cached_property
    def _raw(self) -> _Array:
        mean = torch.from_numpy(self.vectors.mean)
        if self.count > self.width:  # ZᵀZ = ZcᵀZc + n m mᵀ
            matrix = torch.addr(self._gram, mean, mean, alpha=self.count)
        else:  # ZZᵀ = ZcZcᵀ + Zc m 1ᵀ + 1 (Zc m)ᵀ + mᵀm
            along = torch.mv(torch.from_numpy(self.vectors.deviations), mean)
            along += torch.dot(mean, mean) / 2
            matrix = self._gram + along[:, None] + along
        return _descending(matrix, min(self.count, self.width), self.count)

    @cached_property
    def _gram(self) -> Tensor:
        """The smaller of the two Gram matrices of the centred rows."""
        centred = torch.from_numpy(self.vectors.deviations)
        return _lower_gram(centred if self.count <= self.width else centred.T)


def _lower_gram(rows: Tensor) -> Tensor:
    """Return ``rows @ rows.T`` (n, n) in and below the blocks on the diagonal.

    What lies above them is zero. A third of the time of a whole product is saved from 256 rows on.
    """
    if len(rows) <= _BLOCK:
        return rows @ rows.T
    gram = rows.new_zeros(len(rows), len(rows))
    for start in range(0, len(rows), _BLOCK):
        stop = start + _BLOCK
        torch.mm(rows[start:stop], rows[:stop].T, out=gram[start:stop, :stop])
    return gram


def _descending(lower: Tensor, keep: int, degrees: int) -> _Array:
    """Return the largest eigenvalues ≥ 0, over ``degrees``; only the lower triangle is read."""
    found: _Array = torch.linalg.eigvalsh(lower, UPLO="L").numpy()[::-1][:keep]
    values: _Array = np.maximum(found, 0.0) / degrees
    return values
