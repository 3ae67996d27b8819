"""CD305 cluster-collapse: a handful of distinct vectors serve all inputs.

What it finds
-------------
Inputs of many kinds that get at most eight different vectors, equal up to rounding: far fewer than
the code book or the table has, than the bits of a code can tell apart, or than there were before.

Why it matters
--------------
Inputs that share a vector cannot be told apart by anything that comes after. The rows are not all
alike, so losses and mean cosines may look healthy.

Likely causes
-------------
A code book of which few entries are ever the nearest, so that only they are moved (dead codes);
ids clipped to a few; an argmax that always falls on the same columns, or breaks ties by the first;
a quantisation far coarser than what it quantises.

What to do
----------
Revive codes that are not used (draw them anew from the encoder's outputs), update the code book by
a moving average, begin it with outputs of the encoder, and normalise what is looked up. Look at the
ids right before they are looked up. Give the choice an entropy term.

What would refute it
--------------------
The inputs are of as few kinds, or so few codes are meant: then there is a table of that size, or a
code of so few bits.

Bounds and their source
-----------------------
handful: 8 vectors, three bits. min_rows: 32, and inputs: 4 different inputs at least for each of
the vectors: of 32 rows that fall on 8 vectors evenly each gets four.
used: 0.125 of the entries of the table that has the most (or of the bits' 2^d codes; of the width
where neither is known, since a code book has seldom fewer entries than columns) may be in use at
most. Of K entries drawn evenly n rows use K·(1 - (1 - 1/K)^n): of 64 entries 96 rows use 50 by
chance, and 32 rows 25.
fell: 4. Where neither says enough, the vectors must have been that many times more before, and few
for settled: 100 steps since. Measured (`python -m benchmarks.codebooks`): of code books that end
with 11 to 38 entries in use on a batch, some dip from 16 to 4 at the start, and for 30 steps.
born_steps: 300. A code book may begin with few entries in use and find more: in the same
measurement the latest to leave a handful had 5 in use at step 150 and 17 at step 200. The bound is
twice the first. Ids are looked up, and have not to be found; for them it does not count.

References
----------
van den Oord, Vinyals and Kavukcuoglu, "Neural Discrete Representation Learning", NeurIPS 2017.
Dhariwal et al., "Jukebox", 2020 (restarting codes). Takida et al., "SQ-VAE", ICML 2022 (code-book
collapse).
"""

from __future__ import annotations

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
    history,
    judge,
    place,
    standing,
    title,
)
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When distinct vectors are but a handful."""

    handful: int = 8  # vectors: three bits
    min_rows: int = 32  # four for each of a handful
    inputs: int = 4  # different inputs for each vector
    used: float = 0.125  # of the entries that there are; by chance 50 of 64 on 96 rows
    fell: float = 4.0  # times more vectors before
    settled: int = 100  # steps: the longest dip of a healthy start was 30, measured
    born_steps: int = 300  # twice the longest time at a handful, measured


@dataclass(frozen=True)
class _Few:
    """The vectors of the last step of which rows were kept."""

    step: int
    rows: np.ndarray
    vectors: int
    intake: Intake | None


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding of which few distinct vectors are left."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    steps = steps_of(layer)
    if not steps:
        raise NotExamined("none of its rows were kept")
    if layer.width < 2:
        raise NotExamined("single numbers may well be few")
    few = _few(measurements, layer, steps[-1])
    if len(few.rows) < bounds.min_rows:
        raise NotExamined(f"{len(few.rows)} rows are too few; {bounds.min_rows} would do")
    if few.vectors > bounds.handful:
        return None
    require_spread(measurements, layer)
    if few.vectors * bounds.inputs > len(few.rows):
        return None
    _require_other_inputs(measurements, layer, bounds, few)
    return _match(measurements, layer, bounds, few)


def _few(measurements: Measurements, layer: LayerState, step: int) -> _Few:
    """Return the vectors of a step, of the rows whose inputs are known where there are such."""
    rows = rows_at(layer, step)
    if layer.model:
        rows = spread_evenly(rows)
    intake = distinct_inputs(measurements, layer, step, len(rows)) if layer.model else None
    rows = rows[np.isfinite(rows).all(axis=1)]
    return _Few(step, rows, len(np.unique(groups_of(rows, layer))), intake)


def _require_other_inputs(
    measurements: Measurements, layer: LayerState, bounds: Bounds, few: _Few
) -> None:
    """Raise NotExamined where few vectors are what the inputs, the labels or the design give."""
    intake = few.intake
    if intake is not None and intake.least < bounds.inputs * few.vectors:
        raise NotExamined(
            f"its inputs are of as few kinds: {intake.least} of {intake.rows} rows differ"
        )
    classes = _classes(measurements, layer)
    if few.vectors >= classes > 1:
        raise NotExamined(f"it has a vector for each of its {classes} classes")
    before = _before(measurements, layer)
    if before >= bounds.fell * few.vectors:
        _require_settled(measurements, layer, bounds, few)
        return
    if intake is None and layer.model:
        raise NotExamined("how many of its inputs differ is not known")
    entries = _entries(measurements, layer, few)
    if few.vectors > bounds.used * entries:
        raise NotExamined(
            f"{few.vectors} different vectors of about {entries:.0f} that there could be may be "
            "meant"
        )
    ids = intake is not None and intake.dtype.startswith(("int", "uint"))
    early = layer.model and measurements.steps < bounds.born_steps
    if early and not ids:
        raise NotExamined(
            f"it had {few.vectors} different vectors from the start, and may find more: "
            f"{measurements.steps} steps are too few to tell"
        )


def _require_settled(
    measurements: Measurements, layer: LayerState, bounds: Bounds, few: _Few
) -> None:
    """Raise NotExamined where vectors became few only lately, as they may at a healthy start."""
    earlier = [s for s in steps_of(layer) if few.step - s >= bounds.settled]
    onset = _onset(measurements, layer, bounds, few)
    since = few.step - onset if onset is not None else 0
    known = [_few(measurements, layer, step).vectors for step in earlier[-1:]]
    if since < bounds.settled and not (known and max(known) <= bounds.handful):
        raise NotExamined(
            f"it has had few different vectors for less than {bounds.settled} steps; a healthy "
            "code book may dip at its start"
        )


def _onset(measurements: Measurements, layer: LayerState, bounds: Bounds, few: _Few) -> int | None:
    """Return the step from which there was but a handful, by exact copies."""
    return history(measurements, layer, "distinct_share").onset(
        lambda share: share * len(few.rows) <= bounds.handful
    )


def _classes(measurements: Measurements, layer: LayerState) -> int:
    """Return how many classes are known, 0 where none are."""
    own = 0 if layer.classes is None else len(layer.classes)
    labels = measurements.labels
    if labels is not None and not labels.empty and layer.model:
        own = max(own, int(labels["distinct"].max()))
    return own


def _before(measurements: Measurements, layer: LayerState) -> float:
    """Return how many different vectors a step had at most, NaN without a history."""
    if standing(measurements, layer) is not Standing.TRAINED:
        return float("nan")
    counts = [_few(measurements, layer, step).vectors for step in steps_of(layer)[:-1]]
    shares = history(measurements, layer, "distinct_share").values  # exact copies only
    rows = len(spread_evenly(rows_at(layer, steps_of(layer)[-1])))
    exact = min(shares[-1:], default=1.0) < 1.0
    return float(max([*counts, *(share * rows for share in shares if exact)], default=0))


def _entries(measurements: Measurements, layer: LayerState, few: _Few) -> float:
    """Return how many vectors a layer could tell apart, as far as that is known."""
    codes = capacity(few.rows)
    if codes is not None:
        return codes
    tables = measurements.tables.get(layer.model, ())
    fitting = [rows for rows, width in tables if width == layer.width]
    fitting = fitting or [rows for rows, _ in tables]
    return float(max(fitting, default=layer.width))


def _match(measurements: Measurements, layer: LayerState, bounds: Bounds, few: _Few) -> Match:
    now = standing(measurements, layer)
    onset = _onset(measurements, layer, bounds, few)
    file, rows, intake = now is Standing.FILE, len(few.rows), few.intake
    before = _before(measurements, layer)
    sizes = np.sort(np.unique(groups_of(few.rows, layer), return_counts=True)[1])[::-1]
    shares = sizes / rows
    vectors = f"{few.vectors} different vectors serve" if few.vectors > 1 else "One vector serves"
    of = f"{intake.least} different inputs" if intake is not None else f"{rows} rows"
    return Match(
        message=f"{vectors} all of {of} in {title(layer)}.",
        where=place(layer, onset if onset is not None else few.step),
        evidence=evidence(
            distinct_vectors=Evidence(
                few.vectors,
                bounds.handful,
                "<=",
                null=float(intake.least) if intake is not None else None,
                meaning="equal up to rounding",
            ),
            perplexity=Evidence(
                float(np.exp(-(shares * np.log(shares)).sum())),
                meaning="as many vectors, used evenly, would be as hard to guess",
            ),
            largest_share=Evidence(float(shares[0]), meaning="rows of the most frequent one"),
            could_be=Evidence(_entries(measurements, layer, few), meaning="entries, or codes"),
            before=Evidence(before, meaning="different vectors of one step at most"),
            rows=Evidence(rows, bounds.min_rows, ">="),
        ),
        severity=capped(Severity.ERROR, now, Severity.WARNING),
        confidence=Confidence.MEDIUM if file or now.is_untrained else Confidence.HIGH,
        cause=_FILE_CAUSE if file else "",
    )


_FILE_CAUSE = (
    "Either few vectors are left of what the model could tell apart (a code book with dead codes, "
    "ids clipped to a few, a quantisation too coarse), or the rows were made from as few inputs, "
    "which a file does not show."
)


RULE = Rule(
    code="CD305",
    name="cluster-collapse",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
