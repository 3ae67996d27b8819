"""The spectrum: how the variance is shared among directions, beside isotropic data of that size."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from collapse_doctor.measurements import LayerState
from collapse_doctor.reports.figures.chart import OTHER, SERIES, Chart, Key, draw, log_axis
from collapse_doctor.reports.text import number, percent

__all__ = ["marchenko_pastur", "spectrum"]

FLOOR = 1e-16  # relative to the largest; float64 cannot tell less from zero
Floats = NDArray[np.float64]


def spectrum(name: str, layer: str, state: LayerState) -> Chart:
    """Draw the eigenvalues of the centred covariance as shares of the whole variance.

    Parameters
    ----------
    name
        The chart's name on its page.
    layer
        How the layer is called in the title.
    state
        Its eigenvalues, row count, width and effective rank.
    """
    title = f"Spectrum of {layer}"
    values = np.asarray(state.eigenvalues, dtype=np.float64)
    total = float(values[np.isfinite(values)].sum())
    if len(values) < 2 or not total > 0 or not np.isfinite(values).all():
        return Chart(name, title, "Not drawn. The rows have no variance that could be shared out.")
    shares = values / total
    seen = shares[shares > FLOOR * shares[0]]
    healthy = marchenko_pastur(state.count - 1, state.width)[: len(shares)]
    rank = state.values.get("effective_rank", math.nan)
    caption = _caption(shares, len(seen), rank, state)

    def paint(axes: Axes) -> None:
        axes.plot(np.arange(1, len(healthy) + 1), healthy, color=OTHER, linestyle="--", lw=1.3)
        dots = "o" if len(seen) < 40 else ""
        axes.plot(np.arange(1, len(seen) + 1), seen, color=SERIES[0], marker=dots, ms=4, lw=1.8)
        if math.isfinite(rank):
            axes.axvline(rank, color=SERIES[1], lw=1.3, linestyle=":")
        log_axis(axes, "y")
        axes.set_xlabel("direction, by variance")
        axes.set_ylabel("share of the variance")

    legend = [
        Key("━━", SERIES[0], "this layer"),
        Key("╍╍", OTHER, f"isotropic data, {state.count:,} × {state.width:,}"),
    ]
    if math.isfinite(rank):
        legend.append(Key("┅┅", SERIES[1], f"effective rank {number(rank)}"))
    svg = draw(name, f"{title}. {caption}", paint)
    rows = _rows(shares, healthy)
    columns = ("directions", "share, summed", "isotropic, summed")
    return Chart(name, title, caption, svg, columns, rows, tuple(legend))


def marchenko_pastur(n: int, d: int) -> Floats:
    """Return the expected spectrum of isotropic data, as shares that sum to 1, largest first.

    Quantiles of the Marchenko-Pastur law (Marchenko & Pastur 1967) at ``n`` degrees of freedom
    (rows minus one) and width ``d``: the limit for large n and d, within some per cent for small.

    Returns
    -------
    (min(n, d),) float64
    """
    k = min(n, d)
    ratio = min(n, d) / max(n, d)
    middle, half = 1 + ratio, 2 * math.sqrt(ratio)
    # x = middle - half * cos(angle) takes the infinite slopes at both edges out of the density.
    angle = np.linspace(0.0, math.pi, 4097)
    x = middle - half * np.cos(angle)
    density = np.divide(np.sin(angle) ** 2, x, out=np.zeros_like(x), where=x > 1e-12)
    if ratio == 1.0:
        density[0] = density[1]  # the limit at x → 0
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    at = (np.arange(k) + 0.5) / k
    quantiles = np.interp(at, mass / mass[-1], x)[::-1]
    shares: Floats = quantiles / quantiles.sum()
    return shares


def _caption(shares: Floats, seen: int, rank: float, state: LayerState) -> str:
    """State how many directions do the work, of how many."""
    most = int(np.searchsorted(np.cumsum(shares), 0.99) + 1)
    text = f"{most:,} of {len(shares):,} directions hold{'s' * (most == 1)} 99 % of the variance."
    null = state.nulls.get("effective_rank", math.nan)
    if math.isfinite(rank) and math.isfinite(null):
        # Beside the count of directions it looks too large, unless the two are told apart.
        text += (
            f" The effective rank is {number(rank)} (isotropic data: {number(null)}); it weighs "
            "directions by their singular values, the roots of the variances, so weak ones count "
            "for more."
        )
    lost = len(shares) - seen
    holding = "direction holds" if lost == 1 else "directions hold"
    return text + (f" {lost:,} {holding} nothing at all." if lost else "")


def _rows(shares: Floats, healthy: Floats) -> tuple[tuple[str, ...], ...]:
    """Sum the shares up at 1, 2, 5, 10, 20 … directions."""
    marks = [m * 10**e for e in range(6) for m in (1, 2, 5)]
    marks = [*(m for m in marks if m < len(shares)), len(shares)]
    ours, theirs = np.cumsum(shares), np.cumsum(healthy)
    last = len(theirs) - 1
    return tuple(
        (f"first {m:,}", percent(ours[m - 1]), percent(theirs[min(m - 1, last)])) for m in marks
    )
