"""Where findings begin: dashed lines over the steps, with the codes above them.

Shaded is where the change that led to a finding began: between two looks, or as far as noise lets
tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from collapse_doctor.findings import Finding
from collapse_doctor.reports.figures.chart import OTHER

__all__ = ["mark", "onsets_of", "shade", "spans_of"]

MAX_ONSETS = 4
LABEL_GAP, LABEL_HEIGHT = 4, 12  # points


def onsets_of(findings: Sequence[Finding]) -> list[tuple[int, str]]:
    """Return step and codes of findings above info that have a step, ascending, at most four."""
    codes: dict[int, list[str]] = {}
    for finding in findings:
        if finding.where.step is not None and finding.severity.rank > 0:
            found = codes.setdefault(finding.where.step, [])
            found.extend({finding.code} - set(found))
    return [(step, " ".join(codes[step])) for step in sorted(codes)][:MAX_ONSETS]


def spans_of(findings: Sequence[Finding]) -> list[tuple[int, int]]:
    """Return the steps between which what was found above info began, each pair once, ascending."""
    found = set()
    for finding in findings:
        ends = [finding.evidence.get(name) for name in ("onset_after", "onset_by")]
        if finding.severity.rank > 0 and all(end is not None for end in ends):
            after, by = (int(end.value) for end in ends if end is not None)
            found.add((after, by))
    return sorted(found)[:MAX_ONSETS]


def shade(axes: Axes, spans: Sequence[tuple[int, int]]) -> None:
    """Shade the steps between which something began, behind the curves."""
    for after, by in spans:
        axes.axvspan(after, by, color=OTHER, alpha=0.15, lw=0, zorder=0)


def mark(axes: Axes, onsets: Sequence[tuple[int, str]]) -> None:
    """Draw a line at each onset and its codes above it, in rows where they would overprint."""
    for step, _ in onsets:
        axes.axvline(step, color=OTHER, lw=1.0, linestyle="--")
    labels = [_label(axes, step, codes) for step, codes in onsets]
    figure = axes.get_figure()
    if len(labels) < 2 or not isinstance(figure, Figure):
        return
    figure.draw_without_rendering()  # extents are known once the axes have their place
    ends: list[float] = []  # of each row, in pixels
    for label in labels:
        box = label.get_window_extent()
        row = next((i for i, end in enumerate(ends) if end < box.x0), len(ends))
        ends[row : row + 1] = [box.x1 + LABEL_GAP]
        label.set_position((0, LABEL_GAP + row * LABEL_HEIGHT))


def _label(axes: Axes, step: int, codes: str) -> Annotation:
    """Write codes over the axes at a step."""
    return axes.annotate(
        codes,
        xy=(step, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, LABEL_GAP),
        textcoords="offset points",
        fontsize=9,
        ha="center",
        va="bottom",
    )
