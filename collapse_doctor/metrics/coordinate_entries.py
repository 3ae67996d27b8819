"""Entries of the table of metrics: what single coordinates do."""

from __future__ import annotations

import math

from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.coordinates import (
    dead_share,
    mean_top_share,
    rogue_count,
    variance_term,
)
from collapse_doctor.metrics.metric import Metric
from collapse_doctor.metrics.moments import Moments

__all__ = ["COORDINATE_METRICS"]


def _dead_share(rows: Moments) -> float:
    if rows.count < 2:
        return math.nan
    return dead_share(rows.vectors.minimum, rows.vectors.maximum, rows.resolution)


def _mean_top_share(rows: Moments) -> float:
    return mean_top_share(rows.vectors.mean) if rows.count else math.nan


def _variance_term(rows: Moments) -> float:
    return variance_term(rows.vectors.squares, rows.count, rows.unit)


COORDINATE_METRICS: tuple[Metric, ...] = (
    Metric(
        name="dead_share",
        title="Dead coordinates",
        definition="Share of coordinates whose range over the rows is at most the resolution of "
        "the dtype times their largest magnitude: they never vary.",
        unit="share",
        range=(0.0, 1.0),
        at_isotropic="0",
        at_collapse=1.0,
        better="lower",
        invariances=frozenset({"scale", "translation", "permutation"}),
        small_n="Few rows may miss a coordinate that varies rarely; NaN below two.",
        source="definition; bound: spacing of floating-point numbers",
        compute=_dead_share,
        null=lambda n, _d: 0.0 if n >= 2 else math.nan,
    ),
    Metric(
        name="mean_top_share",
        title="Share of the mean in its top coordinates",
        definition="Share of ‖mean row‖² in its largest 1 % of coordinates (1 to 3): near 1 a "
        "few rogue coordinates are offset, near their number over d the cloud as a whole.",
        unit="share",
        range=(0.0, 1.0),
        at_isotropic="the largest of d squared normal values over their sum",
        at_collapse=None,
        better="neither",
        invariances=frozenset({"scale", "permutation"}),
        small_n="The mean of few rows is noise, and its share reads the null.",
        source="Timkey & van Schijndel 2021, arXiv 2109.04404 (rogue dimensions)",
        compute=_mean_top_share,
        null=lambda n, d: nulls.mean_top_share(d, rogue_count(d)) if n >= 1 else math.nan,
    ),
    Metric(
        name="variance_term",
        title="Variance term (VICReg)",
        definition="Mean over coordinates of max(0, 1 - √(var + 1e-4)): how far they fall short of "
        "a standard deviation of 1.",
        unit="",
        range=(0.0, 1.0),
        at_isotropic="0 for coordinates of variance above 1",
        at_collapse=0.99,
        better="lower",
        invariances=frozenset({"translation", "permutation"}),
        small_n="Reads about 0.28/√n at variance 1: the mean shortfall of an estimate.",
        source="Bardes, Ponce & LeCun 2022, arXiv 2105.04906, eq. 1-2",
        compute=_variance_term,
    ),
)
