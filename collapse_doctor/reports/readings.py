"""What the numbers of a layer mean, each in one plain sentence beside what is to be expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collapse_doctor.measurements import LayerState
from collapse_doctor.reports.text import between, number, percent

__all__ = ["Reading", "readings"]


@dataclass(frozen=True)
class Reading:
    """One row of a layer's table, all as text. ``first`` is empty for a file.

    ``interval`` is where the value would lie for another draw of as many rows, ``group`` the
    heading it stands under, empty for what comes first.
    """

    title: str
    value: str
    null: str
    first: str
    meaning: str
    interval: str = ""
    group: str = ""


@dataclass(frozen=True)
class _Entry:
    """How one metric is shown. ``says(value, null, width)`` returns its sentence."""

    metric: str
    title: str
    says: Callable[[float, float, int], str]
    show: Callable[[float], str] = number
    always: bool = True  # false: only where it is not 0, or not 1, as healthy data has it
    quiet: float = 0.0
    group: str = ""


def _spread(value: float, _null: float, _width: int) -> str:
    return f"the vectors differ from their mean by {percent(value)} of their length"


def _directions(value: float, _null: float, _width: int) -> str:
    return f"the directions differ by {percent(value)}; at 0 every row points the same way"


def _cosine(value: float, _null: float, _width: int) -> str:
    if value > 0.995:
        return "all rows point the same way"
    return "1 is one single direction, 0 is all directions alike"


def _rank(value: float, null: float, width: int) -> str:
    text = f"about {number(value)} of {width:,} dimensions are in use"
    known = math.isfinite(null) and null > 0
    return text + (f", {percent(value / null)} of what isotropic data uses" if known else "")


def _ratio(value: float, null: float, _width: int) -> str:
    known = math.isfinite(null) and null > 0
    return f"{percent(value / null)} of isotropic data's" if known else "directions that matter"


def _top(value: float, _null: float, _width: int) -> str:
    return f"one direction holds {percent(value)} of the variance"


def _even(_value: float, null: float, _width: int) -> str:
    return f"how evenly directions cover the sphere: {number(null)} is evenly, 0 is one direction"


def _iso(value: float, _null: float, _width: int) -> str:
    return f"as if {percent(value)} of the dimensions were used evenly, and the others not at all"


def _exponent(value: float, _null: float, _width: int) -> str:
    if value < 0.3:
        return "the variances are nearly even"
    steep = "slowly" if value < 0.8 else "as in natural data" if value < 1.5 else "steeply"
    return f"the variances fall off {steep}: the i-th as 1/i^{value:.2g}"


def _intrinsic(value: float, _null: float, width: int) -> str:
    return (
        f"nearby rows differ in about {number(value)} directions of {width:,}; reads low above 10"
    )


def _hubs(value: float, _null: float, _width: int) -> str:
    if value < 1.5:
        return "neighbours are shared out evenly"
    many = (
        "a few rows are neighbours of very many"
        if value >= 5
        else "some rows are neighbours more often"
    )
    return f"{many}; 0.3 is even"


def _within(value: float, _null: float, _width: int) -> str:
    return f"{percent(value)} of the variance is within classes; near 0 each class is one point"


def _agreement(_value: float, null: float, _width: int) -> str:
    return f"so often the nearest row is of the same class; chance is {percent(null)}"


def _fixed(text: str) -> Callable[[float, float, int], str]:
    """Return a sentence that does not depend on the value."""
    return lambda _value, _null, _width: text


FINER, BY_CLASS = "More measures", "By class (isotropic: labels dealt out anew)"
"""Headings of the table."""

_ENTRIES = (
    _Entry("relative_dispersion", "Spread of the vectors", _spread),
    _Entry("direction_dispersion", "Spread of the directions", _directions),
    _Entry("mean_cosine", "Mean cosine", _cosine),
    _Entry("effective_rank", "Effective rank", _rank),
    _Entry("participation_ratio", "Participation ratio", _ratio),
    _Entry("top_share", "Largest direction", _top, percent),
    _Entry("norm_mean", "Mean length", _fixed("of the vectors, before any normalisation")),
    _Entry("dead_share", "Coordinates that never vary", _fixed("0 % is healthy"), percent),
    _Entry(
        "distinct_share", "Distinct rows", _fixed("the rest are exact copies"), percent, False, 1.0
    ),
    _Entry("zero_share", "Zero rows", _fixed("they have no direction"), percent, False),
    _Entry(
        "nonfinite_share", "Rows with NaN", _fixed("or infinity; left out above"), percent, False
    ),
    _Entry("uniformity", "Uniformity", _even, group=FINER),
    _Entry("isoscore", "IsoScore", _iso, group=FINER),
    _Entry("spectral_exponent", "Exponent of the spectrum", _exponent, group=FINER),
    _Entry(
        "spectral_fit",
        "Fit of the exponent (R²)",
        _fixed("near 1 the exponent describes the spectrum"),
        group=FINER,
    ),
    _Entry("two_nn", "Intrinsic dimension (TwoNN)", _intrinsic, group=FINER),
    _Entry("local_dimension", "Intrinsic dimension (likelihood)", _intrinsic, group=FINER),
    _Entry("hubness", "Hubness", _hubs, group=FINER),
    _Entry(
        "variance_term",
        "Variance term (VICReg)",
        _fixed("0: every coordinate spreads by 1 or more; 1: none spreads"),
        group=FINER,
    ),
    _Entry(
        "covariance_term",
        "Covariance term (VICReg)",
        _fixed("0: uncorrelated coordinates, and collapse as well"),
        group=FINER,
    ),
    _Entry("within_share", "Variance within classes", _within, percent, group=BY_CLASS),
    _Entry(
        "variability_ratio",
        "Within over between (NC1)",
        _fixed("0: neural collapse; large: classes overlap"),
        group=BY_CLASS,
    ),
    _Entry(
        "variability",
        "Spread over class distance (CDNV)",
        _fixed("0: classes are points; above 0.5 they overlap"),
        group=BY_CLASS,
    ),
    _Entry(
        "equiangularity",
        "Distance from equal angles (NC2)",
        _fixed("0: class means are as far apart as can be, all alike"),
        group=BY_CLASS,
    ),
    _Entry("label_agreement", "Nearest row of the same class", _agreement, percent, group=BY_CLASS),
)


def readings(state: LayerState) -> tuple[Reading, ...]:
    """Return the rows of a layer's table, in the order a reader asks.

    Parameters
    ----------
    state
        The layer at its end; nulls and first values are shown where it has them.
    """
    first: Mapping[str, float] = state.first or {}
    rows = []
    for entry in _ENTRIES:
        if entry.metric not in state.values:
            continue
        value, null = float(state.values[entry.metric]), state.nulls.get(entry.metric, math.nan)
        if not entry.always and value == entry.quiet:
            continue
        meaning = (
            entry.says(value, null, state.width)
            if math.isfinite(value)
            else "cannot be computed for these rows"
        )
        shown_null = entry.show(null) if math.isfinite(null) else ""
        began = entry.show(float(first[entry.metric])) if entry.metric in first else ""
        rows.append(
            Reading(
                title=entry.title,
                value=entry.show(value),
                null=shown_null,
                first=began,
                meaning=meaning,
                interval=between(state.intervals.get(entry.metric), entry.show),
                group=entry.group,
            )
        )
    return tuple(rows)
