"""How much of the vectors, and of their directions, all rows have in common."""

from __future__ import annotations

import math

from collapse_doctor.metrics.moments import ColumnMoments, as_array

__all__ = ["direction_dispersion", "mean_cosine", "relative_dispersion"]


def mean_cosine(directions: ColumnMoments) -> float:
    """Return the mean cosine over all pairs of different rows, in [-1/(n-1), 1].

    With S the sum of squared distances of the n unit rows z̃ to their mean, the mean over pairs
    is exactly 1 - S/(n-1): no pair is formed. Near 1 this keeps the digits that
    (‖Σz̃‖² - n)/(n(n-1)) loses. The measure is the anisotropy of Ethayarajh (2019),
    https://arxiv.org/abs/1909.00512, without its sampling of pairs.

    NaN below two rows of non-zero length.
    """
    if directions.count < 2:
        return math.nan
    return 1.0 - float(as_array(directions.squares).sum()) / (directions.count - 1)


def direction_dispersion(directions: ColumnMoments) -> float:
    """Return sqrt(1 - ‖mean unit row‖²), in [0, 1]; 0 when all rows point one way.

    The root mean square distance of the unit rows to their mean; its square is one minus the
    squared mean resultant length of directional statistics (Mardia & Jupp 2000).

    NaN below two rows of non-zero length.
    """
    if directions.count < 2:
        return math.nan
    return math.sqrt(min(float(as_array(directions.squares).sum()) / directions.count, 1.0))


def relative_dispersion(vectors: ColumnMoments, *, varies: bool) -> float:
    """Return ‖Zc‖/‖Z‖ (Frobenius), in [0, 1]: the spread as a share of the length of the rows.

    The gate for every centred spectral measure: those are blind to scale, and read rounding noise
    about one point as a rich embedding.

    Parameters
    ----------
    vectors
        Moments of the coordinates; below two rows, or where the squares leave the range of
        float64, the result is NaN.
    varies
        Whether any coordinate varies by more than rounding. If none does the result is 0, for
        rows of length zero, too.
    """
    if vectors.count < 2:
        return math.nan
    if not varies:
        return 0.0
    spread = float(as_array(vectors.squares).sum())
    total = spread + vectors.count * float((as_array(vectors.mean) ** 2).sum())
    return math.sqrt(spread / total) if 0.0 < total < math.inf else math.nan
