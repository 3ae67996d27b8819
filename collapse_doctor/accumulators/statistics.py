"""All accumulators of one set of rows together: built from a block, merged with another."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from collapse_doctor.accumulators.classes import ClassMoments
from collapse_doctor.accumulators.distinct import DistinctRows, row_hashes
from collapse_doctor.accumulators.histogram import LengthHistogram
from collapse_doctor.accumulators.moments import RunningMoments
from collapse_doctor.accumulators.pieces import Walked, walk
from collapse_doctor.accumulators.reservoir import Reservoir
from collapse_doctor.accumulators.scaling import careful, exponent_of, ordinary, scaled
from collapse_doctor.accumulators.scatter import Scatter

__all__ = ["MAX_SCATTER_WIDTH", "RowStatistics"]

MAX_SCATTER_WIDTH = 2048
"""Widest rows a scatter is kept for: 32 MB, and no eigenproblem is ever larger."""


@dataclass
class RowStatistics:
    """What is kept of rows (n, d). ``seen`` counts all of them, all else only the finite ones.

    The second moments are in ``scatter`` or, while that is None, in the rows of ``sample``: all
    rows as long as there are no more than d of them, and a uniform sample for very wide rows.
    ``fingerprint`` is a sum of hashes of the rows; it stirs the seed of the sample. ``peak`` is the
    largest magnitude; all values of the rows are in units of the power of two that belongs to it
    (see :mod:`collapse_doctor.accumulators.scaling`), but for the ``histogram``.
    """

    seen: int
    zero: int
    fingerprint: int
    peak: float
    vectors: RunningMoments
    directions: RunningMoments
    lengths: RunningMoments
    histogram: LengthHistogram
    distinct: DistinctRows
    classes: ClassMoments
    sample: Reservoir
    scatter: Scatter | None = None

    @classmethod
    def of(cls, rows: Tensor, labels: Sequence[Hashable] | None, sample_size: int) -> Self:
        """Return the statistics of one block of rows (n, d) of any real dtype."""
        walked = walk(rows)
        if walked is not None:
            return cls._of_walked(walked, rows, labels, sample_size)
        # MPS knows no float64
        vectors = (rows.cpu() if rows.device.type == "mps" else rows).to(torch.float64)
        places, parts = np.arange(len(rows)), ordinary(vectors)
        if parts is None:
            finite = torch.isfinite(vectors).all(dim=1)
            places, vectors = np.flatnonzero(finite.cpu().numpy()), vectors[finite]
            labels = labels and [labels[i] for i in places.tolist()]
            parts = careful(vectors)
        hashes = row_hashes(_as_sampled(vectors, rows.dtype)).cpu().numpy()
        distinct = DistinctRows()
        distinct.add(hashes)
        exponent = exponent_of(parts.peak)
        vectors = scaled(vectors, -exponent)
        return cls(
            seen=len(rows),
            zero=len(vectors) - len(parts.reach),
            fingerprint=int(hashes.sum()) % 2**64,
            peak=parts.peak,
            vectors=RunningMoments.of(vectors),
            directions=RunningMoments.of(parts.directions),
            lengths=RunningMoments.of(parts.lengths[:, None]),
            histogram=LengthHistogram.of(scaled(parts.reach, exponent)),
            distinct=distinct,
            classes=ClassMoments.of(vectors, labels or [None] * len(vectors)),
            sample=Reservoir.of(_as_sampled(vectors, rows.dtype), places, labels, sample_size),
        )

    @classmethod
    def _of_walked(
        cls, walked: Walked, rows: Tensor, labels: Sequence[Hashable] | None, sample_size: int
    ) -> Self:
        hashes = walked.hashes.numpy()
        distinct = DistinctRows()
        distinct.add(hashes)
        names = labels or [None] * len(rows)
        return cls(
            seen=len(rows),
            zero=0,
            fingerprint=int(hashes.sum()) % 2**64,
            peak=float(walked.lengths.max()),
            vectors=walked.vectors,
            directions=walked.directions,
            lengths=RunningMoments.of(walked.lengths[:, None]),
            histogram=LengthHistogram.of(walked.lengths),
            distinct=distinct,
            classes=ClassMoments.of(rows.to(torch.float64) if labels else rows[:0], names),
            sample=Reservoir.of(rows, np.arange(len(rows)), labels, sample_size),
            scatter=walked.scatter,
        )

    def merge(self, other: Self, seed: int) -> None:
        """Take in the rows that ``other`` has seen; ``other`` stays as it is."""
        other = copy.deepcopy(other) if other is self else other
        peak = max(self.peak, other.peak)
        self.__dict__.update(self._in_units_of(peak).__dict__, peak=peak)
        other = other._in_units_of(peak)
        self._merge_scatter(other)
        seeds = (seed % 2**64, self.fingerprint, other.fingerprint)
        self.sample.merge(other.sample, seeds, offset=self.seen)
        self.vectors.merge(other.vectors)
        self.directions.merge(other.directions)
        self.lengths.merge(other.lengths)
        self.histogram.merge(other.histogram)
        self.distinct.merge(other.distinct)
        self.classes.merge(other.classes)
        self.fingerprint = (self.fingerprint + other.fingerprint) % 2**64
        self.seen += other.seen
        self.zero += other.zero

    def second_moments(self) -> Scatter | Tensor:
        """Return the scatter, or the float64 rows that stand in for it."""
        return self.scatter if self.scatter is not None else self.sample.rows.to(torch.float64)

    def _in_units_of(self, peak: float) -> Self:
        """Return the same statistics in the units of rows as large as ``peak``, or larger ones."""
        by = exponent_of(self.peak) - exponent_of(peak)
        if by >= 0:  # above 0 only where all rows are zero, in any unit
            return self
        return dataclasses.replace(
            self,
            vectors=self.vectors.scaled(by),
            lengths=self.lengths.scaled(by),
            classes=self.classes.scaled(by),
            sample=self.sample.scaled(by),
            scatter=self.scatter and self.scatter.scaled(by),
        )

    def _merge_scatter(self, other: Self) -> None:
        # rows are the smaller form up to n = d, and the sample holds them all up to its size
        width, count = self.sample.rows.shape[1], self.sample.count + other.sample.count
        whole = self.sample.complete and other.sample.complete
        few = whole and count <= min(width, self.sample.size)
        if few or width > MAX_SCATTER_WIDTH:
            return
        parts = [part._as_scatter() for part in (self, other) if part.sample.count]
        self.scatter = copy.copy(parts[0])
        for part in parts[1:]:
            self.scatter.merge(part)

    def _as_scatter(self) -> Scatter:
        moments = self.second_moments()
        return moments if isinstance(moments, Scatter) else Scatter.of(moments)


def _as_sampled(vectors: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the rows in the smaller of float32 and float64 that holds their dtype exactly."""
    small = dtype.is_floating_point and dtype.itemsize <= 4
    return vectors.to(torch.float32) if small else vectors
