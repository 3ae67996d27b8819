"""The one mergeable summary that everything measured on many rows comes from.

Memory is bounded whatever the number of rows: moments and extremes of each coordinate, one d×d
scatter (up to width 2048), per-class means, hashes of distinct rows, and a small uniform sample.
``add`` only copies; the arithmetic is done for many batches at once, when enough rows have come
in or when somebody asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any, Self

import torch
from torch import Tensor

from collapse_doctor.accumulators.classes import ClassMoments
from collapse_doctor.accumulators.distinct import DistinctRows
from collapse_doctor.accumulators.intake import (
    LabelsLike,
    check_rows,
    coarser,
    dtype_named,
    joined,
    label_list,
    resolution,
)
from collapse_doctor.accumulators.moments import RunningMoments
from collapse_doctor.accumulators.reservoir import RowSample
from collapse_doctor.accumulators.scaling import exponent_of
from collapse_doctor.accumulators.scatter import (
    Scatter,
    centred_axes,
    centred_spectrum,
    raw_spectrum,
)
from collapse_doctor.accumulators.statistics import RowStatistics
from collapse_doctor.errors import InputError
from collapse_doctor.metrics.coordinates import varying_coordinates

__all__ = ["EmbeddingSummary", "RowSample"]

_PENDING = 2**18
"""Numbers that may wait before they are worked in; 2 MB as float64 still fit into a cache."""
_BLOCK = 2**22
"""Numbers that are worked in at once: matrix products want long blocks, memory short ones."""


class EmbeddingSummary:
    """Sufficient statistics of any number of embedding rows, in float64, on the rows' device.

    Satisfies :class:`collapse_doctor.metrics.moments.Moments`, where the properties that metrics
    read are described.

    Parameters
    ----------
    width
        Number of coordinates of every row.
    dtype
        Name of the dtype the embeddings were computed in. Spread below its resolution counts as
        none. Rows of a coarser dtype, once added, lower the resolution by themselves.
    sample_size
        Rows kept for what needs rows. The spectrum of rows wider than 2048 rests on them, too.
    seed
        Of the sample. No generator of torch, numpy or Python is touched.

    Notes
    -----
    Rows with a NaN or an infinity are counted and then left out of everything else. Rows of length
    zero are counted, stay among the vectors and are left out of the directions. All that is kept
    of the rows is in units of ``unit``, which is 1 for whatever float32 can hold.
    """

    def __init__(
        self, width: int, *, dtype: str = "float32", sample_size: int = 2048, seed: int = 0
    ) -> None:
        if width < 1:
            wanted = "rows of at least one coordinate"
            raise InputError(wanted, f"width {width}", remedy="check the shape")
        self.width, self.sample_size, self.seed = width, sample_size, seed
        self._dtype = dtype_named(dtype)
        self._pending: list[tuple[Tensor, list[Hashable] | None]] = []
        self._pending_rows = 0
        self._derived: dict[Callable[..., Any], Any] = {}
        none = torch.zeros(0, width, dtype=torch.float32, device="cpu")
        self._settled = RowStatistics.of(none, None, sample_size)

    @classmethod
    def of(
        cls,
        rows: Tensor,
        labels: LabelsLike | None = None,
        *,
        dtype: str | None = None,
        sample_size: int = 2048,
        seed: int = 0,
    ) -> Self:
        """Return the summary of rows (n, d); ``dtype`` defaults to that of the rows."""
        check_rows(rows, None)
        name = dtype or str(rows.dtype)
        summary = cls(rows.shape[1], dtype=name, sample_size=sample_size, seed=seed)
        summary.add(rows, labels)
        return summary

    @torch.no_grad()
    def add(self, rows: Tensor, labels: LabelsLike | None = None) -> None:
        """Take in rows (n, d) of any real dtype, with one label each if there are labels.

        Cheap and, on a GPU, without waiting for it, until a quarter of a million numbers wait. The
        rows are copied: they may be overwritten afterwards.

        Raises
        ------
        InputError
            If the rows are not 2-D or of another width, or the labels do not fit them.
        """
        check_rows(rows, self.width)
        names = None if labels is None else label_list(labels, len(rows))
        self._derived.clear()
        self._dtype = coarser(self._dtype, rows.dtype)
        large = rows.numel() >= _PENDING  # worked in at once, so a copy is not needed
        self._pending.append((rows.detach() if large else rows.detach().clone(), names))
        self._pending_rows += len(rows)
        if self._pending_rows * self.width >= _PENDING:
            self._settle()

    @torch.no_grad()
    def merge(self, other: EmbeddingSummary) -> None:
        """Take in all rows that ``other`` has seen, as if they had come after the own ones.

        ``other`` stays as it is, and may live on another device. Adding and merging are
        associative: the numbers do not depend on how rows were split, up to rounding.
        """
        if other.width != self.width:
            wanted, came = f"a summary of width {self.width}", f"one of width {other.width}"
            raise InputError(wanted, came, remedy="merge summaries of one layer only")
        self._settle().merge(other._settle(), self.seed)
        self._derived.clear()
        self._dtype = coarser(self._dtype, other._dtype)

    @torch.no_grad()
    def _settle(self) -> RowStatistics:
        """Work in the rows that wait, as few blocks as memory allows."""
        waiting, self._pending, self._pending_rows = self._pending, [], 0
        size = max(_BLOCK // self.width, 1)
        for rows, labels in joined(waiting):
            for start in range(0, len(rows), size):
                part = slice(start, start + size)
                names = labels[part] if labels is not None else None
                block = RowStatistics.of(rows[part], names, self.sample_size)
                self._settled.merge(block, self.seed)
        return self._settled

    # What is kept, as far as metrics ask for it (see Moments)

    @property
    def dtype(self) -> str:
        """Name of the coarsest dtype seen, whose resolution bounds what counts as spread."""
        return str(self._dtype).removeprefix("torch.")

    @property
    def resolution(self) -> float:
        """Machine epsilon of ``dtype``; of float64 for integers, which are exact."""
        return resolution(self._dtype)

    @property
    def rows_seen(self) -> int:
        """All rows, whatever was in them."""
        return self._settled.seen + self._pending_rows

    @property
    def count(self) -> int:
        """Finite rows: what all else rests on."""
        return self._settle().vectors.count

    @property
    def nonfinite_rows(self) -> int:
        """Rows with a NaN or an infinity."""
        return self.rows_seen - self.count

    @property
    def zero_rows(self) -> int:
        """Finite rows of length zero."""
        return self._settle().zero

    @property
    def unit(self) -> float:
        """What 1 in the moments and the sample stands for: a power of two, nearly always 1."""
        return math.ldexp(1.0, exponent_of(self._settle().peak))

    @property
    def vectors(self) -> RunningMoments:
        """Moments of the d coordinates of the finite rows."""
        return self._settle().vectors

    @property
    def directions(self) -> RunningMoments:
        """Moments of the d coordinates of the unit rows, those of length zero left out."""
        return self._settle().directions

    @property
    def lengths(self) -> RunningMoments:
        """Moments of the lengths: one column, those of length zero included."""
        return self._settle().lengths

    def length_histogram(self) -> tuple[Tensor, Tensor]:
        """Return counts (k,) and edges (k + 1,) of the non-zero lengths, 16 bins per octave."""
        return self._settle().histogram.occupied()

    @property
    def distinct(self) -> DistinctRows:
        """Counts of equal rows; exact up to 131072 different ones."""
        return self._settle().distinct

    @property
    def classes(self) -> ClassMoments | None:
        """Count, mean and spread of each class; None if there were no labels, or too many."""
        held = self._settle().classes
        return held if held.labels else None

    @property
    def sample(self) -> RowSample:
        """At most ``sample_size`` of the finite rows, chosen uniformly; all while they are few."""
        return self._settle().sample.in_order()

    # What is derived, and kept until the next rows come

    @property
    def spectrum_rows(self) -> int:
        """Rows the eigenvalues rest on: all finite ones, or the sample for very wide rows."""
        held = self._settle()
        return held.scatter.count if held.scatter is not None else len(held.sample.places)

    @property
    def varies(self) -> bool:
        """Whether any coordinate varies by more than the rounding of the dtype."""
        if self.count < 2:
            return False
        held = self.vectors
        return bool(varying_coordinates(held.minimum, held.maximum, self.resolution).any())

    def eigenvalues(self) -> Tensor:
        """Return the min(n - 1, d) eigenvalues of the centred covariance, largest first, float64.

        All zero where no coordinate varies by more than rounding; empty below two rows.
        """
        return self._derive(centred_spectrum, self.varies)

    def raw_eigenvalues(self) -> Tensor:
        """Return the min(n, d) eigenvalues of the uncentred ZᵀZ/n, largest first, float64."""
        return self._derive(raw_spectrum, True)

    def sample_rows(self) -> Tensor:
        """Return the rows of the sample (k, d), float32."""
        return self.sample.rows

    @torch.no_grad()
    def principal_axes(self, k: int = 2) -> Tensor:
        """Return the first principal axes as orthonormal rows, float64.

        At most min(n - 1, d) of them. The largest coordinate of an axis is positive; axes along
        which nothing varies are arbitrary.
        """
        if self.spectrum_rows < 2:
            return self.vectors.mean.new_zeros(0, self.width)
        return centred_axes(self._settle().second_moments(), k)

    def notes(self) -> tuple[str, ...]:
        """Say in whole sentences what was bounded, estimated or left out."""
        said = [self._settle().distinct.note(), self._settle().classes.note()]
        if self.unit != 1.0:
            said.append(
                f"The largest number is {self._settle().peak:.1e}, beyond float32: "
                f"all but the norms is measured and drawn in units of {self.unit:.1e}."
            )
        if self.spectrum_rows < self.count:
            said.append(
                f"The spectrum rests on a uniform sample of {self.spectrum_rows} rows, because "
                f"rows of {self.width} coordinates are too wide for an exact one."
            )
        return tuple(filter(None, said))

    @torch.no_grad()
    def _derive(self, spectrum: Callable[[Scatter | Tensor], Tensor], varies: bool) -> Tensor:
        moments = self._settle().second_moments()
        if spectrum not in self._derived:
            self._derived[spectrum] = spectrum(moments)
        found: Tensor = self._derived[spectrum]
        return found if varies else torch.zeros_like(found)
