"""Rows that are one: which of them are equal up to rounding, and which come back in twos.

A code book gives equal rows, and what is added to it and taken away again (the straight-through
estimator) leaves rounding on them. So rows count as one where they lie within the rounding of
their dtype, and only there: groups that are merely tight are another matter (`neural_collapse`).
"""

from __future__ import annotations

import numpy as np

from collapse_doctor.measurements import LayerState
from collapse_doctor.rules.geometry import rounding

__all__ = ["capacity", "groups_of", "rows_at", "spread_evenly", "steps_of"]

MEASURED_ROWS = 96
"""Rows of a step whose inputs are known (see the Inspector): evenly spread ones of those kept."""

_ROUNDED = {"float32": 10.0, "float64": 10.0}
"""Units of rounding, relative to the longest row, up to which rows are one. Adding and taking away
leaves one, sums of products a few; coarser dtypes have two, the sum of two rows' own rounding."""

_MOST_ROWS = 2048


def steps_of(layer: LayerState) -> list[int]:
    """Return the steps of which rows were kept, oldest first: first, middle and last, or fewer."""
    return [] if layer.sample is None else sorted(set(layer.sample.steps.tolist()))


def rows_at(layer: LayerState, step: int) -> np.ndarray:
    """Return the rows of a step, (n, d) float64, in their order; all that were kept."""
    if layer.sample is None:
        return np.zeros((0, layer.width))
    rows = layer.sample.rows[layer.sample.steps == step][:_MOST_ROWS]
    return np.asarray(rows, dtype=np.float64)


def spread_evenly(rows: np.ndarray, most: int = MEASURED_ROWS) -> np.ndarray:
    """Return at most ``most`` rows, the same as are measured at each step."""
    return rows[:: -(-len(rows) // max(1, most))] if len(rows) else rows


def groups_of(rows: np.ndarray, layer: LayerState) -> np.ndarray:
    """Return for each row (n,) the place of the first one that it equals up to rounding.

    Rows that are not finite equal none.
    """
    dtype = layer.dtype.removeprefix("torch.")
    eps = max(rounding(layer), 2.0**-23)  # rows are kept in float32
    lengths = np.linalg.norm(rows, axis=1)
    finite = np.isfinite(lengths)
    longest = float(lengths[finite].max(initial=0.0))
    near = _ROUNDED.get(dtype, 2.0) * eps * longest
    places = np.arange(len(rows))
    if not longest:
        return np.where(finite, int(np.argmax(finite)), places) if len(rows) else places
    scaled = np.where(finite[:, None], rows, 0.0) / longest
    squares = np.square(scaled).sum(axis=1)
    apart = squares[:, None] + squares - 2.0 * scaled @ scaled.T
    same = apart <= (near / longest) ** 2 + 1e-14  # what float64 leaves of a difference of squares
    same &= finite[:, None] & finite
    same |= np.eye(len(rows), dtype=bool)
    return np.asarray(same.argmax(axis=1))


def capacity(rows: np.ndarray) -> float | None:
    """Return how many different codes rows (n, d) could be, None where they are no codes.

    Rows of two numbers only are bits: 2^d. If each has one that is the higher, they are d.
    """
    if not rows.size:
        return None
    low, high = float(rows.min()), float(rows.max())
    near = 1e-5 * max(abs(low), abs(high))
    up = rows >= high - near
    if not (up | (rows <= low + near)).all() or low == high:
        return None
    one_hot = rows.shape[1] > 2 and bool((up.sum(axis=1) == 1).all())
    return float(rows.shape[1]) if one_hot else 2.0 ** min(rows.shape[1], 60)
