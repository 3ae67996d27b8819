"""How evenly directions are spread over the sphere."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from collapse_doctor.metrics.moments import Vector, as_array

__all__ = ["pair_potentials", "uniform_sphere", "uniformity"]

_BLOCK = 512


def uniformity(rows: Vector, t: float = 2.0) -> float:
    """Return ln of the mean of exp(-t‖x - y‖²) over all pairs of different unit rows, in [-4t, 0].

    Wang & Isola (2020), https://arxiv.org/abs/2005.10242, eq. 2 with t = 2. 0 where all directions
    are one; see :func:`uniform_sphere` for directions spread evenly.

    Parameters
    ----------
    rows
        (n, d); those of length zero are left out. NaN below two.
    t
        Sharpness of the kernel.
    """
    values = as_array(rows)
    lengths = np.linalg.norm(values, axis=1)
    unit = values[lengths > 0] / lengths[lengths > 0][:, None]
    if len(unit) < 2:
        return math.nan
    mean = float(pair_potentials(unit, t).mean())
    return math.log(mean) if mean > 0 else -4.0 * t


def pair_potentials(unit: NDArray[np.float64], t: float = 2.0) -> NDArray[np.float64]:
    """Return the mean of exp(-t‖x - y‖²) over all other rows y, for each unit row x (n, d)."""
    found = np.zeros(len(unit))
    for start in range(0, len(unit), _BLOCK):
        block = unit[start : start + _BLOCK]
        gaps = np.maximum(2.0 - 2.0 * block @ unit.T, 0.0)
        gaps[np.arange(len(block)), start + np.arange(len(block))] = math.inf  # e^-∞: no pair
        found[start : start + _BLOCK] = np.exp(-t * gaps).sum(axis=1)
    return found / (len(unit) - 1)


def uniform_sphere(width: int, t: float = 2.0) -> float:
    """Return the uniformity of directions drawn evenly from the sphere in ``width`` dimensions.

    For independent uniform x and y, E exp(-t‖x - y‖²) = exp(-2t)·₀F₁(; d/2; t²): the moment
    generating function of one coordinate of a uniform direction is ₀F₁(; d/2; κ²/4), κ = 2t.
    """
    term = total = 1.0
    order = 0
    while term > 1e-17 * total:
        term *= t * t / ((order + 1) * (width / 2.0 + order))
        total += term
        order += 1
    return -2.0 * t + math.log(total)
