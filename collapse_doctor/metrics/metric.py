"""What is known about one metric, as data: the report, the docs and the tests read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collapse_doctor.metrics.moments import Moments

__all__ = ["Invariance", "Metric"]

Invariance = Literal["scale", "translation", "rotation", "permutation"]
"""Multiplying all rows by one number > 0, adding one vector to all rows, an orthogonal change of
the coordinate axes, another order of the rows."""


@dataclass(frozen=True)
class Metric:
    """One measure of a set of rows (n, d), with what it takes to read its value.

    Attributes
    ----------
    name, title
        The key in tables and files; the words on a chart.
    definition
        One sentence with the formula. Z are the rows, Zc the rows minus their mean, λ the
        eigenvalues of ZcᵀZc, largest first.
    unit
        What a value counts: "directions", "length", "share" or "" for a pure number.
    range
        Lowest and highest possible value; ``inf`` where the highest depends on n, d or the scale.
    at_isotropic
        In words, the value on healthy data: independent rows, equal variance everywhere.
    at_collapse
        The value when all rows are one and the same non-zero vector; None where it depends on
        that vector or on the number of rows.
    better
        Which way is healthier; "neither" where both ends are a fault, or none.
    invariances
        Changes of the data that leave the value as it is, all of them.
    small_n
        What few rows do to the value.
    source
        Paper and equation, or the mathematics.
    compute
        From the moments to the value; NaN where it is undefined, never an exception.
    null
        From (n, d) to the value on healthy Gaussian data of that shape; None if there is none.
    """

    name: str
    title: str
    definition: str
    unit: str
    range: tuple[float, float]
    at_isotropic: str
    at_collapse: float | None
    better: Literal["higher", "lower", "neither"]
    invariances: frozenset[Invariance]
    small_n: str
    source: str
    compute: Callable[[Moments], float]
    null: Callable[[int, int], float] | None = None
