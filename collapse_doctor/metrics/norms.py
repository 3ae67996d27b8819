"""Lengths of the embedding vectors, and shares of rows."""

from __future__ import annotations

import math

from collapse_doctor.metrics.moments import ColumnMoments, as_array

__all__ = ["norm_max", "norm_mean", "norm_min", "norm_std", "share"]


def norm_mean(lengths: ColumnMoments) -> float:
    """Return the mean length ‖z‖ of the rows; NaN without rows."""
    return float(as_array(lengths.mean)[0]) if lengths.count else math.nan


def norm_std(lengths: ColumnMoments) -> float:
    """Return the standard deviation of ‖z‖, divisor n - 1; NaN below two rows."""
    if lengths.count < 2:
        return math.nan
    return math.sqrt(float(as_array(lengths.squares)[0]) / (lengths.count - 1))


def norm_min(lengths: ColumnMoments) -> float:
    """Return the smallest length; NaN without rows."""
    return float(as_array(lengths.minimum)[0]) if lengths.count else math.nan


def norm_max(lengths: ColumnMoments) -> float:
    """Return the largest length; NaN without rows."""
    return float(as_array(lengths.maximum)[0]) if lengths.count else math.nan


def share(part: int, whole: int) -> float:
    """Return ``part / whole`` in [0, 1]; NaN where the whole is 0."""
    return part / whole if whole else math.nan
