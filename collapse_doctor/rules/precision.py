"""What a dtype leaves of the differences between rows: arithmetic of the spacing of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collapse_doctor.measurements import LayerState
from collapse_doctor.rules.geometry import EPS

__all__ = ["FEW_STEPS", "HALVES", "ONE_STEP", "Grain", "grain_of", "rounding_share"]

LEAST = {
    "float64": 2.0**-1074,
    "float32": 2.0**-149,
    "float16": 2.0**-24,
    "bfloat16": 2.0**-133,
    "float8_e4m3fn": 2.0**-9,
    "float8_e5m2": 2.0**-16,
}
"""The smallest number of a dtype above 0: its numbers come no closer (IEEE 754; OCP FP8)."""

SPACING = EPS | {"float8_e4m3fn": 2.0**-3, "float8_e5m2": 2.0**-2}
"""Distance of 1 to the next number."""

HALVES = ("bfloat16", "float16")

ONE_STEP = 1 / 12
"""Share of rounding in a variance where rows spread by one spacing; two neighbours give half."""
FEW_STEPS = 1 / 192
"""The same at four spacings."""

_SOME = 64
"""Numbers from which it counts that all of them are numbers of a coarser dtype, and no less."""


@dataclass(frozen=True)
class Grain:
    """The dtype whose numbers rows are: that they have, or a coarser one that they once had."""

    dtype: str
    had: bool = False


def grain_of(layer: LayerState, rows: np.ndarray) -> Grain:
    """Return the coarsest dtype that holds all numbers of some finite rows exactly.

    Rows computed in half precision keep its numbers when they are cast for storage. Whole numbers
    are no rounded ones, whatever they are.
    """
    own = layer.dtype.removeprefix("torch.")
    values = rows[rows != np.rint(rows)].astype(np.float32)
    if own in HALVES or own not in ("float32", "float64") or values.size < _SOME:
        return Grain(own if own in SPACING else "float32")
    if not (values.view(np.uint32) & 0xFFFF).any():
        return Grain("bfloat16", had=True)
    with np.errstate(over="ignore"):
        short = values.astype(np.float16).astype(np.float32)
    return Grain("float16", had=True) if (short == values).all() else Grain(own)


def rounding_share(rows: np.ndarray, dtype: str) -> float:
    """Return how much of the variance of rows (n, d) is rounding to a dtype, in [0, 1].

    A number rounded to a grid of spacing u gets an error of variance u² / 12; where a coordinate
    varies by less than that, all of it counts. 1 / 12 is a standard deviation of one spacing,
    1 / 192 one of four. NaN where nothing varies.
    """
    variance = rows.var(axis=0)
    _, exponents = np.frexp(np.abs(rows))
    spacing = np.maximum(np.ldexp(SPACING[dtype], exponents - 1), LEAST[dtype])
    noise = np.minimum(np.square(spacing).mean(axis=0) / 12, variance)
    total = float(variance.sum())
    return float(noise.sum()) / total if total > 0 else float("nan")
