"""CD313 hubness: a few points are nearest neighbour of very many.

What it finds
-------------
How often a row is among the ten nearest directions of other rows is very unevenly shared out: one
row is in the lists of at least a tenth of all, and the counts are skewed far beyond chance.

Why it matters
--------------
A search returns the same few rows whatever was asked, and many rows are never found. It is a
property of many healthy embeddings in high dimensions, too: worth knowing where neighbours are
searched, and no fault by itself.

Likely causes
-------------
A mean that all rows share (CD306), which makes the rows nearest to it neighbours of all others;
rows of mixed length or quality, of which the vague ones lie in the middle; a loss that trains
directions and a search that compares something else.

What to do
----------
Take the mean out of the rows before comparing, and normalise them. If hubs remain, rescale
similarities by the neighbourhood of both sides (CSLS, mutual proximity, local scaling). Look at the
rows that are hubs: they are often empty, blurred or very short inputs.

What would refute it
--------------------
Those rows really are the right answer for a tenth of all questions.

Bounds and their source
-----------------------
skewness: 5. Without hubs the counts are binomial and read 0.32 for ten neighbours. Of 2048 rows of
width 16 to 768, normalised: isotropic and heavy-tailed clouds read 0.2 to 1.4, power-law spectra
1.0 to 4.0, clusters 1.5 to 2.2, log-normal coordinates 1.0 to 4.8; clouds about a mean of three and
more standard deviations 4.8 to 10 from width 64 on (`pytest tests/rules/test_hubness.py`).
largest: 0.1 of the other rows with one and the same row in their lists; the same clouds without a
common mean stay at 0.083 and below.
min_rows: 128 distinct ones. Fewer have too many others in their ten nearest for counts to tell much
(a twelfth of them all, by chance alone).
Both are measured on a sample where there are many rows (2048 of a file; up to 256 of each of the
last eight steps that were kept of a training); equal rows count once.

References
----------
Radovanović, Nanopoulos and Ivanović, "Hubs in space: popular nearest neighbors in high-dimensional
data", JMLR 2010. Hara et al., "Localized centering: reducing hubness in large-sample data", AAAI
2015 (a common mean makes hubs).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements, Sample
from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.neighbours import Hubs, hubs, neighbourhood
from collapse_doctor.rules.geometry import (
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

NEIGHBOURS = 10


@dataclass(frozen=True)
class Bounds:
    """When neighbours are shared out unevenly enough to be worth a word."""

    skewness: float = 5.0  # natural clouds without a common mean: 0.2 to 4.8, measured
    largest: float = 0.1  # of all lists hold one row; the same clouds: at most 0.083
    min_rows: int = 128  # distinct directions; fewer cannot be that uneven


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding with hubs."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    sample = layer.late or layer.sample
    if sample is None:
        raise NotExamined("no rows of it were kept")
    require_spread(measurements, layer)
    if standing(measurements, layer).is_untrained:
        raise NotExamined(
            "no optimizer stepped: untrained networks have a common mean, and so hubs"
        )
    known = layer.values.get("hubness", math.nan)  # of a file it was measured already
    if known < bounds.skewness:
        return None
    unit = _directions(sample)
    found = hubs(neighbourhood(unit, NEIGHBOURS), NEIGHBOURS) if len(unit) else None
    if found is None or found.rows < bounds.min_rows:
        rows = 0 if found is None else found.rows
        raise NotExamined(f"{rows} distinct rows are too few; {bounds.min_rows} would do")
    if found.skewness < bounds.skewness or found.largest < bounds.largest:
        return None
    return _match(layer, bounds, found)


def _directions(sample: Sample) -> np.ndarray:
    """Return the unit rows (n, d) of a sample."""
    rows = sample.rows.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    used = np.isfinite(lengths) & (lengths > 0)
    return np.asarray(rows[used] / lengths[used][:, None])


def _match(layer: LayerState, bounds: Bounds, found: Hubs) -> Match:
    part = " of its last steps" if layer.late is not None else ""
    part = part or " (a uniform sample)" * (found.rows < layer.count)
    return Match(
        message=(
            f"One row of {title(layer)} is among the {NEIGHBOURS} nearest neighbours of "
            f"{per_cent(found.largest)} of all others, and {per_cent(found.unlisted)} of the rows "
            f"are nobody's: measured on {found.rows:,} rows{part}."
        ),
        where=place(layer, layer.last_step),
        evidence=evidence(
            hubness=Evidence(
                found.skewness,
                bounds.skewness,
                ">=",
                null=nulls.hubness(found.rows, NEIGHBOURS),
                meaning="skewness of how often a row is a neighbour",
                interval=found.interval,
            ),
            largest_hub=Evidence(
                found.largest,
                bounds.largest,
                ">=",
                null=NEIGHBOURS / (found.rows - 1),
                meaning="of the other rows have it in their list",
            ),
            never_found=Evidence(found.unlisted, meaning="share of rows in no list"),
            rows=Evidence(
                found.rows, bounds.min_rows, ">=", meaning=f"measured, of {layer.count:,}"
            ),
        ),
        confidence=Confidence.HIGH,
    )


RULE = Rule(
    code="CD313",
    name="hubness",
    severity=Severity.INFO,
    bounds=Bounds(),
    check=check,
)
