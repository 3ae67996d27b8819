"""One pass over a large block of float32 rows, in pieces that stay in the processor's cache.

The arithmetic is that of the other accumulators, in float64; what differs is that the block is
walked once, and not once for every statistic. Of a million rows, memory is what costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from collapse_doctor.accumulators.distinct import row_hashes
from collapse_doctor.accumulators.moments import RunningMoments
from collapse_doctor.accumulators.scaling import are_ordinary
from collapse_doctor.accumulators.scatter import Scatter

__all__ = ["LEAST_ROWS", "Walked", "walk"]

LEAST_ROWS = 1024
"""Rows below which a block is small enough to be walked again and again."""

_PIECE = 1 << 18
"""Numbers of a piece: 2 MiB as float64, as much as a core's second cache holds."""

_MOST_HANDS = 8
"""Threads that walk a block: more would wait for each other at Python's lock."""

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Walked:
    """The statistics of one block of ordinary rows: finite, not zero, in units of 1.

    ``lengths`` (n,) float64 and ``hashes`` (n,) int64 are of each row.
    """

    lengths: Tensor
    hashes: Tensor
    vectors: RunningMoments
    directions: RunningMoments
    scatter: Scatter


def walk(rows: Tensor) -> Walked | None:
    """Return the statistics of a block (n, d), or None if it is not what this is for.

    That is float32 on the CPU, at least LEAST_ROWS rows and more than columns, and ordinary (see
    :func:`.scaling.are_ordinary`).
    """
    count, width = rows.shape
    if rows.dtype is not torch.float32 or rows.device.type != "cpu":
        return None
    if count < max(LEAST_ROWS, width):
        return None
    return _Walk(rows.detach().numpy(), max(_PIECE // width, 16)).result()


class _Walk:
    """One block, walked by as many threads as torch works with; each has every so many pieces.

    All sums are of deviations from the mean of the first piece, so that what the threads found
    is added as it is.
    """

    def __init__(self, rows: NDArray[np.float32], step: int) -> None:
        self._rows, self._step = rows, step
        self._lengths = np.empty(len(rows))
        self._hashes = np.empty(len(rows), np.int64)
        self._deviations = np.empty(rows.shape)

    def result(self) -> Walked | None:
        """Return the statistics about the true means; None where a row is not ordinary."""
        first = self._rows[: self._step].astype(np.float64)
        if not _ordinary(lengths := _lengths_of(first)):
            return None
        centres = _mean(first), _mean(first / lengths[:, None])
        starts = range(0, len(self._rows), self._step)
        hands = min(torch.get_num_threads(), _MOST_HANDS, len(starts))
        if hands == 1:
            found = [self._take(starts, *centres)]
        else:
            with ThreadPoolExecutor(hands) as pool:
                shares = [starts[hand::hands] for hand in range(hands)]
                found = list(pool.map(lambda share: self._take(share, *centres), shares))
        sums = [share for share in found if share is not None]
        return self._walked(reduce(_Sums.plus, sums), *centres) if len(sums) == hands else None

    def _take(self, starts: Sequence[int], centre: _Array, unit_centre: _Array) -> _Sums | None:
        """Walk the pieces that begin there; None as soon as one is not ordinary."""
        sums = _Sums.none(len(centre))
        for start in starts:
            part = slice(start, start + self._step)
            piece = self._rows[part]
            values = piece.astype(np.float64)
            lengths = _lengths_of(values)
            if not _ordinary(lengths):
                return None
            self._lengths[part] = lengths
            self._hashes[part] = row_hashes(torch.from_numpy(piece)).numpy()
            np.subtract(values, centre, out=self._deviations[part])
            values /= lengths[:, None]
            sums.add(piece, values, unit_centre)
        return sums

    def _walked(self, sums: _Sums, centre: _Array, unit_centre: _Array) -> Walked:
        deviations, count = torch.from_numpy(self._deviations), len(self._rows)
        matrix = deviations.T @ deviations
        drift = deviations.mean(dim=0)
        mean = torch.from_numpy(centre) + drift
        scatter = Scatter(count, mean, matrix.addr_(drift, drift, alpha=-count))
        unit_drift = sums.unit_sum / count
        unit_squares = np.maximum(sums.unit_squares - count * unit_drift * unit_drift, 0.0)
        squares = matrix.diagonal().clamp_min(0.0).clone()
        unit_mean = torch.from_numpy(unit_centre + unit_drift)
        return Walked(
            torch.from_numpy(self._lengths),
            torch.from_numpy(self._hashes),
            RunningMoments(count, mean, squares, *_tensors(sums.low, sums.high)),
            RunningMoments(
                count, unit_mean, *_tensors(unit_squares, sums.unit_low, sums.unit_high)
            ),
            scatter,
        )


@dataclass
class _Sums:
    """What one thread found: extremes of the rows and unit rows (d,), and the latter's moments."""

    low: _Array
    high: _Array
    unit_low: _Array
    unit_high: _Array
    unit_sum: _Array
    unit_squares: _Array

    @classmethod
    def none(cls, width: int) -> _Sums:
        """Return what is known before any row."""
        low, high = np.full(width, np.inf), np.full(width, -np.inf)
        return cls(low, high, low.copy(), high.copy(), np.zeros(width), np.zeros(width))

    def add(self, piece: NDArray[np.float32], units: _Array, centre: _Array) -> None:
        """Take in a piece and its unit rows, which are overwritten."""
        np.minimum(self.low, piece.min(axis=0), out=self.low)
        np.maximum(self.high, piece.max(axis=0), out=self.high)
        np.minimum(self.unit_low, units.min(axis=0), out=self.unit_low)
        np.maximum(self.unit_high, units.max(axis=0), out=self.unit_high)
        units -= centre
        self.unit_sum += units.sum(axis=0)
        self.unit_squares += np.einsum("ij,ij->j", units, units)

    def plus(self, other: _Sums) -> _Sums:
        """Return what both found together."""
        return _Sums(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            np.minimum(self.unit_low, other.unit_low),
            np.maximum(self.unit_high, other.unit_high),
            self.unit_sum + other.unit_sum,
            self.unit_squares + other.unit_squares,
        )


def _lengths_of(values: _Array) -> _Array:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", values, values)))


def _ordinary(lengths: _Array) -> bool:
    return are_ordinary(float(lengths.min()), float(lengths.max()))  # NaN is not


def _mean(values: _Array) -> _Array:
    """Return the mean of the rows: exactly their value where they are equal."""
    return np.asarray(values[0] + (values - values[0]).mean(axis=0))


def _tensors(*arrays: _Array) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]
