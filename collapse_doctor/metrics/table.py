"""Every metric there is. A new one: its function, one entry here, its test."""

from __future__ import annotations

import math
from collections.abc import Iterable

from collapse_doctor.errors import UsageError
from collapse_doctor.metrics.coordinate_entries import COORDINATE_METRICS
from collapse_doctor.metrics.metric import Metric
from collapse_doctor.metrics.moments import Moments
from collapse_doctor.metrics.row_entries import ROW_METRICS
from collapse_doctor.metrics.sample_entries import SAMPLE_METRICS
from collapse_doctor.metrics.spectrum_entries import SPECTRUM_METRICS

__all__ = ["METRICS", "find", "measure", "null_values"]

METRICS: tuple[Metric, ...] = ROW_METRICS + SPECTRUM_METRICS + COORDINATE_METRICS + SAMPLE_METRICS

_BY_NAME = {metric.name: metric for metric in METRICS}


def find(name: str) -> Metric:
    """Return the metric of that name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in _BY_NAME:
        known = ", ".join(_BY_NAME)
        raise UsageError("the name of a metric", repr(name), remedy=f"use one of: {known}")
    return _BY_NAME[name]


def measure(summary: Moments, names: Iterable[str] | None = None) -> dict[str, float]:
    """Return the value of each metric (default: all) on the rows of a summary.

    A value that is undefined, or that left the range of float64, is NaN.
    """
    chosen = METRICS if names is None else tuple(find(name) for name in names)
    values = {metric.name: float(metric.compute(summary)) for metric in chosen}
    return {name: value if math.isfinite(value) else math.nan for name, value in values.items()}


def null_values(names: Iterable[str], n: int, d: int) -> dict[str, float]:
    """Return what the named metrics read on healthy Gaussian data of n rows and d columns.

    Names without a null, in general or at this size, are left out. For the spectral metrics of a
    summary pass its ``spectrum_rows`` as n: very wide data are measured on a sample.
    """
    found: dict[str, float] = {}
    for metric in map(find, names):
        value = metric.null(n, d) if metric.null is not None else math.nan
        if math.isfinite(value):
            found[metric.name] = value
    return found
