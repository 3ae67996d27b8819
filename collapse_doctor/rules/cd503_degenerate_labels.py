"""CD503 degenerate-labels: one label for a whole batch, labels that never vary or do not fit.

What it finds
-------------
In this order, the first that holds: labels that do not fit the batch (a single label beside
several rows, or a number of labels that neither divides the rows nor is divided by them); labels
that never vary over the whole training; batches that nearly all carry one label each. The last
two count only where a comparison between embeddings was seen, since only a pairwise loss needs
several labels in a batch; a classifier on a sorted data set is no finding. In a file: labels with
a single class.

Why it matters
--------------
With one label for all rows every pair is a positive pair: nothing pushes apart, and mapping all
inputs to one vector is the best answer. A label that belongs to the first row only is wrong for
most others.

Likely causes
-------------
`labels[0]` was taken for the labels; a data set sorted by class is read without shuffling; a
label column of a constant; labels of the wrong split or of another loader.

What to do
----------
Pass one label for each row, in the order of the rows. Shuffle, or sample batches with several
classes and several rows of each.

What would refute it
--------------------
One label stands for the whole batch on purpose (a bag of frames of one video), or the constant is
the target of a loss that only pulls together and does so by design.

Bounds and their source
-----------------------
steps: 3, the fewest from which "never varies" is said; constant labels of K equally frequent
classes have then a chance of K^-2 even with one label in a batch. one_label: 0.9 of the batches.
Of B random rows of K balanced classes all carry one label with probability K^(1 - B), at most
1/8 for B = 4; in a sorted data set only batches that straddle two classes carry more than one.

References
----------
Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015, section 3.2 (why each batch needs several
identities, and several rows of each).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.rules.rule import Match, NotExamined, Rule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How often labels must be degenerate."""

    steps: int = 3  # constant by chance over 3 steps: K ** -2
    one_label: float = 0.9  # of the batches; by chance at most K ** (1 - B)


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield at most one match: the plainest thing that is wrong with the labels."""
    labels = measurements.labels
    if labels is None or labels.empty:
        raise NotExamined("no labels were given")
    if measurements.subject.kind == "embeddings":
        yield from _single_class(labels)
        return
    misfits = labels[_misfits(labels)]
    if not misfits.empty:
        yield _misfit(measurements, labels, misfits)
        return
    several_rows = labels[labels["count"] > 1]
    if len(several_rows) < bounds.steps:
        raise NotExamined(f"labels of fewer than {bounds.steps} batches were seen")
    if not measurements.comparisons:
        _require_comparisons(measurements, several_rows, bounds)
    elif _one_label_share(several_rows) >= bounds.one_label:
        yield _one_label(measurements, several_rows, bounds)


def _misfits(labels: pd.DataFrame) -> pd.Series[bool]:
    """Return a mask of the steps whose labels do not fit their batch.

    Two views of each row, or pairs of rows, make one number a multiple of the other: that fits.
    """
    batch, count = labels["batch"].astype("Float64"), labels["count"].astype("Float64")
    single = labels["scalar"].astype(bool) | (count == 1)
    uneven = (count == 0) | ((batch % count != 0) & (count % batch != 0))
    return ((batch > 1) & (single | uneven)).fillna(False).astype(bool)


def _one_label_share(labels: pd.DataFrame) -> float:
    return float((labels["distinct"] == 1).mean())


def _varies(labels: pd.DataFrame) -> bool:
    return bool((labels["distinct"] > 1).any() or labels["value"].nunique() > 1)


def _require_comparisons(measurements: Measurements, labels: pd.DataFrame, bounds: Bounds) -> None:
    """Raise NotExamined if one-label batches were seen but it is unknown what they are for."""
    if _one_label_share(labels) >= bounds.one_label and not measurements.watched_comparisons:
        raise NotExamined(
            "nearly every batch has one label, but whether a pairwise loss uses them was not seen"
        )


def _misfit(measurements: Measurements, labels: pd.DataFrame, misfits: pd.DataFrame) -> Match:
    """Say that labels do not fit: an error, unless the one label may be a constant target."""
    first = misfits.iloc[0]
    count, batch = int(first["count"]), int(first["batch"])
    single = bool(first["scalar"]) or count == 1
    constant = single and not _varies(labels)
    sees = "one label" if single else f"{count} labels"
    value = f" ({first['value']})" if single and first["value"] else ""
    return Match(
        message=f"There is {sees}{value} for a batch of {batch} rows."
        if single
        else f"There are {sees} for a batch of {batch} rows.",
        where=Where(step=int(first["step"])),
        related=_compared(measurements),
        evidence={
            "labels": Evidence(count, batch, "<" if count < batch else ">", meaning="labels, rows"),
            "steps_affected": Evidence(len(misfits), 1, ">=", meaning=f"of {len(labels)} seen"),
        },
        severity=Severity.WARNING if constant else Severity.ERROR,
        confidence=Confidence.MEDIUM if constant else Confidence.HIGH,
        cause="A single label, as `labels[0]` gives it, stands for every row of the batch."
        if single
        else "",
    )


def _one_label(measurements: Measurements, labels: pd.DataFrame, bounds: Bounds) -> Match:
    share, varies = _one_label_share(labels), _varies(labels)
    first = labels[labels["distinct"] == 1].iloc[0]
    if varies:
        message = f"{share:.0%} of the batches carry one label each, so no pair is a negative pair."
        cause = "The data set is sorted by class and read without shuffling."
    else:
        message = f"The labels never vary: {first['value'] or 'one value'} at all {len(labels)}"
        message, cause = f"{message} steps seen.", ""
    return Match(
        message=message,
        where=Where(step=int(first["step"])),
        related=_compared(measurements),
        evidence={
            "one_label_batches": Evidence(share, bounds.one_label, ">=", unit="share of batches"),
            "batches": Evidence(len(labels), bounds.steps, ">="),
        },
        cause=cause,
    )


def _compared(measurements: Measurements) -> tuple[Where, ...]:
    """Return where embeddings were first compared: the loss that needs the labels."""
    for comparison in measurements.comparisons[:1]:
        site = comparison.site
        note = "embeddings are compared here"
        return (Where(file=site.file, line=site.line, source=site.source or None, note=note),)
    return ()


def _single_class(labels: pd.DataFrame) -> Iterator[Match]:
    """Yield an info for labels of one class: a file shows no loss that needs more."""
    if _varies(labels):
        return
    count = int(labels["count"].sum())
    yield Match(
        message=f"All {count} labels are the same, so nothing between classes can be judged.",
        where=Where(),
        evidence={"classes": Evidence(1, 1, "<="), "labels": Evidence(count)},
        severity=Severity.INFO,
        cause="The file holds one class, or the wrong key or column was taken for the labels.",
    )


RULE = Rule(
    code="CD503",
    name="degenerate-labels",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
