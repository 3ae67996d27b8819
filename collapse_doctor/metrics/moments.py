"""What a metric may ask of a summary. No torch is imported here: reports read the table, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ColumnMoments", "DistinctCounts", "Moments", "Vector", "as_array"]

Vector: TypeAlias = "Tensor | ArrayLike"
"""A tensor on any device, or anything numpy takes for an array."""


class ColumnMoments(Protocol):
    """Mean, sum of squared deviations and extremes of each column, over ``count`` rows."""

    @property
    def count(self) -> int:
        """Number of rows."""

    @property
    def mean(self) -> Vector:
        """Mean of each column."""

    @property
    def squares(self) -> Vector:
        """Sum of squared deviations from the mean."""

    @property
    def minimum(self) -> Vector:
        """Smallest value; infinity without rows."""

    @property
    def maximum(self) -> Vector:
        """Largest value; minus infinity without rows."""


class DistinctCounts(Protocol):
    """How many of the rows that were examined differ."""

    @property
    def distinct(self) -> int:
        """Different rows."""

    @property
    def examined(self) -> int:
        """Rows they were counted among."""


class Moments(Protocol):
    """Sufficient statistics of a set of rows (n, d); ``EmbeddingSummary`` is one."""

    @property
    def width(self) -> int:
        """Number of coordinates, d."""

    @property
    def count(self) -> int:
        """Finite rows, n: what all else rests on."""

    @property
    def rows_seen(self) -> int:
        """All rows, whatever was in them."""

    @property
    def zero_rows(self) -> int:
        """Finite rows of length zero."""

    @property
    def varies(self) -> bool:
        """Whether any coordinate varies by more than the rounding of the dtype."""

    @property
    def resolution(self) -> float:
        """Machine epsilon of the dtype the rows came in."""

    @property
    def unit(self) -> float:
        """What 1 in ``vectors``, ``lengths`` and the spectrum (squared there) stands for.

        A power of two: 1.0 for all rows but float64 ones of a size that float32 cannot hold.
        """

    @property
    def vectors(self) -> ColumnMoments:
        """Moments of the d coordinates."""

    @property
    def directions(self) -> ColumnMoments:
        """Moments of the rows over their length, those of length zero left out."""

    @property
    def lengths(self) -> ColumnMoments:
        """Moments of the lengths, one column, those of length zero included."""

    @property
    def distinct(self) -> DistinctCounts:
        """Counts of different rows."""

    @property
    def spectrum_rows(self) -> int:
        """Rows the eigenvalues rest on."""

    def eigenvalues(self) -> Vector:
        """Return the min(n - 1, d) eigenvalues of the centred covariance."""

    def raw_eigenvalues(self) -> Vector:
        """Return the min(n, d) eigenvalues of the uncentred second moment."""

    def sample_rows(self) -> Vector:
        """Return finite rows for what needs rows: all of them, or a uniform sample (k, d)."""


def as_array(values: Vector) -> NDArray[np.float64]:
    """Return ``values`` as a float64 numpy array; tensors are fetched from their device."""
    if not isinstance(values, np.ndarray) and hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)
