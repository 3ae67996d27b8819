"""One pass over a large block of float32 rows, in pieces that stay in the processor's cache.

The arithmetic is that of the other accumulators, in float64; what differs is that the block is
walked once, and not once for every statistic. Of a million rows, memory is what costs.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    walked = _Walk(rows.detach().numpy(), max(_PIECE // width, 16))
    return walked.result() if walked.is_ordinary else None


class _Walk:
    """Sums over the pieces, of deviations from the mean of the first piece."""

    def __init__(self, rows: NDArray[np.float32], step: int) -> None:
        self._count, width = rows.shape
        self._lengths = np.empty(self._count)
        self._hashes = torch.empty(self._count, dtype=torch.int64)
        self._deviations = np.empty(rows.shape)
        self._low, self._high = np.full(width, np.inf), np.full(width, -np.inf)
        self._unit_low, self._unit_high = np.full(width, np.inf), np.full(width, -np.inf)
        self._unit_sum, self._unit_squares = np.zeros(width), np.zeros(width)
        self.is_ordinary = True
        for start in range(0, self._count, step):
            if not self._take(rows[start : start + step], start):
                self.is_ordinary = False
                return

    def _take(self, piece: NDArray[np.float32], start: int) -> bool:
        stop = start + len(piece)
        values = piece.astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
        if not are_ordinary(float(lengths.min()), float(lengths.max())):  # NaN is not
            return False
        self._lengths[start:stop] = lengths
        self._hashes[start:stop] = row_hashes(torch.from_numpy(piece))
        np.minimum(self._low, piece.min(axis=0), out=self._low)
        np.maximum(self._high, piece.max(axis=0), out=self._high)
        if start == 0:
            self._centre, self._unit_centre = _mean(values), _mean(values / lengths[:, None])
        np.subtract(values, self._centre, out=self._deviations[start:stop])
        values /= lengths[:, None]
        np.minimum(self._unit_low, values.min(axis=0), out=self._unit_low)
        np.maximum(self._unit_high, values.max(axis=0), out=self._unit_high)
        values -= self._unit_centre
        self._unit_sum += values.sum(axis=0)
        self._unit_squares += np.einsum("ij,ij->j", values, values)
        return True

    def result(self) -> Walked:
        """Return the statistics about the true means."""
        deviations = torch.from_numpy(self._deviations)
        matrix = deviations.T @ deviations
        drift = deviations.mean(dim=0)
        scatter = Scatter(
            self._count,
            torch.from_numpy(self._centre) + drift,
            matrix.addr_(drift, drift, alpha=-self._count),
        )
        return Walked(
            torch.from_numpy(self._lengths),
            self._hashes,
            self._moments(scatter.mean, matrix.diagonal().clamp_min(0.0), self._low, self._high),
            self._unit_moments(),
            scatter,
        )

    def _unit_moments(self) -> RunningMoments:
        drift = self._unit_sum / self._count
        squares = np.maximum(self._unit_squares - self._count * drift * drift, 0.0)
        mean = torch.from_numpy(self._unit_centre + drift)
        return self._moments(mean, torch.from_numpy(squares), self._unit_low, self._unit_high)

    def _moments(self, mean: Tensor, squares: Tensor, low: _Array, high: _Array) -> RunningMoments:
        extremes = torch.from_numpy(low), torch.from_numpy(high)
        return RunningMoments(self._count, mean, squares.clone(), *extremes)


def _mean(values: _Array) -> _Array:
    """Return the mean of the rows: exactly their value where they are equal."""
    return np.asarray(values[0] + (values - values[0]).mean(axis=0))
