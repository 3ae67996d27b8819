"""Maps: every point one embedding, coloured by label or by step, with the true scale said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from collapse_doctor.measurements import Sample
from collapse_doctor.projections import NotDrawn, Projection, pca, tsne
from collapse_doctor.reports.figures.chart import MARKERS, OTHER, SERIES, Chart, Key, draw
from collapse_doctor.reports.text import percent, plain

__all__ = ["pca_map", "tsne_map"]

MAX_GROUPS = 9
MAX_STEPS = 5
RASTER_ABOVE = 600  # as SVG a point costs about 120 bytes, as pixels next to nothing
TSNE_ROWS = 1_000  # about 3 CPU seconds, half the cost of a page; the map says how many it shows

# Early to late, blue to red at nearly one lightness, so that both papers carry all of it.
STEP_COLOURS = ("#0072b2", "#5f6fc9", "#9a5cb4", "#c2528b", "#d1454f")


@dataclass(frozen=True)
class Group:
    """Points that share a colour and a symbol."""

    key: Key
    marker: str
    members: NDArray[np.int64]


def pca_map(name: str, layer: str, sample: Sample, *, resolution: float | None = None) -> Chart:
    """Draw the two directions of largest variance, at equal aspect.

    Parameters
    ----------
    name
        The chart's name on its page.
    layer
        How the layer is called in the title.
    sample
        The rows, with their steps and labels.
    resolution
        Relative rounding at the source: see :func:`collapse_doctor.projections.pca`.
    """
    result = pca(sample.rows, resolution=resolution)
    title = f"PCA map of {layer}"
    if isinstance(result, NotDrawn):
        return Chart(name, title, f"Not drawn. {result.reason}")
    first, second = result.explained if result.explained is not None else (0.0, 0.0)
    caption = (
        f"{_scale(result, sample)} Two directions hold {percent(first + second)} of the variance."
    )
    labels = (f"1st direction ({percent(first)})", f"2nd direction ({percent(second)})")
    return _chart(name, title, caption, result, sample, labels)


def tsne_map(name: str, layer: str, sample: Sample, *, resolution: float | None = None) -> Chart:
    """Draw the t-SNE neighbourhoods; parameters as for :func:`pca_map`."""
    result = tsne(sample.rows, max_rows=TSNE_ROWS, resolution=resolution)
    title = f"t-SNE map of {layer}"
    if isinstance(result, NotDrawn):
        return Chart(name, title, f"Not drawn. {result.reason}")
    caption = (
        "Read who lies next to whom, nothing else: t-SNE makes clusters of its own, and neither "
        "sizes nor distances between groups mean anything."
    )
    return _chart(name, title, caption, result, sample, ("", ""))


def _scale(result: Projection, sample: Sample) -> str:
    """Say how wide the cloud truly is: every picture fills its frame, a collapsed one too."""
    wide = result.spread / result.norm
    text = f"The cloud is {percent(wide)} as wide as its vectors are long"
    steps = sample.steps[result.kept]
    if len(np.unique(steps)) > 1:
        rows = np.asarray(sample.rows, dtype=np.float64)[result.kept][steps == steps.max()]
        length = float(np.linalg.norm(rows))
        now = float(np.linalg.norm(rows - rows.mean(axis=0))) / length if length else 0.0
        return f"{text} over all steps, {percent(now)} at step {steps.max():,}."
    if wide < 0.1:
        text += f": the frame magnifies it about {round(1 / wide):,} times"
    return f"{text}."


def _chart(
    name: str,
    title: str,
    caption: str,
    result: Projection,
    sample: Sample,
    axis_labels: tuple[str, str],
) -> Chart:
    """Paint the groups and put the legend, the notes and the table beside them."""
    by, groups = _groups(sample, result.kept)

    def paint(axes: Axes) -> None:
        size = 26.0 if len(result.points) <= 200 else 12.0 if len(result.points) <= 800 else 6.0
        many = len(result.points) > RASTER_ABOVE
        for group in groups:
            x, y = result.points[group.members].T
            drawn = axes.scatter(x, y, s=size, c=group.key.colour, marker=group.marker)
            drawn.set(alpha=0.75, linewidths=0, rasterized=many)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xlabel(axis_labels[0])
        axes.set_ylabel(axis_labels[1])
        if result.explained is None:
            axes.set_axis_off()

    rows = tuple((group.key.text, f"{len(group.members):,}") for group in groups)
    legend = tuple(group.key for group in groups) if len(groups) > 1 else ()
    coloured = f" Coloured by {by}." if legend else ""
    notes = "".join(f" {note}" for note in result.notes)
    svg = draw(name, f"{title}. {caption}", paint, size=(5.6, 4.2))
    return Chart(name, title, caption + coloured + notes, svg, (by, "points"), rows, legend)


def _groups(sample: Sample, kept: NDArray[np.int64]) -> tuple[str, tuple[Group, ...]]:
    """Cut the points by label if there are any, else by step."""
    if sample.labels is not None:
        return "label", _by_label(sample.labels[kept])
    return "step", _by_step(sample.steps[kept])


def _by_label(labels: NDArray[np.generic]) -> tuple[Group, ...]:
    """One group per frequent label, ordered by name; the rest in grey as *other*."""
    names, positions, counts = np.unique(
        np.array([str(label) for label in labels]), return_inverse=True, return_counts=True
    )
    frequent = np.sort(np.argsort(-counts, kind="stable")[:MAX_GROUPS])
    if len(names) == MAX_GROUPS + 1:  # ten classes are common; one grey class needs no "other"
        frequent = np.arange(len(names))
    groups = []
    for order, position in enumerate(frequent):
        colour = SERIES[order] if order < len(SERIES) else OTHER
        members = np.flatnonzero(positions == position)
        groups.append(_group(order, colour, plain(names[position], 32), members))
    rest = np.flatnonzero(~np.isin(positions, frequent))
    if len(rest):
        text = f"{len(names) - len(frequent):,} other labels"
        groups.append(_group(len(groups), OTHER, text, rest))
    return tuple(groups)


def _by_step(steps: NDArray[np.int64]) -> tuple[Group, ...]:
    """At most five groups of steps, early to late."""
    distinct = np.unique(steps)
    parts = np.array_split(distinct, min(MAX_STEPS, len(distinct)))
    groups = []
    for order, part in enumerate(parts):
        shade = STEP_COLOURS[round(order * (len(STEP_COLOURS) - 1) / max(1, len(parts) - 1))]
        text = f"step {part[0]}" if len(part) == 1 else f"steps {part[0]}–{part[-1]}"
        groups.append(_group(order, shade, text, np.flatnonzero(np.isin(steps, part))))
    return tuple(groups)


def _group(order: int, colour: str, text: str, members: NDArray[np.int64]) -> Group:
    """Give the group the next symbol in turn."""
    marker, symbol = MARKERS[order % len(MARKERS)]
    return Group(Key(symbol, colour, text), marker, members)
