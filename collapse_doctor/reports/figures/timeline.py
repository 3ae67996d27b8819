"""Curves over training: the loss, and per layer what collapses when it collapses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from collapse_doctor.findings import Finding
from collapse_doctor.measurements import Measurements
from collapse_doctor.reports.figures.chart import (
    DASHES,
    SERIES,
    Chart,
    Key,
    draw,
    log_axis,
)
from collapse_doctor.reports.figures.onsets import mark, onsets_of, shade, spans_of
from collapse_doctor.reports.text import number, percent, plain

__all__ = ["timeline"]

MAX_CURVES = 6
MAX_POINTS = 400
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One measure of one layer; steps ascend, values may be NaN."""

    layer: str
    steps: Floats
    values: Floats


@dataclass(frozen=True)
class Panel:
    """What one chart of the timeline shows."""

    name: str
    metric: str
    title: str
    axis: str
    noun: str
    log: bool = False  # where the values span a factor of ten; else within the limits
    relative: bool = False  # to the null
    limits: tuple[float, float] | None = None


LOSS = Panel("loss", "", "Loss", "loss", "loss")
PANELS = (
    Panel("cosine", "mean_cosine", "Mean cosine", "cosine", "mean cosine", limits=(-0.1, 1.05)),
    Panel(
        "spread",
        "relative_dispersion",
        "Spread of the vectors",
        "spread / length",
        "spread",
        log=True,
        limits=(0.0, 1.05),
    ),
    Panel(
        "rank",
        "effective_rank",
        "Effective rank, as a share of isotropic data's",
        "share of isotropic",
        "effective rank",
        relative=True,
        limits=(0.0, 1.1),
    ),
    Panel("length", "norm_mean", "Mean length of the vectors", "length", "length", log=True),
)


def timeline(measurements: Measurements, findings: Sequence[Finding]) -> Iterator[Chart]:
    """Yield one chart for the loss and one per panel, as far as two steps or more were measured.

    Parameters
    ----------
    measurements
        The tidy metrics and losses.
    findings
        Their steps are marked on every chart, and where the change to them began is shaded.
    """
    onsets, spans = onsets_of(findings), spans_of(findings)
    losses = measurements.losses
    if losses is not None and len(losses) > 1:
        curve = _curve("loss", losses["step"], losses["value"])
        yield _chart(LOSS, [curve], onsets, spans, _plain_axis)
    for panel in PANELS:
        curves = _curves(measurements, panel)
        if any(len(curve.steps) > 1 for curve in curves):
            yield _chart(panel, curves, onsets, spans, _scale(panel, curves))


def _curves(measurements: Measurements, panel: Panel) -> list[Curve]:
    """Return the panel's curves: outputs first, then blocks evenly over the depth, at most six."""
    table = measurements.metrics
    table = table[table["metric"] == panel.metric]
    curves = []
    for model, layer in _chosen(measurements, table):
        part = table[(table["model"] == model) & (table["layer"] == layer)]
        values = part["value"] / part["null"] if panel.relative else part["value"]
        name = plain(f"{model}.{layer}" if model else layer, 40)
        curves.append(_curve(name, part["step"], values))
    return curves


def _chosen(measurements: Measurements, table: pd.DataFrame) -> list[tuple[str, str]]:
    """Choose the layers that get a curve."""
    present = {(str(m), str(n)) for m, n in zip(table["model"], table["layer"], strict=True)}
    states = [s for s in measurements.layers if (s.model, s.layer) in present]
    outputs = [(s.model, s.layer) for s in states if s.role == "output"][:MAX_CURVES]
    others = [(s.model, s.layer) for s in states if s.role != "output"]
    room = min(MAX_CURVES - len(outputs), len(others))
    evenly = np.linspace(0, len(others) - 1, max(0, room)).round().astype(int)
    return outputs + [others[i] for i in evenly]


def _curve(layer: str, steps: pd.Series, values: pd.Series) -> Curve:
    """Sort by step and thin evenly, keeping the first and the last point."""
    x = pd.to_numeric(steps).to_numpy(dtype=np.float64)
    y = pd.to_numeric(values).to_numpy(dtype=np.float64)
    order = np.argsort(x, kind="stable")
    if len(order) > MAX_POINTS:
        order = order[np.linspace(0, len(order) - 1, MAX_POINTS).round().astype(int)]
    return Curve(layer, x[order], np.where(np.isfinite(y[order]), y[order], np.nan))


def _scale(panel: Panel, curves: Sequence[Curve]) -> Callable[[Axes], None]:
    """Return what sets the vertical axis of a panel."""
    seen = np.concatenate([curve.values for curve in curves])
    positive = seen[np.isfinite(seen) & (seen > 0)]
    wide = len(positive) > 0 and positive.max() > 10 * positive.min()

    def set_scale(axes: Axes) -> None:
        if panel.log and wide:
            log_axis(axes, "y")
        elif panel.limits is not None:
            low, high = panel.limits
            axes.set_ylim(min(low, float(np.nanmin(seen, initial=low))), max(high, _top(seen)))

    return set_scale


def _top(values: Floats) -> float:
    """Return a little more than the largest finite value."""
    return 1.05 * float(np.nanmax(values, initial=0.0))


def _plain_axis(_axes: Axes) -> None:
    """Leave matplotlib's own limits."""


def _chart(
    panel: Panel,
    curves: Sequence[Curve],
    onsets: Sequence[tuple[int, str]],
    spans: Sequence[tuple[int, int]],
    set_scale: Callable[[Axes], None],
) -> Chart:
    """Draw the curves over the steps, with the onsets of findings as marked lines."""
    name, caption = f"timeline-{panel.name}", _caption(panel, curves)

    def paint(axes: Axes) -> None:
        for order, curve in enumerate(curves):
            lone = "o" if np.isfinite(curve.values).sum() < 12 else ""
            dash, colour = DASHES[order % len(DASHES)][0], SERIES[order]
            axes.plot(curve.steps, curve.values, dash, color=colour, marker=lone, lw=1.8, ms=4)
        set_scale(axes)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_xlabel("step")
        axes.set_ylabel(panel.axis)
        shade(axes, spans)
        mark(axes, onsets)

    keys = [
        Key(DASHES[order % len(DASHES)][1], SERIES[order], curve.layer)
        for order, curve in enumerate(curves)
    ]
    svg = draw(name, f"{panel.title} over training. {caption}", paint)
    columns = ("curve", "first", "lowest", "highest", "last", "not finite")
    rows = tuple(_row(curve) for curve in curves)
    legend = tuple(keys) if len(keys) > 1 else ()
    return Chart(name, panel.title, caption, svg, columns, rows, legend)


def _caption(panel: Panel, curves: Sequence[Curve]) -> str:
    """Say where the first curve, the one that matters most, came from and went to."""
    first = curves[0]
    of = panel.noun if panel is LOSS else f"{panel.noun} of {first.layer}"
    seen = first.values[np.isfinite(first.values)]
    if not len(seen):
        return f"The {of} was never finite."
    show = percent if panel.relative else number
    start, end = show(float(seen[0])), show(float(seen[-1]))
    way = f"went from {start} to {end}" if start != end else f"began and ended at {end}"
    way += " of isotropic data's" * panel.relative
    gaps = len(first.values) - len(seen)
    missing = f" It was not finite at {gaps:,} of {len(first.values):,} points." if gaps else ""
    return f"The {of} {way}.{missing}"


def _row(curve: Curve) -> tuple[str, ...]:
    """First, lowest, highest and last value of a curve."""
    seen = curve.values[np.isfinite(curve.values)]
    gaps = f"{len(curve.values) - len(seen):,}"
    if not len(seen):
        return (curve.layer, "–", "–", "–", "–", gaps)
    ends = (seen[0], seen.min(), seen.max(), seen[-1])
    return (curve.layer, *(number(float(value)) for value in ends), gaps)
