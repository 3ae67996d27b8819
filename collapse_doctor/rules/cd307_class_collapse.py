"""CD307 class-collapse: the rows of each class, or of one class alone, are almost one point.

What it finds
-------------
Rows with labels of which next to no variance is left within the classes: the embedding of a row
says which class it is of, and nothing else (info). Or one class, rare or not, whose rows are one
vector while the rows of the other classes are spread: that class has collapsed alone (warning).

Why it matters
--------------
At the end of training a classifier this is normal, and a sign of success (neural collapse). An
embedding that is meant for retrieval, for finer classes or for another task has lost what it
would need: rows of one class can no longer be told apart. One class alone is another matter: no
loss treats all classes alike and collapses one, so the fault lies in the rows of that class, and
measures of the whole do not show it.

Likely causes
-------------
Training by class to the end: cross-entropy, supervised contrastive or triplet losses go on pulling
the rows of a class together long after they are separated. One class alone: its inputs are all
equal (a placeholder, an unreadable file, an unknown id, a text that is cut or empty), its rows were
filled in from one, or the network saturates on it.

What to do
----------
Nothing, if the classes are all you need. Otherwise stop earlier, take an earlier layer, or add a
term that keeps rows of one class apart (self-supervised views beside the labels, a smaller weight
on pulling, a margin that stops it). One class alone: look at a few of its inputs just before they
enter the model, and at how its rows were filled in.

What would refute it
--------------------
Rows of one class are near-duplicates in the input already, or the model was trained to bring that
class to one point (one-class anomaly detection).

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
alone: 0.05, the spread of a class over that of the middle one of the others (root mean squares).
On scikit-learn's digits, wine, iris and breast cancer it is 0.30 to 3.3 for every class, raw,
standardised or normalised (`pytest tests/rules/test_one_class.py`); the bound is six times below.
The others must be spread: the middle one holds at least within_share of the variance.
chance: 0.0001, over all classes together. The squared spread of n rows about their own mean is that
of the others times chi-squared over its degrees of freedom, (n - 1) for each direction in use
(participation ratio within classes), which is below r with a probability of at most
(r e^(1 - r))^(f / 2) (Chernoff). Two rows in one dimension are often that near by chance; five in
768 dimensions never are.
min_alone: 3 rows. Two equal rows may be one row that was given twice.

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
    interval_of,
    judge,
    per_cent,
    place,
    title,
)
from collapse_doctor.rules.neural_collapse import within_share
from collapse_doctor.rules.one_class import Alone, collapsed_alone
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When classes count as points."""

    within_share: float = 0.05  # four times nearer to its own mean than means to the centre
    min_per_class: int = 5  # the share within is then biased low by a fifth
    alone: float = 0.05  # of the spread of other classes: six times below natural data
    chance: float = 1e-4  # that any class comes so near by itself
    min_alone: int = 3  # two equal rows may be one that was given twice


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding whose classes are points, or one of them is."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    classes = layer.classes
    if classes is None:
        raise NotExamined("no labels of its rows are known")
    if len(classes) < 2:
        raise NotExamined("its rows are all of one class")
    require_spread(measurements, layer)
    alone = collapsed_alone(
        layer, bounds.alone, bounds.chance, bounds.min_alone, bounds.within_share
    )
    if alone:
        return _alone(layer, bounds, alone)
    return _all_classes(layer, bounds, len(classes), int(classes["count"].sum()))


def _all_classes(layer: LayerState, bounds: Bounds, classes: int, rows: int) -> Match | None:
    if rows < bounds.min_per_class * classes:
        needed = bounds.min_per_class * classes
        raise NotExamined(f"{rows} rows are too few for {classes} classes; {needed} would do")
    share = within_share(layer)
    if math.isnan(share) or share >= bounds.within_share:
        return None
    return Match(
        message=(
            f"The rows of each class are almost one point in {title(layer)}: {per_cent(share)} of "
            f"the variance lies within its {classes} classes."
        ),
        where=place(layer, None),
        evidence=evidence(
            within_share=Evidence(
                share,
                bounds.within_share,
                "<",
                null=1 - (classes - 1) / (rows - 1),
                meaning="variance within classes / all variance",
                interval=interval_of(layer, "within_share"),
            ),
            classes=Evidence(classes),
            rows=Evidence(rows, bounds.min_per_class * classes, ">="),
        ),
        confidence=Confidence.HIGH,
    )


def _alone(layer: LayerState, bounds: Bounds, alone: list[Alone]) -> Match:
    """Return the match for classes that collapsed while others did not, the largest named first."""
    worst = alone[0]
    assert layer.classes is not None
    names = ", ".join(f"{_named(one)} ({one.count} rows)" for one in alone[:MOST_NAMED])
    more = f" and {len(alone) - MOST_NAMED} more" if len(alone) > MOST_NAMED else ""
    which = "class" if len(alone) == 1 else "classes"
    return Match(
        message=(
            f"All rows of the {which} {names}{more} are {_alike(worst)} in {title(layer)}, while "
            "the rows of its other classes are spread."
        ),
        where=place(layer, None),
        evidence=evidence(
            class_spread=Evidence(
                worst.ratio,
                bounds.alone,
                "<",
                null=1.0,
                meaning=f"of class {_named(worst)}, over that of the middle one of the others",
                interval=worst.interval,
            ),
            chance=Evidence(
                worst.chance,
                bounds.chance,
                "<",
                meaning="that any class of so few rows comes so near by itself",
            ),
            class_rows=Evidence(worst.count, bounds.min_alone, ">="),
            collapsed_classes=Evidence(len(alone)),
            classes=Evidence(len(layer.classes)),
        ),
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        cause=_ALONE_CAUSE,
        remedy=_ALONE_REMEDY,
    )


MOST_NAMED = 3
"""Classes that are named in the message, at most."""


def _alike(one: Alone) -> str:
    if one.ratio == 0:
        return "one and the same vector"
    return f"almost one point ({per_cent(one.ratio)} of the spread of the middle class)"


def _named(one: Alone) -> str:
    return f"{one.label!s:.40}"


_ALONE_CAUSE = (
    "Training by class brings all classes to points, and not one alone. So the rows of this class "
    "are likely to be one row: its inputs are all equal before they enter the model (a "
    "placeholder, an unreadable file, an unknown id, an empty text), or its rows were filled in "
    "from one."
)

_ALONE_REMEDY = (
    "Look at a few inputs of this class just before they enter the model. If they differ, look at "
    "how its rows were written; if those are right, too, follow the rows through the layers to the "
    "first one where they are equal."
)


RULE = Rule(
    code="CD307",
    name="class-collapse",
    severity=Severity.INFO,
    bounds=Bounds(),
    check=check,
)
