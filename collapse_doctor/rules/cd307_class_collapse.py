"""CD307 class-collapse: the rows of each class are almost one point.

What it finds
-------------
Rows with labels of which next to no variance is left within the classes: the embedding of a row
says which class it is of, and nothing else.

Why it matters
--------------
At the end of training a classifier this is normal, and a sign of success (neural collapse). An
embedding that is meant for retrieval, for finer classes or for another task has lost what it
would need: rows of one class can no longer be told apart.

Likely causes
-------------
Training by class to the end: cross-entropy, supervised contrastive or triplet losses go on pulling
the rows of a class together long after they are separated.

What to do
----------
Nothing, if the classes are all you need. Otherwise stop earlier, take an earlier layer, or add a
term that keeps rows of one class apart (self-supervised views beside the labels, a smaller weight
on pulling, a margin that stops it).

What would refute it
--------------------
Rows of one class are near-duplicates in the input already.

Bounds and their source
-----------------------
within_share: 0.05 of the variance. Mathematics: with a share s within classes, rows lie
sqrt(s / (1 - s)) times as far from their class mean as class means lie from the centre (root mean
squares), which is 0.23 at the bound: one class mean is more than four times that distance away
from the centre. Labels without any meaning leave 1 - (K - 1) / (n - 1) within, which is given as
the null.
min_per_class: 5 rows. The share within is biased low by a factor of 1 - 1 / n for n rows a class;
at five that is a fifth, less than the distance between this bound and what a well-trained but not
collapsed embedding shows.

References
----------
Papyan, Han and Donoho, "Prevalence of neural collapse during the terminal phase of deep learning
training", PNAS 2020 (NC1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.geometry import (
    embeddings,
    evidence,
    judge,
    per_cent,
    place,
    title,
)
from collapse_doctor.rules.neural_collapse import within_share
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When classes count as points."""

    within_share: float = 0.05  # four times nearer to its own mean than means to the centre
    min_per_class: int = 5  # the share within is then biased low by a fifth


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding whose classes are points."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    classes = layer.classes
    if classes is None:
        raise NotExamined("no labels of its rows are known")
    if len(classes) < 2:
        raise NotExamined("its rows are all of one class")
    rows = int(classes["count"].sum())
    if rows < bounds.min_per_class * len(classes):
        needed = bounds.min_per_class * len(classes)
        raise NotExamined(f"{rows} rows are too few for {len(classes)} classes; {needed} would do")
    require_spread(measurements, layer)
    share = within_share(layer)
    if math.isnan(share) or share >= bounds.within_share:
        return None
    return Match(
        message=(
            f"The rows of each class are almost one point in {title(layer)}: {per_cent(share)} of "
            f"the variance lies within its {len(classes)} classes."
        ),
        where=place(layer, None),
        evidence=evidence(
            within_share=Evidence(
                share,
                bounds.within_share,
                "<",
                null=1 - (len(classes) - 1) / (rows - 1),
                meaning="variance within classes / all variance",
            ),
            classes=Evidence(len(classes)),
            rows=Evidence(rows, bounds.min_per_class * len(classes), ">="),
        ),
        confidence=Confidence.HIGH,
    )


RULE = Rule(
    code="CD307",
    name="class-collapse",
    severity=Severity.INFO,
    bounds=Bounds(),
    check=check,
)
