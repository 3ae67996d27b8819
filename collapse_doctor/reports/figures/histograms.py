"""Two histograms: how long the vectors are, and how alike their directions are."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from collapse_doctor.measurements import Sample
from collapse_doctor.reports.figures.chart import OTHER, SERIES, Chart, Key, draw
from collapse_doctor.reports.text import number, percent

__all__ = ["cosines", "norms"]

PAIRS = 20_000
BINS = 48
Floats = NDArray[np.float64]


def norms(name: str, layer: str, sample: Sample) -> Chart:
    """Draw the lengths of the sampled rows, on an axis that begins at 0."""
    title = f"Vector lengths of {layer}"
    rows, when = _last(sample)
    lengths = np.linalg.norm(rows, axis=1)
    if not len(lengths) or not lengths.max() > 0 or not math.isfinite(lengths.max()):
        return Chart(name, title, "Not drawn. There is no row of finite, positive length.")
    caption = _range(lengths)
    zeros = int((lengths == 0).sum())
    if zeros:
        caption += f" {zeros:,} of {len(lengths):,} are zero: their direction is undefined."

    caption = _sentence(when, caption)

    def paint(axes: Axes) -> None:
        heights, edges = np.histogram(lengths, BINS, range=(0.0, 1.05 * float(lengths.max())))
        _bars(axes, heights / len(lengths), edges, SERIES[0])
        axes.set_xlim(0.0, 1.08 * float(lengths.max()))
        axes.set_xlabel("length of the vector")
        axes.set_ylabel("share of rows")

    svg = draw(name, f"{title}. {caption}", paint)
    return Chart(name, title, caption, svg, ("quantile", "length"), _quantiles(lengths))


def cosines(name: str, layer: str, sample: Sample, *, seed: int = 0) -> Chart:
    """Draw the cosine of random pairs of rows, with the band in which random directions lie.

    Two independent directions in d dimensions have cosine 0 with standard deviation 1/√d (the
    cosine is a coordinate of a uniform point of the sphere).
    """
    title = f"Cosine similarity of random pairs, {layer}"
    rows, when = _last(sample)
    values = _pair_cosines(rows, np.random.default_rng(seed))
    if not len(values):
        return Chart(name, title, "Not drawn. Fewer than two rows have a direction.")
    wide = 1 / math.sqrt(rows.shape[1])
    inside = float((np.abs(values) <= 2 * wide).mean())
    caption = (
        f"the mean cosine of {len(values):,} random pairs is {number(float(values.mean()))}; "
        f"{percent(inside)} lie where 95 % of random directions would (±{number(2 * wide)})."
    )

    caption = _sentence(when, caption)

    def paint(axes: Axes) -> None:
        heights, edges = np.histogram(values, BINS, range=(-1.0, 1.0))
        axes.axvspan(-min(1.0, 2 * wide), min(1.0, 2 * wide), color=OTHER, alpha=0.22, lw=0)
        _bars(axes, heights / len(values), edges, SERIES[0])
        axes.axvline(float(values.mean()), color=SERIES[1], lw=1.3, linestyle=":")
        axes.set_xlim(-1.02, 1.02)
        axes.set_xlabel("cosine of two rows")
        axes.set_ylabel("share of pairs")

    legend = (
        Key("■", SERIES[0], "this layer"),
        Key("■", OTHER, "95 % of random directions"),
        Key("┅┅", SERIES[1], "mean"),
    )
    svg = draw(name, f"{title}. {caption}", paint)
    return Chart(name, title, caption, svg, ("quantile", "cosine"), _quantiles(values), legend)


def _last(sample: Sample) -> tuple[Floats, str]:
    """Finite rows of the last step, in float64: early rows would blur what training came to."""
    values = np.asarray(sample.rows, dtype=np.float64)
    steps = np.unique(sample.steps)
    now = sample.steps == steps.max(initial=0)
    when = f"at step {steps[-1]:,}, " if len(steps) > 1 else ""
    return values[now & np.isfinite(values).all(axis=1)], when


def _range(lengths: Floats) -> str:
    """Say between what lengths nearly all vectors lie, or that they are all as long."""
    low, middle, high = (number(float(q)) for q in np.quantile(lengths, [0.01, 0.5, 0.99]))
    if low == high:
        return f"98 % of the vectors are {middle} long, to the digits shown."
    return f"half of the vectors are longer than {middle}; 98 % lie between {low} and {high}."


def _sentence(when: str, text: str) -> str:
    """Put the time first and a capital before it all."""
    return (when + text)[0].upper() + (when + text)[1:]


def _pair_cosines(rows: Floats, generator: np.random.Generator) -> Floats:
    """Cosines of all pairs if there are few, else of uniformly drawn ones; zero rows have none."""
    largest = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
    rows = rows[largest[:, 0] > 0] / largest[largest[:, 0] > 0]  # no overflow in the squares
    n = len(rows)
    if n < 2:
        return np.empty(0)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    if n * (n - 1) // 2 <= PAIRS:
        left, right = np.triu_indices(n, k=1)
    else:
        left = generator.integers(0, n, PAIRS)
        right = (left + generator.integers(1, n, PAIRS)) % n
    blocks = range(0, len(left), 2048)
    products = [(units[left[b : b + 2048]] * units[right[b : b + 2048]]).sum(1) for b in blocks]
    found: Floats = np.concatenate(products).clip(-1.0, 1.0)
    return found


def _bars(axes: Axes, heights: Floats, edges: Floats, colour: str) -> None:
    """Bars without gaps; nothing is drawn where nothing was counted."""
    full = heights > 0
    width = edges[1] - edges[0]
    axes.bar(edges[:-1][full], heights[full], width=0.92 * width, align="edge", color=colour)


def _quantiles(values: Floats) -> tuple[tuple[str, str], ...]:
    """Return the five numbers and the mean, as text."""
    names = ("smallest", "25 %", "50 %", "75 %", "largest")
    numbers = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    rows = [(name, number(float(value))) for name, value in zip(names, numbers, strict=True)]
    return (*rows, ("mean", number(float(values.mean()))))
