"""How fast the spectrum decays: the exponent of a power law, and how well it fits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from collapse_doctor.metrics.moments import Vector, as_array

__all__ = ["FEWEST", "PowerLaw", "power_law"]

FEWEST = 8
"""Eigenvalues a line must rest on: fewer fit anything."""


ROUNDING = 1e-12
"""Share of the largest eigenvalue below which one is rounding: a spread of 1e-6 of the largest is
what float32 leaves. A fit that reached beyond the rank would read how steep that step is."""


@dataclass(frozen=True)
class PowerLaw:
    """λᵢ ∝ i^-``exponent`` for i from ``first`` to ``last`` (1-based, inclusive).

    ``r_squared`` is the weighted share of the variance of ln λ that the line explains.
    """

    exponent: float
    r_squared: float
    first: int
    last: int


def power_law(eigenvalues: Vector, first: int = 11, last: int = 100) -> PowerLaw | None:
    """Fit ln λᵢ to a line in ln i with weights 1/i; None where too few eigenvalues are left.

    α-ReQ: Agrawal et al. (2022), "α-ReQ: Assessing representation quality in self-supervised
    learning by measuring eigenspectrum decay", after Stringer et al. (2019),
    https://doi.org/10.1038/s41586-019-1346-5, who leave out the first ten eigenvalues. The upper
    end moves down to half of what is not rounding: the smaller half of a sample's eigenvalues lies
    below that of its population. In short spectra the lower end does, to a tenth of the upper.

    Parameters
    ----------
    eigenvalues
        Of the centred covariance, largest first.
    first, last
        The range of the fit, 1-based and inclusive; the paper's is 11 to 100.
    """
    values = as_array(eigenvalues)
    values = values[values > ROUNDING * values.max(initial=0.0)]
    last = min(last, len(values) // 2)
    first = min(first, max(1, last // 10 + 1)) if last < 10 * (first - 1) else first
    chosen = values[first - 1 : last]
    if last - first + 1 < FEWEST:
        return None
    places = np.arange(first, last + 1, dtype=np.float64)
    weights = 1.0 / places / (1.0 / places).sum()
    x, y = np.log(places), np.log(chosen)
    x, y = x - weights @ x, y - weights @ y
    slope = float((weights * x) @ y) / float((weights * x) @ x)
    spread = float((weights * y) @ y)
    fit = slope * slope * float((weights * x) @ x) / spread if spread > 0 else math.nan
    return PowerLaw(-slope, fit, first, last)
