"""Entries of the table of metrics: what needs rows, and so rests on a sample of a large file."""

from __future__ import annotations

import math

import numpy as np

from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.metric import Invariance, Metric
from collapse_doctor.metrics.moments import Moments, as_array
from collapse_doctor.metrics.neighbours import hubness, local_dimension, neighbourhood, two_nn
from collapse_doctor.metrics.uniformity import uniform_sphere, uniformity

__all__ = ["SAMPLE_METRICS"]

_TURNED_OR_SCALED: frozenset[Invariance] = frozenset({"scale", "rotation", "permutation"})
_ALL: frozenset[Invariance] = _TURNED_OR_SCALED | {"translation"}

NEIGHBOURS = 20
"""For the intrinsic dimension, as Levina & Bickel's later users have it."""
HUB_NEIGHBOURS = 10


def _hubness(rows: Moments) -> float:
    values = as_array(rows.sample_rows())
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit = values[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    return hubness(neighbourhood(unit, HUB_NEIGHBOURS), HUB_NEIGHBOURS)


SAMPLE_METRICS: tuple[Metric, ...] = (
    Metric(
        name="uniformity",
        title="Uniformity",
        definition="ln of the mean of exp(-2‖x - y‖²) over pairs of unit rows: how evenly the "
        "directions cover the sphere.",
        unit="",
        range=(-8.0, 0.0),
        at_isotropic="-4 + ln ₀F₁(; d/2; 4): -3.75 for d = 32, -3.99 for d = 768",
        at_collapse=0.0,
        better="lower",
        invariances=_TURNED_OR_SCALED,
        small_n="Nearly unbiased; NaN below two rows of non-zero length.",
        source="Wang & Isola 2020, arXiv 2005.10242, eq. 2 (t = 2)",
        compute=lambda rows: uniformity(rows.sample_rows()),
        null=lambda n, d: uniform_sphere(d) if n >= 2 else math.nan,
    ),
    Metric(
        name="two_nn",
        title="Intrinsic dimension (TwoNN)",
        definition="Slope of -ln(1 - F) against ln(r₂/r₁), the ratio of the distances to the two "
        "nearest distinct rows, without the largest tenth.",
        unit="directions",
        range=(0.0, math.inf),
        at_isotropic="d while that is small; 32 of 50 and 155 of 768 for 2000 rows",
        at_collapse=0.0,
        better="neither",
        invariances=_ALL,
        small_n="Falls ever further below wide truths; NaN below ten distinct rows.",
        source="Facco et al. 2017, doi 10.1038/s41598-017-11873-y",
        compute=lambda rows: two_nn(neighbourhood(rows.sample_rows(), 2)),
    ),
    Metric(
        name="local_dimension",
        title="Intrinsic dimension (likelihood)",
        definition="Inverse of the mean of ln(T_k/T_j) over the nearer of k = 20 nearest distinct "
        "rows and over all rows.",
        unit="directions",
        range=(0.0, math.inf),
        at_isotropic="d while that is small; 28 of 50 and 127 of 768 for 2000 rows",
        at_collapse=0.0,
        better="neither",
        invariances=_ALL,
        small_n="Falls ever further below wide truths.",
        source="Levina & Bickel 2004, eq. 8; MacKay & Ghahramani 2005",
        compute=lambda rows: local_dimension(neighbourhood(rows.sample_rows(), NEIGHBOURS)),
    ),
    Metric(
        name="hubness",
        title="Hubness",
        definition="Skewness of how often a row is among the 10 nearest directions of others.",
        unit="",
        range=(-math.inf, math.inf),
        at_isotropic="that of a binomial count, 1/√10 = 0.316",
        at_collapse=None,
        better="lower",
        invariances=_TURNED_OR_SCALED,
        small_n="NaN below twelve distinct directions.",
        source="Radovanović, Nanopoulos & Ivanović 2010, eq. 1",
        compute=_hubness,
        null=lambda n, _d: nulls.hubness(n, HUB_NEIGHBOURS),
    ),
)
