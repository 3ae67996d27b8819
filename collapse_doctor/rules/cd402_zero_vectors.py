"""CD402 zero-vectors: rows of the embedding have length zero, so their cosine is undefined.

What it finds
-------------
Rows whose every coordinate is exactly 0: an info if there are few (an empty document, a blank
image), a warning if they are many, an error from half of them on. Where only layers of its own
were seen to read the embedding (a classifier, a regression), and nothing to take its direction, it
is an info unless every row is zero: to such a layer zero is a vector like any other.

Why it matters
--------------
A zero row has no direction. Libraries return 0, NaN or the eps of their normalisation for its
cosine, and its gradient through a normalisation is huge or none.

Likely causes
-------------
A ReLU as the last layer, silent in all units for some inputs, or dead for all; rows of padding;
a mask that removed every token of a sample; inputs of zeros through layers without bias.

What to do
----------
Take the ReLU off the embedding. Leave padding rows out before comparing. Give the last layer a
bias, or skip samples whose mask is empty.

What would refute it
--------------------
The zero rows are padding that a mask removes before the embedding is used.

Bounds and their source
-----------------------
share: 0. The cosine of one zero row is already undefined (0 / 0). warning: 0.01. Then one random
pair in fifty holds a zero row (1 - 0.99²), as many as a nearest-neighbour list may lose without
anybody noticing. error: 0.5. When half of the
rows are zero, three in four random pairs hold one (1 - 0.5²), so most comparisons are undefined.

References
----------
PyTorch documentation, torch.nn.functional.cosine_similarity and normalize (their eps).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.geometry import (
    RECENT,
    embeddings,
    evidence,
    history,
    judge,
    per_cent,
    place,
    title,
)
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How many zero rows are worth a word, a warning, an error."""

    share: float = 0.0  # one zero row has no cosine
    warning: float = 0.01  # one random pair in fifty is undefined
    error: float = 0.5  # three in four random pairs are undefined


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding with zero rows."""

    def examine(layer: LayerState) -> Match | None:
        share = _share(measurements, layer)
        if math.isnan(share):
            raise NotExamined("it has no finite rows")
        return _match(measurements, layer, bounds, share) if share > bounds.share else None

    return judge(embeddings(measurements), examine)


def _share(measurements: Measurements, layer: LayerState) -> float:
    """Return the mean share over the last steps: the median would hide a row now and then."""
    recent = history(measurements, layer, "zero_share").values[-RECENT:]
    return sum(recent) / len(recent) if recent else layer.values.get("zero_share", math.nan)


def _match(measurements: Measurements, layer: LayerState, bounds: Bounds, share: float) -> Match:
    many, few = share >= bounds.error, share < bounds.warning
    few = few or (share < 1 and _only_read_by_heads(layer))
    severity = Severity.INFO if few else Severity.ERROR if many else Severity.WARNING
    onset = history(measurements, layer, "zero_share").onset(lambda v: v > bounds.share)
    which = "Every row" if share >= 1 else f"{per_cent(share)} of the rows"
    return Match(
        message=f"{which} of {title(layer)} has length zero: its cosine is undefined.",
        where=place(layer, onset),
        evidence=evidence(
            zero_share=Evidence(
                share,
                bounds.error if many else bounds.share,
                ">=" if many else ">",
                null=0.0,
            ),
            rows=Evidence(layer.count),
        ),
        severity=severity,
        confidence=Confidence.CERTAIN,
    )


def _only_read_by_heads(layer: LayerState) -> bool:
    """Tell whether layers of its own read the rows, and nothing was seen to take directions."""
    return layer.dimensions is not None and not layer.directed


RULE = Rule(
    code="CD402",
    name="zero-vectors",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
    explains=("CD207", "CD301", "CD302", "CD303", "CD304", "CD306", "CD308"),
)
