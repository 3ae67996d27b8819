"""CD502 duplicate-rows: many embeddings are exact copies of others, while the rest are varied.

What it finds
-------------
In a training: different inputs that got one vector, always at the same places of the batch, or
different ids of which many share one vector while the others have their own. In a file: a tenth of
the rows or more that equal another one.

Why it matters
--------------
A copy is the nearest neighbour of its original. It crowds real neighbours out of every list, is a
negative pair that cannot be pushed apart, and lends an evaluation hits that it did not earn.

Likely causes
-------------
A part of the batch is computed and the rest repeated; a buffer of which half is never filled; ids
beyond the vocabulary that are all clipped to the last or the unknown one; texts cut to the same
first words; a loader, a sampler or several workers that return the same items again; a file to
which the same shard was written twice.

What to do
----------
Take two rows that are equal, and look at their inputs. If these are equal, remove duplicates from
the data; if not, follow both through the model to where they become one.

What would refute it
--------------------
The inputs hold as many duplicates (in a training that is looked at, for a file it is not known);
or the rows are looked up by something that many inputs share on purpose: a category, a user, a
group.

Bounds and their source
-----------------------
copies: 0.1 of the rows. Then one row in ten has a nearest neighbour that says nothing.
min_rows: 32. handful: 8 vectors or fewer are a matter of CD305. most: 0.5. Of a file a warning
asks for that many copies, or for one vector that makes up a tenth of all rows while nine in ten of
the others are their own; below it is an info, since data hold some duplicates. Fewer than a row in
eight of its own (lookup: 0.125) is a table that rows are looked up in, and an info.
steps: 3 snapshots at least must show the copies at the same places. Rows that fall on the entries
of a table by chance meet there with probability Σp² at each of them, and at all of them with the
product, which is 4e-6 for 64 entries. chance: 4 times as many rows as that leads to expect must do
so.

References
----------
Lee et al., "Deduplicating Training Data Makes Language Models Better", ACL 2022. Barz and Denzler,
"Do We Train on Test Data? Purging CIFAR of Near-Duplicates", J. Imaging 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Intake
from collapse_doctor.rules.copies import capacity, groups_of, rows_at, spread_evenly, steps_of
from collapse_doctor.rules.entered import distinct_inputs
from collapse_doctor.rules.geometry import (
    Standing,
    capped,
    embeddings,
    evidence,
    judge,
    per_cent,
    place,
    standing,
    title,
)
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When copies are many."""

    copies: float = 0.1  # one row in ten has a neighbour that says nothing
    min_rows: int = 32
    handful: int = 8  # that few vectors are CD305's
    most: float = 0.5  # of a file: every second row
    lookup: float = 0.125  # fewer rows of their own are a table
    steps: int = 3  # (Σp²) ** 3: rows of 64 entries meet by chance at one place
    chance: float = 4.0  # times what that leads to expect


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding with many copies."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if layer.count < bounds.min_rows:
        raise NotExamined(f"{layer.count} rows are too few; {bounds.min_rows} would do")
    if not steps_of(layer):
        raise NotExamined("none of its rows were kept")
    if standing(measurements, layer) is Standing.FILE:
        return _of_file(measurements, layer, bounds)
    return _of_training(measurements, layer, bounds)


# A file


def _of_file(measurements: Measurements, layer: LayerState, bounds: Bounds) -> Match | None:
    distinct = layer.values.get("distinct_share", math.nan)
    zeros = layer.values.get("zero_share", 0.0)
    if math.isnan(distinct):
        raise NotExamined("it has no finite rows")
    copies = 1.0 - distinct - zeros  # rows of length zero are CD402's
    if copies < bounds.copies:
        return None
    require_spread(measurements, layer)
    rows = rows_at(layer, 0)
    rows = rows[np.isfinite(rows).all(axis=1) & (np.abs(rows).max(axis=1) > 0)]
    _, sizes = np.unique(groups_of(rows, layer), return_counts=True)
    if len(sizes) <= bounds.handful:
        return None
    if capacity(rows) is not None:
        raise NotExamined("its rows are codes of a few bits, of which several may well be equal")
    return _told_of_file(layer, bounds, copies, sizes)


def _told_of_file(layer: LayerState, bounds: Bounds, copies: float, sizes: np.ndarray) -> Match:
    largest = float(sizes.max() / sizes.sum())
    others = float((sizes == 1).sum() / max(sizes.sum() - sizes.max(), 1))
    one = largest >= bounds.copies and others >= 1 - bounds.copies
    table = 1.0 - copies < bounds.lookup
    severe = one or (copies >= bounds.most and not table)
    bound = bounds.copies if one or not severe else bounds.most
    return Match(
        message=(
            f"{per_cent(copies)} of the rows are exact copies of others"
            + (f"; one vector alone makes up {per_cent(largest)} of them all." if one else ".")
        ),
        where=place(layer),
        evidence=evidence(
            copies=Evidence(copies, bound, ">=", null=0.0, meaning="rows that equal another"),
            largest_share=Evidence(largest, meaning="rows of the most frequent vector"),
            rows=Evidence(layer.count, bounds.min_rows, ">="),
        ),
        severity=Severity.WARNING if severe else Severity.INFO,
        confidence=Confidence.MEDIUM if severe else Confidence.LOW,
        cause=(
            "Either the inputs held the same items again, which a file does not show, or different "
            "inputs got one vector: a batch of which a part was repeated, a shard that was written "
            "twice, one vector for all that was unknown."
        ),
    )


# A training


def _of_training(measurements: Measurements, layer: LayerState, bounds: Bounds) -> Match | None:
    last = steps_of(layer)[-1]
    rows = spread_evenly(rows_at(layer, last))
    _, sizes = _groups(layer, rows)
    copies = 1.0 - len(sizes) / max(len(rows), 1)
    if len(rows) < bounds.min_rows:
        raise NotExamined(f"{len(rows)} rows of a step are too few; {bounds.min_rows} would do")
    if copies < bounds.copies or len(sizes) <= bounds.handful:
        return None
    require_spread(measurements, layer)
    intake = distinct_inputs(measurements, layer, last, len(rows))
    if intake is None:
        raise NotExamined("how many of its inputs differ is not known")
    own = (intake.least - len(sizes)) / len(rows)  # copies that were none before
    if own < bounds.copies:
        raise NotExamined(
            f"its inputs hold as many copies: {intake.least} of {intake.rows} rows differ"
        )
    if capacity(rows) is not None:
        raise NotExamined("its rows are codes of a few bits, of which several may well be equal")
    single = bool(intake.dtype.startswith(("int", "uint")) and _is_one_group(sizes, intake, bounds))
    if not single and not _at_same_places(measurements, layer, bounds):
        raise NotExamined(
            "different inputs have one vector, now here and now there, as those of a code book do"
        )
    return _told_of_training(measurements, layer, bounds, own, single=single)


def _groups(layer: LayerState, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each row, and the sizes of all groups; rows of length zero have none."""
    groups = groups_of(rows, layer)
    zero = ~(np.abs(rows).max(axis=1, initial=0.0) > 0)
    groups = np.where(zero, np.arange(len(rows)), groups)
    return groups, np.unique(groups, return_counts=True)[1]


def _is_one_group(sizes: np.ndarray, intake: Intake, bounds: Bounds) -> bool:
    """Tell whether one vector serves many, while nearly all other inputs have their own.

    Inputs that were drawn several times (what is popular) have theirs as often: each draw beyond
    an input's first leaves two rows at most without a vector of their own.
    """
    largest, rest = int(sizes.max()), int(sizes.sum()) - int(sizes.max())
    shared = rest - int((sizes == 1).sum())
    drawn_again = intake.rows - intake.least
    most = 2 * drawn_again + bounds.copies * rest
    return largest >= bounds.copies * (largest + rest) and shared <= most


def _at_same_places(measurements: Measurements, layer: LayerState, bounds: Bounds) -> bool:
    """Tell whether rows at the same places are equal at all steps, though inputs change.

    Rows that share a vector in groups of one size, more than two each, may do so on purpose: the
    members of a group, with what is known of it.
    """
    together, meet = None, 1.0
    steps = steps_of(layer)
    for step in steps:
        rows = spread_evenly(rows_at(layer, step))
        intake = distinct_inputs(measurements, layer, step, len(rows))
        if intake is None or (intake.repeated and step != steps[0]):
            return False
        groups, sizes = _groups(layer, rows)
        if sizes.min() == sizes.max() > 2:
            return False
        meet *= float(np.square(sizes / sizes.sum()).sum())
        same = groups[:, None] == groups
        np.fill_diagonal(same, val=False)
        if together is not None and together.shape != same.shape:
            return False
        together = same if together is None else together & same
    if together is None or len(steps) < bounds.steps:
        return False
    expected = 1.0 - (1.0 - min(meet, 1.0)) ** (len(together) - 1)
    share = float(together.any(axis=1).mean())
    return share >= max(bounds.copies, bounds.chance * expected)


def _told_of_training(
    measurements: Measurements, layer: LayerState, bounds: Bounds, own: float, *, single: bool
) -> Match:
    now = standing(measurements, layer)
    how = "all at one vector" if single else "always at the same places of the batch"
    return Match(
        message=(
            f"{per_cent(own)} of the rows of {title(layer)} are copies of others, though their "
            f"inputs differ: {how}."
        ),
        where=place(layer, steps_of(layer)[0] if not single else steps_of(layer)[-1]),
        evidence=evidence(
            copies=Evidence(own, bounds.copies, ">=", null=0.0, meaning="beyond the input's"),
            rows=Evidence(layer.count, bounds.min_rows, ">="),
        ),
        severity=capped(Severity.WARNING, now, Severity.WARNING),
        confidence=Confidence.HIGH,
    )


RULE = Rule(
    code="CD502",
    name="duplicate-rows",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
