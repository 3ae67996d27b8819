"""Entries of the table of metrics: lengths and directions of the rows, and rows as such."""

from __future__ import annotations

import math

from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.cosine import direction_dispersion, mean_cosine, relative_dispersion
from collapse_doctor.metrics.metric import Invariance, Metric
from collapse_doctor.metrics.norms import norm_max, norm_mean, norm_min, norm_std, share

__all__ = ["ROW_METRICS"]

_TURNED: frozenset[Invariance] = frozenset({"rotation", "permutation"})
_TURNED_OR_SCALED: frozenset[Invariance] = _TURNED | {"scale"}
_ALL: frozenset[Invariance] = _TURNED_OR_SCALED | {"translation"}
_UNBIASED = "Unbiased at any number of rows; NaN below two."
_NO_BIAS = "A plain share: exact for the rows at hand."


ROW_METRICS: tuple[Metric, ...] = (
    Metric(
        name="norm_mean",
        title="Mean length",
        definition="Mean of the Euclidean lengths ‖z‖ of the rows.",
        unit="length",
        range=(0.0, math.inf),
        at_isotropic="σ·√d for coordinates of standard deviation σ",
        at_collapse=None,
        better="neither",
        invariances=_TURNED,
        small_n="Unbiased.",
        source="definition",
        compute=lambda rows: norm_mean(rows.lengths) * rows.unit,
    ),
    Metric(
        name="norm_std",
        title="Spread of length",
        definition="Standard deviation of the lengths ‖z‖, divisor n - 1.",
        unit="length",
        range=(0.0, math.inf),
        at_isotropic="near σ/√2, whatever the width",
        at_collapse=0.0,
        better="neither",
        invariances=_TURNED,
        small_n="Its square is unbiased; NaN below two rows.",
        source="definition",
        compute=lambda rows: norm_std(rows.lengths) * rows.unit,
    ),
    Metric(
        name="norm_min",
        title="Shortest length",
        definition="Smallest length ‖z‖ of a row.",
        unit="length",
        range=(0.0, math.inf),
        at_isotropic="somewhat below the mean length",
        at_collapse=None,
        better="neither",
        invariances=_TURNED,
        small_n="Falls as rows are added.",
        source="definition",
        compute=lambda rows: norm_min(rows.lengths) * rows.unit,
    ),
    Metric(
        name="norm_max",
        title="Greatest length",
        definition="Largest length ‖z‖ of a row.",
        unit="length",
        range=(0.0, math.inf),
        at_isotropic="somewhat above the mean length",
        at_collapse=None,
        better="neither",
        invariances=_TURNED,
        small_n="Rises as rows are added.",
        source="definition",
        compute=lambda rows: norm_max(rows.lengths) * rows.unit,
    ),
    Metric(
        name="mean_cosine",
        title="Mean cosine",
        definition="Mean cosine over all pairs of different rows: (‖Σz/‖z‖‖² - n)/(n(n-1)).",
        unit="",
        range=(-1.0, 1.0),
        at_isotropic="0, with standard deviation √(2/(n(n-1)d))",
        at_collapse=1.0,
        better="lower",
        invariances=_TURNED_OR_SCALED,
        small_n=_UNBIASED,
        source="Ethayarajh 2019, arXiv 1909.00512 §3.2 (anisotropy), over all pairs",
        compute=lambda rows: mean_cosine(rows.directions),
        null=lambda n, _d: 0.0 if n >= 2 else math.nan,
    ),
    Metric(
        name="relative_dispersion",
        title="Relative dispersion",
        definition="‖Zc‖/‖Z‖: spread about the mean as a share of the length. The gate of all "
        "spectral metrics: near 0 they describe rounding noise.",
        unit="",
        range=(0.0, 1.0),
        at_isotropic="√(1 - 1/n)",
        at_collapse=0.0,
        better="higher",
        invariances=_TURNED_OR_SCALED,
        small_n="Reads √(1 - 1/n) of its limit.",
        source="total variance over total second moment",
        compute=lambda rows: relative_dispersion(rows.vectors, varies=rows.varies),
        null=lambda n, _d: nulls.dispersion(n),
    ),
    Metric(
        name="direction_dispersion",
        title="Dispersion of directions",
        definition="√(1 - ‖mean of z/‖z‖‖²): spread of the directions, blind to length.",
        unit="",
        range=(0.0, 1.0),
        at_isotropic="√(1 - 1/n)",
        at_collapse=0.0,
        better="higher",
        invariances=_TURNED_OR_SCALED,
        small_n="Reads √(1 - 1/n) of its limit.",
        source="Mardia & Jupp 2000, Directional Statistics, mean resultant length",
        compute=lambda rows: direction_dispersion(rows.directions),
        null=lambda n, _d: nulls.dispersion(n),
    ),
    Metric(
        name="zero_share",
        title="Rows of length zero",
        definition="Share of the finite rows whose length is 0: their cosine is undefined.",
        unit="share",
        range=(0.0, 1.0),
        at_isotropic="0",
        at_collapse=0.0,
        better="lower",
        invariances=_TURNED_OR_SCALED,
        small_n=_NO_BIAS,
        source="definition",
        compute=lambda rows: share(rows.zero_rows, rows.count),
        null=lambda _n, _d: 0.0,
    ),
    Metric(
        name="nonfinite_share",
        title="Rows with NaN or infinity",
        definition="Share of all rows that hold a NaN or an infinity; no other metric sees them.",
        unit="share",
        range=(0.0, 1.0),
        at_isotropic="0",
        at_collapse=0.0,
        better="lower",
        invariances=_ALL,
        small_n=_NO_BIAS,
        source="definition",
        compute=lambda rows: share(rows.rows_seen - rows.count, rows.rows_seen),
        null=lambda _n, _d: 0.0,
    ),
    Metric(
        name="distinct_share",
        title="Distinct rows",
        definition="Different rows over rows, equal meaning equal in every coordinate.",
        unit="share",
        range=(0.0, 1.0),
        at_isotropic="1",
        at_collapse=None,
        better="higher",
        invariances=_ALL,
        small_n="Never below 1/n.",
        source="definition; beyond 131072 different rows estimated (Flajolet 1990)",
        compute=lambda rows: share(rows.distinct.distinct, rows.distinct.examined),
        null=lambda _n, _d: 1.0,
    ),
)
