"""Single coordinates: which of them vary at all, and which carry the mean."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from collapse_doctor.metrics.moments import Vector, as_array

__all__ = [
    "dead_share",
    "mean_top_share",
    "rogue_count",
    "variance_term",
    "varying_coordinates",
]


def varying_coordinates(minimum: Vector, maximum: Vector, resolution: float) -> NDArray[np.bool_]:
    """Say which coordinates vary by more than rounding.

    A coordinate does not vary if its range is at most ``resolution`` times its largest
    magnitude: it then takes one value of the dtype, two neighbours or, beside a power of two,
    three, which is as far as two roundings of one number can lie apart. The bound depends on
    neither the number of rows nor the other coordinates. Noise that arithmetic, rather than
    storage, has left is larger; to judge it is up to the rules.

    Parameters
    ----------
    minimum, maximum
        Extremes of each coordinate (d,).
    resolution
        Machine epsilon of the dtype the rows came in (the spacing of its values at 1).
    """
    low, high = as_array(minimum), as_array(maximum)
    magnitude = np.maximum(np.abs(low), np.abs(high))
    return np.asarray(high - low > resolution * magnitude)


def dead_share(minimum: Vector, maximum: Vector, resolution: float) -> float:
    """Return the share of coordinates that do not vary (see :func:`varying_coordinates`)."""
    return 1.0 - float(varying_coordinates(minimum, maximum, resolution).mean())


def rogue_count(width: int) -> int:
    """Return how many coordinates :func:`mean_top_share` looks at: 1 % of them, 1 to 3.

    One to three such coordinates dominate the mean in the language models examined by Timkey &
    van Schijndel (2021), https://arxiv.org/abs/2109.04404.
    """
    return min(max(1, width // 100), 3)


def mean_top_share(mean: Vector) -> float:
    """Return the share of ‖mean‖² that lies in its few largest coordinates.

    Near 1: a few rogue coordinates have a large offset; near ``rogue_count(d) / d``: the whole
    cloud has moved, a common cone. NaN for a mean of exactly zero.
    """
    energy = np.sort(np.square(as_array(mean)))[::-1]
    total = float(energy.sum())
    return float(energy[: rogue_count(len(energy))].sum()) / total if total > 0 else math.nan


def variance_term(squares: Vector, count: int, unit: float = 1.0) -> float:
    """Return VICReg's variance term, the mean over coordinates of max(0, 1 - √(var + 1e-4)).

    Bardes, Ponce & LeCun (2022), https://arxiv.org/abs/2105.04906, eq. 1-2, γ = 1, ε = 1e-4. In
    [0, 0.99]: 0.99 where no coordinate varies, which the authors' weight of 25 makes 24.75.

    Parameters
    ----------
    squares
        Sum of squared deviations of each coordinate (d,).
    count
        Rows, n; NaN below two.
    unit
        What 1 stands for in them, squared.
    """
    if count < 2:
        return math.nan
    deviation = np.hypot(np.sqrt(as_array(squares) / (count - 1)) * unit, 1e-2)
    return float(np.maximum(0.0, 1.0 - deviation).mean())
