"""CD503 degenerate-labels: one label for a whole batch, labels that never vary or do not fit.

What it finds
-------------
In this order, the first that holds: a single label beside several rows that are compared row by
row; more labels than the forward passes of the step gave rows; labels that never vary over the
whole training; batches that nearly all carry one label each, now this one, now that. All but the
second count only where outputs of watched models were compared with each other, since only a
pairwise loss needs several labels in a batch; a classifier on a sorted data set is no finding. For
the last two both of them must learn: a student may be drawn to a teacher's rows by one label for
all pairs, and has no other rows to be kept from.
Fewer labels than rows may be a mask: an info. In a file: labels with a single class.
Before all these, and whether labels were given or not: the targets of a softmax over the matrix of
every row with every row are one place for all rows, or numbers of classes instead of the places of
partners.

Why it matters
--------------
With one label for all rows every pair is a positive pair: nothing pushes apart, and mapping all
inputs to one vector is the best answer. A label that belongs to the first row only is wrong for
most others.

Likely causes
-------------
Targets of zeros, as a queue's positive in the first column has, or classes where `arange` belongs;
`labels[0]` was taken for the labels; a data set sorted by class is read without shuffling; a
label column of a constant; labels of the wrong split or of another loader.

What to do
----------
Pass one label for each row, in the order of the rows. Shuffle, or sample batches with several
classes and several rows of each. Of labels that never vary, print the distinct values where they
are read, and again after each comparison or cast.

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
dominant: 0.9 of the one-label batches. Where one label is so frequent (0.97 of the rows, say) that
small batches often hold no other, nearly all one-label batches carry that one; in a sorted data
set each label has its turn.

References
----------
Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015, section 3.2 (why each batch needs several
identities, and several rows of each).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Comparison
from collapse_doctor.rules.partners import without_partners
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined, Rule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How often labels must be degenerate."""

    steps: int = 3  # constant by chance over 3 steps: K ** -2
    one_label: float = 0.9  # of the batches; by chance at most K ** (1 - B)
    dominant: float = 0.9  # of the one-label batches: a frequent label, not a sorted data set


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield at most one match: the plainest thing that is wrong with the labels."""
    labels = measurements.labels
    found = without_partners(measurements, bounds.steps)
    if found is not None:
        yield found
        return
    if labels is None or labels.empty:
        raise NotExamined("no labels were given")
    if measurements.subject.kind == "embeddings":
        yield from _single_class(labels)
        return
    match = _misfit(measurements, labels) or _of_one_kind(measurements, labels, bounds)
    if match is not None:
        yield match


def _between_outputs(measurements: Measurements) -> list[Comparison]:
    """Return the comparisons of outputs of watched models with each other."""
    return [
        comparison
        for comparison in measurements.comparisons
        if all(operand.origin is not None for operand in comparison.operands[:2])
    ]


def _misfit(measurements: Measurements, labels: pd.DataFrame) -> Match | None:
    single = labels[(labels["scalar"].astype(bool) | labels["count"].eq(1)) & labels["batch"].gt(1)]
    if not single.empty:
        row_by_row = any(comparison.paired for comparison in _between_outputs(measurements))
        if row_by_row:
            return _too_few(measurements, labels, single)
        if not measurements.watched_comparisons:
            raise NotExamined("one label a batch was told; whether a loss compares rows is unknown")
        return None
    excess = labels[[_exceeds(row) for row in labels.itertuples()]]
    if not excess.empty:
        return _wrong_number(labels, excess, Severity.ERROR)
    fewer = labels[[_falls_short(row) for row in labels.itertuples()]]
    return _wrong_number(labels, fewer, Severity.INFO) if not fewer.empty else None


def _sizes(row: Any) -> set[int]:
    known = set(row.sizes) if isinstance(row.sizes, tuple) else set()
    return known | ({int(row.batch)} if row.batch is not None and row.batch == row.batch else set())


def _exceeds(row: Any) -> bool:
    """More labels than rows, and no number of labels for each row."""
    sizes = {size for size in _sizes(row) if size > 0}
    return bool(sizes) and row.count > max(sizes) and all(row.count % size for size in sizes)


def _falls_short(row: Any) -> bool:
    """Fewer labels than rows, and no number of rows for each label."""
    sizes = _sizes(row)
    fits = any(row.count and size % row.count == 0 for size in sizes)
    return bool(sizes) and row.count < max(sizes) and not fits


def _too_few(measurements: Measurements, labels: pd.DataFrame, single: pd.DataFrame) -> Match:
    """Say that one label stands for a batch: an error, unless it may be a constant target."""
    first = single.iloc[0]
    constant = not _varies(labels)
    value = f" ({first['value']})" if first["value"] else ""
    return Match(
        message=f"There is one label{value} for a batch of {int(first['batch'])} rows.",
        where=Where(step=int(first["step"])),
        related=_compared(measurements),
        evidence=_counted(labels, single),
        severity=Severity.WARNING if constant else Severity.ERROR,
        confidence=Confidence.MEDIUM if constant else Confidence.HIGH,
        cause="A single label, as `labels[0]` gives it, stands for every row of the batch.",
    )


def _wrong_number(labels: pd.DataFrame, wrong: pd.DataFrame, severity: Severity) -> Match:
    first = wrong.iloc[0]
    mask = severity is Severity.INFO
    return Match(
        message=f"There are {int(first['count'])} labels for a batch of {int(first['batch'])} rows"
        + (": only some rows have one, or they belong to another batch." if mask else "."),
        where=Where(step=int(first["step"])),
        evidence=_counted(labels, wrong),
        severity=severity,
        confidence=Confidence.LOW if mask else Confidence.HIGH,
        cause="Labels of another batch, split or loader, or of single positions."
        if not mask
        else "",
    )


def _counted(labels: pd.DataFrame, affected: pd.DataFrame) -> dict[str, Evidence]:
    count, batch = int(affected.iloc[0]["count"]), int(affected.iloc[0]["batch"])
    return {
        "labels": Evidence(count, batch, "<" if count < batch else ">", meaning="labels, rows"),
        "steps_affected": Evidence(len(affected), 1, ">=", meaning=f"of {len(labels)} seen"),
    }


def _of_one_kind(measurements: Measurements, labels: pd.DataFrame, bounds: Bounds) -> Match | None:
    several = labels[labels["count"] > 1]
    if len(several) < bounds.steps:
        if labels["count"].gt(1).any():
            raise NotExamined(f"labels of fewer than {bounds.steps} batches were seen")
        return None
    ones = several[several["distinct"] == 1]
    if len(ones) < bounds.one_label * len(several) or _is_frequent(several, ones, bounds):
        return None
    if not measurements.watched_comparisons:
        raise NotExamined(
            "nearly every batch has one label, but whether a pairwise loss uses them was not seen"
        )
    return _one_label(measurements, several, bounds) if _both_learn(measurements) else None


def _both_learn(measurements: Measurements) -> bool:
    """Tell whether two outputs were compared of which neither is a given target."""
    return any(
        all(operand.requires_grad for operand in comparison.operands[:2])
        for comparison in _between_outputs(measurements)
    )


def _is_frequent(labels: pd.DataFrame, ones: pd.DataFrame, bounds: Bounds) -> bool:
    """Tell whether one-label batches come of one label that is merely frequent."""
    share = ones["value"].value_counts(normalize=True).max()
    return _varies(labels) and bool(share >= bounds.dominant)


def _varies(labels: pd.DataFrame) -> bool:
    return bool((labels["distinct"] > 1).any() or labels["value"].nunique() > 1)


def _one_label(measurements: Measurements, labels: pd.DataFrame, bounds: Bounds) -> Match:
    share = float((labels["distinct"] == 1).mean())
    first = labels[labels["distinct"] == 1].iloc[0]
    if _varies(labels):
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
    for comparison in _between_outputs(measurements)[:1]:
        return (at_line(Where(note="embeddings are compared here"), comparison.site),)
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
