"""What the numbers of a layer mean, each in one plain sentence beside what is to be expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collapse_doctor.measurements import LayerState
from collapse_doctor.reports.text import number, percent

__all__ = ["Reading", "readings"]


@dataclass(frozen=True)
class Reading:
    """One row of a layer's table, all as text. ``first`` is empty for a file."""

    title: str
    value: str
    null: str
    first: str
    meaning: str


@dataclass(frozen=True)
class _Entry:
    """How one metric is shown. ``says(value, null, width)`` returns its sentence."""

    metric: str
    title: str
    says: Callable[[float, float, int], str]
    show: Callable[[float], str] = number
    always: bool = True  # false: only where it is not 0, or not 1, as healthy data has it
    quiet: float = 0.0


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


def _fixed(text: str) -> Callable[[float, float, int], str]:
    """Return a sentence that does not depend on the value."""
    return lambda _value, _null, _width: text


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
        rows.append(Reading(entry.title, entry.show(value), shown_null, began, meaning))
    return tuple(rows)
