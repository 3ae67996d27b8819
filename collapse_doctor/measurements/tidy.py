"""From measured values to the tidy table: one row per model, layer, step and metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from collapse_doctor.measurements.values import METRIC_COLUMNS
from collapse_doctor.metrics.table import METRICS, null_values

__all__ = ["Measured", "nulls", "tidy"]


@dataclass(frozen=True)
class Measured:
    """All values of one layer at one step, on ``rows`` rows (those with NaN among them)."""

    model: str
    layer: str
    step: int
    rows: int
    width: int
    values: Mapping[str, float]

    @property
    def finite_rows(self) -> int:
        """The rows that the values rest on: those with NaN or infinity are left out."""
        return round(self.rows * (1.0 - (self.values.get("nonfinite_share") or 0.0)))


@lru_cache(maxsize=4096)
def nulls(rows: int, width: int) -> Mapping[str, float]:
    """Return what every metric that has a null reads on isotropic rows of this shape."""
    return null_values((metric.name for metric in METRICS), rows, width)


def tidy(measured: Iterable[Measured]) -> pd.DataFrame:
    """Return the table (columns: METRIC_COLUMNS); NaN where a value or a null is undefined."""
    nan = float("nan")
    records = []
    for one in measured:
        null = nulls(one.finite_rows, one.width)
        place, size = (one.model, one.layer, one.step), (one.rows, one.width)
        for metric, value in one.values.items():
            records.append((*place, metric, value, null.get(metric, nan), *size))
    return pd.DataFrame(records, columns=list(METRIC_COLUMNS))
